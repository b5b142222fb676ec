//! What an auditor asked: of their own tenant only, and kept before anything is answered.

use std::collections::BTreeMap;

use ilock_events::{Access, CallId, LookedAt, Millis, TenantId};
use ilock_proof::{BadDay, Day};

use crate::error::ApiError;
use crate::http::asker::Auditor;
use crate::http::tenant::AuditLog;

/// The parameters of a question, by name, as they are kept with the record that it was asked.
#[derive(Debug, Default)]
pub struct Question(BTreeMap<String, String>);

impl Question {
    /// With `value` for `name`, where the question had it.
    #[must_use]
    pub fn with(mut self, name: &str, value: Option<impl ToString>) -> Self {
        self.0.extend(value.map(|value| (name.to_owned(), value.to_string())));
        self
    }

    /// Keeps that `auditor` asked this, and of which call. Only when this went well may anything be answered.
    ///
    /// # Errors
    /// 503 when it could not be kept.
    pub async fn keep(
        self,
        log: &AuditLog,
        auditor: &Auditor,
        at: Millis,
        (looked_at, call_id): (LookedAt, Option<&CallId>),
    ) -> Result<(), ApiError> {
        let (by, call_id) = (auditor.id.clone(), call_id.cloned());
        log.keep_access(auditor, &Access { at, auditor: by, looked_at, call_id, asked: self.0 }).await
    }
}

impl Auditor {
    /// Refuses a question about another tenant than the auditor's own.
    ///
    /// # Errors
    /// 400 when it can be no tenant, 403 when it is another's.
    pub fn own_tenant(&self, asked: Option<&str>) -> Result<(), ApiError> {
        match asked.map(TenantId::new).transpose() {
            Err(bad) => Err(ApiError::field("tenant", bad.to_string())),
            Ok(Some(tenant)) if tenant != self.tenant => Err(ApiError::Forbidden("for your own tenant only")),
            Ok(_) => Ok(()),
        }
    }
}

/// The day that a question is about.
///
/// # Errors
/// 400.
pub fn day(text: Option<&str>) -> Result<Day, ApiError> {
    let text = text.ok_or_else(|| ApiError::field("day", "is missing"))?;
    text.parse().map_err(|bad: BadDay| ApiError::field("day", bad.to_string()))
}
