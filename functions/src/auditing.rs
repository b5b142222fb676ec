//! How auditors ask: of their own tenant only, and never unseen.

use std::collections::BTreeMap;

use ilock_events::{Access, CallId, LookedAt, TenantId};
use ilock_log::{Day, EventLog};

use crate::answer::ApiError;
use crate::ask::Auditor;
use ilock_env::Clock;

const DEFAULT_PAGE: u16 = 20;
const MAX_PAGE: u16 = 100;

/// What a question said, by name, as it is kept with the record that it was asked.
#[derive(Debug, Default)]
pub struct Asked(BTreeMap<String, String>);

impl Asked {
    /// With `value` for `name`, where the question had it.
    #[must_use]
    pub fn with(mut self, name: &str, value: Option<impl ToString>) -> Self {
        self.0.extend(value.map(|value| (name.to_owned(), value.to_string())));
        self
    }
}

impl Auditor {
    /// That the question is about the auditor's own tenant, if it names one.
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

    /// Keeps that this auditor looks. Only when this went well may anything be answered.
    ///
    /// # Errors
    /// 503 when it could not be kept.
    pub async fn looks(
        &self,
        log: &EventLog,
        clock: &Clock,
        looked_at: LookedAt,
        call_id: Option<&CallId>,
        Asked(asked): Asked,
    ) -> Result<(), ApiError> {
        let (auditor, call_id) = (self.id.clone(), call_id.cloned());
        let access = Access { at: clock.now(), auditor, looked_at, call_id, asked };
        Ok(log.keep_access(&self.tenant, &access).await?)
    }
}

/// The day that a question is about.
///
/// # Errors
/// 400.
pub fn day(text: Option<&str>) -> Result<Day, ApiError> {
    let text = text.ok_or_else(|| ApiError::field("day", "is missing"))?;
    text.parse().map_err(|bad: ilock_log::BadDay| ApiError::field("day", bad.to_string()))
}

/// How many a page may have.
///
/// # Errors
/// 400.
pub fn limit(text: Option<&str>) -> Result<u16, ApiError> {
    let Some(text) = text else { return Ok(DEFAULT_PAGE) };
    text.parse()
        .ok()
        .filter(|limit| (1..=MAX_PAGE).contains(limit))
        .ok_or_else(|| ApiError::field("limit", format!("must be 1 to {MAX_PAGE}")))
}
