//! An auditor's access, as it is stored: under which key it must stand, and what of it the ledger must have.

use ilock_events::{Millis, TenantId};
use ilock_proof::{Day, Entry, EntryKind, access_digest};
use serde_json::Value;

/// How many hex digits a salt has.
const SALT_DIGITS: usize = 32;

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

    /// What the ledger must have of it; none where its fields cannot be read.
    pub(crate) fn entry(&self) -> Option<Entry> {
        self.body.as_object()?;
        Some(Entry::of_log(EntryKind::Access, access_digest(self.tenant, self.salt(), self.body).ok()?))
    }

    /// Whether its key is exactly the one under which the log keeps an access of its moment and salt. The entry has of the key only
    /// the salt: under any other key, the same access could stand in the log again, or where no auditor is shown it.
    pub(crate) fn is_in_place(&self) -> bool {
        let salt = self.salt();
        let is_salt = salt.len() == SALT_DIGITS && salt.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        let is_key_of = |at: Millis| self.sk == format!("access#{:015}#{salt}", at.0);
        is_salt && self.at().is_some_and(|at| Day::of(at) == *self.day && is_key_of(at))
    }

    fn salt(&self) -> &str {
        self.sk.rsplit('#').next().unwrap_or_default()
    }
}
