//! GET /api/audit/calls/{call_id}/events: all that is stored of a call, for auditors.

use axum::Router;
use axum::extract::{FromRef, Path, Query, State};
use axum::routing::get;
use ilock_events::{CallEvents, LookedAt, TenantId};
use ilock_log::{EventLog, StoredCall};
use serde::Deserialize;

use crate::answer::{ApiError, Reply};
use crate::app::Access;
use crate::ask::{self, Auditor};
use crate::auditing::Asked;
use ilock_env::Clock;

/// The route.
pub fn routes<S>() -> Router<S>
where
    S: Clone + Send + Sync + 'static,
    Access: FromRef<S>,
    EventLog: FromRef<S>,
    Clock: FromRef<S>,
{
    Router::new().route("/api/audit/calls/{call_id}/events", get(replay_call))
}

#[derive(Debug, Deserialize)]
struct EventsAsked {
    personal: Option<String>,
}

async fn replay_call(
    auditor: Auditor,
    State(log): State<EventLog>,
    State(clock): State<Clock>,
    Path(call_id): Path<String>,
    Query(asked): Query<EventsAsked>,
) -> Result<Reply<CallEvents>, ApiError> {
    let call_id = ask::call_id(&call_id)?;
    let personal = match asked.personal.as_deref() {
        None | Some("false") => false,
        Some("true") => true,
        Some(_) => return Err(ApiError::field("personal", "must be true or false")),
    };
    let question = Asked::default().with("personal", personal.then_some(true));
    auditor.looks(&log, &clock, LookedAt::Events, Some(&call_id), question).await?;

    let stored = log.stored(&call_id).await?;
    if !is_of(&stored, &auditor.tenant) {
        return Err(ApiError::NotFound("call"));
    }
    let StoredCall { commits, receipts, personal: text, .. } = stored;
    Ok(Reply(CallEvents { call_id, commits, receipts, personal: personal.then_some(text) }))
}

/// Whose call it is stands in its commits; in the earliest that is left, should somebody have deleted one.
fn is_of(call: &StoredCall, tenant: &TenantId) -> bool {
    call.commits.iter().find_map(|commit| commit["tenant"].as_str()).is_some_and(|of| of == tenant.as_str())
}
