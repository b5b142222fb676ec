//! GET /api/audit/accesses: what the auditors of a tenant looked at on a day.

use axum::Router;
use axum::extract::{FromRef, State};
use axum::routing::get;
use ilock_env::Clock;
use ilock_events::{AccessesOfDay, LookedAt};
use serde::Deserialize;

use super::question::{Question, day};
use crate::error::ApiError;
use crate::http::asker::Auditor;
use crate::http::body::page_limit;
use crate::http::query::Query;
use crate::http::response::Reply;
use crate::http::tenant::AuditLog;
use crate::service::token_verifier::TokenVerifier;
use crate::settings::BadSetting;
use crate::wiring::Wiring;

/// The state of list-accesses.
#[derive(Clone, FromRef)]
pub struct ListAccessesState {
    verifier: TokenVerifier,
    log: AuditLog,
    clock: Clock,
}

impl ListAccessesState {
    /// With the parts that `wiring` has.
    ///
    /// # Errors
    /// [`BadSetting`].
    pub fn new(wiring: &Wiring) -> Result<Self, BadSetting> {
        Ok(Self { verifier: wiring.token_verifier()?, log: AuditLog::new(wiring.log()?), clock: wiring.clock.clone() })
    }
}

pub fn routes(state: ListAccessesState) -> Router {
    Router::new().route("/api/audit/accesses", get(list_accesses)).with_state(state)
}

#[derive(Debug, Deserialize)]
struct AccessesAsked {
    day: Option<String>,
    tenant: Option<String>,
    limit: Option<String>,
    cursor: Option<String>,
}

async fn list_accesses(
    auditor: Auditor,
    State(ListAccessesState { log, clock, .. }): State<ListAccessesState>,
    Query(asked): Query<AccessesAsked>,
) -> Result<Reply<AccessesOfDay>, ApiError> {
    auditor.own_tenant(asked.tenant.as_deref())?;
    let day = day(asked.day.as_deref())?;
    let limit = page_limit(asked.limit.as_deref())?;
    // Read first, so that a cursor that was never given out is refused before anything is kept of it.
    let page = log
        .accesses(&auditor, &day, limit, asked.cursor.as_deref())
        .await?
        .map_err(|bad| ApiError::field("cursor", bad.to_string()))?;
    let question = Question::default()
        .with("day", Some(&day))
        .with("limit", asked.limit.as_ref())
        .with("cursor", asked.cursor.as_ref());
    question.keep(&log, &auditor, clock.now(), (LookedAt::Accesses, None)).await?;
    Ok(Reply(AccessesOfDay { accesses: page.accesses, unreadable: page.unreadable, next_cursor: page.next }))
}
