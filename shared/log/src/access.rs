//! Who looked at the log: one immutable item for each time an auditor asked.

use ilock_dynamo::{BadCursor, Item, page, text};
use ilock_env::random;
use ilock_events::{Access, TenantId};
use ilock_proof::Day;

use crate::error::LogError;
use crate::item;
use crate::log::EventLog;

/// A page of accesses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessPage {
    /// In the order in which they looked.
    pub accesses: Vec<Access>,
    /// Where the next page starts; none after the last.
    pub next: Option<String>,
}

fn pk(tenant: &TenantId, day: &Day) -> String {
    format!("audit#{tenant}#{day}")
}

impl EventLog {
    /// Keeps that an auditor of `tenant` looked. When this answers, it stands.
    ///
    /// # Errors
    /// [`LogError::Store`]: then nobody may be shown anything. [`LogError::Item`] when the system has no randomness.
    pub async fn keep_access(&self, tenant: &TenantId, access: &Access) -> Result<(), LogError> {
        // Two that looked in the same millisecond stand beside each other.
        let chance = random::<16>().map_err(item::unreadable("access#"))?;
        let sk = format!("access#{:015}#{}", access.at.0, hex::encode(chance));
        let mut entry: Item = serde_dynamo::to_item(access).map_err(item::unreadable(&sk))?;
        entry.insert("pk".into(), text(pk(tenant, &Day::of(access.at))));
        entry.insert("sk".into(), text(sk));
        // Only our own write, sent again by the SDK, can stand there already.
        self.put_new(entry).await.map(drop)
    }

    /// A page of what the auditors of `tenant` asked on `day`, from `cursor` on.
    ///
    /// # Errors
    /// [`LogError::Store`], or [`LogError::Item`] when one cannot be read.
    pub async fn accesses(
        &self,
        tenant: &TenantId,
        day: &Day,
        most: u16,
        cursor: Option<&str>,
    ) -> Result<Result<AccessPage, BadCursor>, LogError> {
        let query = self.client.query().table_name(&self.table).consistent_read(true);
        let found = match page(query, &pk(tenant, day), most, cursor, is_sk).await? {
            Ok(found) => found,
            Err(bad) => return Ok(Err(bad)),
        };
        let accesses = found.items.into_iter().map(|found| item::body("access#", found));
        Ok(Ok(AccessPage { accesses: accesses.collect::<Result<_, _>>()?, next: found.next }))
    }
}

/// Whether `sk` can be the sort key of an access.
fn is_sk(sk: &str) -> bool {
    let Some((ms, chance)) = sk.strip_prefix("access#").and_then(|rest| rest.split_once('#')) else { return false };
    let digits = ms.len() == 15 && ms.bytes().all(|byte| byte.is_ascii_digit());
    digits && chance.len() == 32 && chance.bytes().all(|byte| byte.is_ascii_hexdigit())
}
