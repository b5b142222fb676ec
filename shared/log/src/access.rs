//! Who looked at the log: one immutable item for each time an auditor asked.

use std::collections::BTreeSet;

use ilock_dynamo::{BadCursor, Item, Scan, page, text, text_in};
use ilock_env::random;
use ilock_events::{Access, TenantId, UnreadableAccess};
use ilock_proof::Day;
use serde_json::Value;

use crate::error::{LogError, store};
use crate::item;
use crate::log::EventLog;
use crate::unverified::json;

/// A page of accesses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessPage {
    /// In the order in which they looked.
    pub accesses: Vec<Access>,
    /// What stands among them and is none.
    pub unreadable: Vec<UnreadableAccess>,
    /// Where the next page starts; none after the last.
    pub next: Option<String>,
}

/// An access as it is stored, unverified: for those who judge it.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredAccess {
    pub tenant: TenantId,
    /// The day under which it stands.
    pub day: Day,
    /// Its sort key, which ends with its salt.
    pub sk: String,
    /// Its fields, without its keys; null where JSON cannot hold them.
    pub body: Value,
}

/// Every access of every tenant, by a scan of the whole table, page by page.
#[derive(Debug)]
pub struct EveryAccess(Scan);

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

    /// A page of what the auditors of `tenant` asked on `day`, from `cursor` on. One that cannot be read hides no other.
    ///
    /// # Errors
    /// [`LogError::Store`].
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
        let (mut accesses, mut unreadable) = (vec![], vec![]);
        for found in found.items {
            let item = text_in(&found, "sk");
            match serde_dynamo::from_item::<_, Access>(found) {
                Ok(access) => accesses.push(access),
                Err(error) => unreadable.push(UnreadableAccess { item, why: error.to_string() }),
            }
        }
        Ok(Ok(AccessPage { accesses, unreadable, next: found.next }))
    }

    /// The tenants that ever placed a call, by the day index.
    ///
    /// # Errors
    /// [`LogError::Store`].
    pub async fn tenants(&self) -> Result<BTreeSet<TenantId>, LogError> {
        let keys = self.days().await?.into_values().flatten();
        Ok(keys.filter_map(|key| TenantId::new(key.split('#').next()?).ok()).collect())
    }

    /// All that the auditors of `tenant` asked on `day`, as it is stored.
    ///
    /// # Errors
    /// [`LogError::Store`].
    pub async fn stored_accesses(&self, tenant: &TenantId, day: &Day) -> Result<Vec<StoredAccess>, LogError> {
        let mut items = self
            .client
            .query()
            .table_name(&self.table)
            .key_condition_expression("pk = :pk AND begins_with(sk, :access)")
            .expression_attribute_values(":pk", text(pk(tenant, day)))
            .expression_attribute_values(":access", text("access#"))
            .consistent_read(true)
            .into_paginator()
            .items()
            .send();
        let mut accesses = vec![];
        while let Some(found) = items.next().await {
            accesses.extend(stored(found.map_err(|e| store("Query")(e.into_service_error()))?));
        }
        Ok(accesses)
    }

    /// Every access, whoever's it is. It reads the whole table.
    #[must_use]
    pub fn every_access(&self) -> EveryAccess {
        let scan = self
            .client
            .scan()
            .table_name(&self.table)
            .filter_expression("begins_with(pk, :audit) AND begins_with(sk, :access)")
            .expression_attribute_values(":audit", text("audit#"))
            .expression_attribute_values(":access", text("access#"))
            .consistent_read(true);
        EveryAccess(Scan::new(scan))
    }
}

impl EveryAccess {
    /// The next of them; none after the last.
    ///
    /// # Errors
    /// As [`EventLog::stored_accesses`].
    pub async fn next(&mut self) -> Result<Option<StoredAccess>, LogError> {
        while let Some(found) = self.0.next().await? {
            if let Some(access) = stored(found) {
                return Ok(Some(access));
            }
        }
        Ok(None)
    }
}

/// An access as it is stored; none where its key is that of no tenant and day.
fn stored(mut found: Item) -> Option<StoredAccess> {
    let (pk, sk) = (text_in(&found, "pk"), text_in(&found, "sk"));
    let key = pk.strip_prefix("audit#").and_then(|rest| rest.rsplit_once('#'));
    let key = key.and_then(|(tenant, day)| Some((TenantId::new(tenant).ok()?, day.parse::<Day>().ok()?)));
    let (tenant, day) = key?;
    found.remove("pk");
    found.remove("sk");
    let body = json(found).unwrap_or_default();
    Some(StoredAccess { tenant, day, sk, body })
}

/// Whether `sk` can be a sort key. Any can stand there: a page may end with one that is no access's.
fn is_sk(sk: &str) -> bool {
    (1..=1024).contains(&sk.len())
}
