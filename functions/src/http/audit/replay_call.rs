//! GET /api/audit/calls/{call_id}/events: all that is stored of a call, for auditors.

use axum::Router;
use axum::extract::{FromRef, Path, State};
use axum::routing::get;
use ilock_env::Clock;
use ilock_events::{CallEvents, LookedAt};
use ilock_proof::StoredCall;
use serde::Deserialize;

use super::question::Question;
use crate::error::ApiError;
use crate::http::asker::Auditor;
use crate::http::body;
use crate::http::query::Query;
use crate::http::response::Reply;
use crate::http::tenant::AuditLog;
use crate::service::token_verifier::TokenVerifier;
use crate::settings::BadSetting;
use crate::wiring::Wiring;

/// The state of replay-call.
#[derive(Clone, FromRef)]
pub struct ReplayCallState {
    verifier: TokenVerifier,
    log: AuditLog,
    clock: Clock,
}

impl ReplayCallState {
    /// With the parts that `wiring` has.
    ///
    /// # Errors
    /// [`BadSetting`].
    pub fn new(wiring: &Wiring) -> Result<Self, BadSetting> {
        Ok(Self { verifier: wiring.token_verifier()?, log: AuditLog::new(wiring.log()?), clock: wiring.clock.clone() })
    }
}

pub fn routes(state: ReplayCallState) -> Router {
    Router::new().route("/api/audit/calls/{call_id}/events", get(replay_call)).with_state(state)
}

#[derive(Debug, Deserialize)]
struct EventsAsked {
    personal: Option<String>,
}

async fn replay_call(
    auditor: Auditor,
    State(ReplayCallState { log, clock, .. }): State<ReplayCallState>,
    Path(call_id): Path<String>,
    Query(asked): Query<EventsAsked>,
) -> Result<Reply<CallEvents>, ApiError> {
    let call_id = body::call_id(&call_id)?;
    let personal = match asked.personal.as_deref() {
        None | Some("false") => false,
        Some("true") => true,
        Some(_) => return Err(ApiError::field("personal", "must be true or false")),
    };
    let question = Question::default().with("personal", personal.then_some(true));
    question.keep(&log, &auditor, clock.now(), (LookedAt::Events, Some(&call_id))).await?;

    let StoredCall { commits, alerts, receipts, personal: text, .. } = log.stored(&auditor, &call_id).await?;
    Ok(Reply(CallEvents { call_id, commits, alerts, receipts, personal: personal.then_some(text) }))
}
