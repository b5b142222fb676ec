//! Who looked at the log: one immutable item for each time an auditor asked.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ilock_env::random;
use ilock_events::{Access, TenantId};

use crate::day::Day;
use crate::item::{self, Item, text};
use crate::{EventLog, LogError, store};

/// A page of accesses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessPage {
    /// In the order in which they looked.
    pub accesses: Vec<Access>,
    /// Where the next page starts; none after the last.
    pub next: Option<String>,
}

/// A cursor that no page gave out.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("this cursor was not given out")]
pub struct BadCursor;

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
        let put = self.client.put_item().table_name(&self.table).set_item(Some(entry));
        // Only our own write, sent again by the SDK, can stand there already.
        match put.condition_expression("attribute_not_exists(pk)").send().await {
            Ok(_) => Ok(()),
            Err(error) => match error.into_service_error() {
                error if error.is_conditional_check_failed_exception() => Ok(()),
                error => Err(store("PutItem")(error)),
            },
        }
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
        let pk = pk(tenant, day);
        let mut query = self
            .client
            .query()
            .table_name(&self.table)
            .key_condition_expression("pk = :pk")
            .expression_attribute_values(":pk", text(&pk))
            .consistent_read(true)
            .limit(i32::from(most));
        if let Some(cursor) = cursor {
            let Some(sk) = open_cursor(cursor) else { return Ok(Err(BadCursor)) };
            query = query.exclusive_start_key("pk", text(&pk)).exclusive_start_key("sk", text(sk));
        }
        let found = query.send().await.map_err(|error| store("Query")(error.into_service_error()))?;
        let next = found
            .last_evaluated_key
            .and_then(|key| key.get("sk").and_then(|sk| sk.as_s().ok()).map(|sk| URL_SAFE_NO_PAD.encode(sk)));
        let accesses = found.items.unwrap_or_default().into_iter().map(|found| item::body("access#", found));
        Ok(Ok(AccessPage { accesses: accesses.collect::<Result<_, _>>()?, next }))
    }
}

/// The sort key in a cursor. It is always joined with the asker's own partition, so a forged one leads nowhere else.
fn open_cursor(cursor: &str) -> Option<String> {
    let sk = String::from_utf8(URL_SAFE_NO_PAD.decode(cursor).ok()?).ok()?;
    let (ms, chance) = sk.strip_prefix("access#")?.split_once('#')?;
    let digits = ms.len() == 15 && ms.bytes().all(|byte| byte.is_ascii_digit());
    (digits && chance.len() == 32 && chance.bytes().all(|byte| byte.is_ascii_hexdigit())).then_some(sk)
}
