//! An auditor's access, as it is stored: under which key it must stand, and what of it the ledger must have.

use ilock_events::{Millis, TenantId};
use ilock_proof::{Day, Entry, EntryKind, access_digest};
use serde_json::Value;

/// An access as it is stored. Nothing in it has been checked.
#[derive(Debug, Clone, Copy)]
pub struct DayAccess<'a> {
    /// Whose auditor looked.
    pub tenant: &'a TenantId,
    /// The day under which it stands.
    pub day: &'a Day,
    /// Its sort key, which ends with its salt.
    pub sk: &'a str,
    /// Its fields, without its keys.
    pub body: &'a Value,
}

impl DayAccess<'_> {
    /// What it is called in a finding.
    pub(crate) fn name(&self) -> String {
        format!("the access {} of tenant {}", self.sk, self.tenant)
    }

    /// When it says that it happened.
    pub(crate) fn at(&self) -> Option<Millis> {
        self.body["at"].as_i64().map(Millis)
    }

    /// What the ledger must have of it.
    pub(crate) fn entry(&self) -> Option<Entry> {
        let salt = self.sk.rsplit('#').next()?;
        Some(Entry::of_log(EntryKind::Access, access_digest(self.tenant, salt, self.body).ok()?))
    }

    /// Whether its key is that of the moment at which it says that it happened.
    pub(crate) fn is_in_place(&self) -> bool {
        let in_key = self.sk.strip_prefix("access#").and_then(|rest| rest.split_once('#'));
        let in_key = in_key.and_then(|(ms, _)| ms.parse::<i64>().ok()).map(Millis);
        self.at().is_some_and(|at| Some(at) == in_key && Day::of(at) == *self.day)
    }
}
