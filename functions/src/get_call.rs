//! GET /api/calls/{call_id}: what a woken or reconnected phone asks first.

use axum::Router;
use axum::extract::{FromRef, Path, State};
use axum::routing::get;
use ilock_events::{CallView, CommitNo, Millis, PartyId};
use ilock_log::{EventLog, History};

use crate::answer::{ApiError, Reply};
use crate::app::Access;
use crate::ask::{self, Caller};
use crate::calls::{of_party, placed};
use crate::rooms::Rooms;
use ilock_env::Clock;

/// The route.
pub fn routes<S>() -> Router<S>
where
    S: Clone + Send + Sync + 'static,
    Access: FromRef<S>,
    EventLog: FromRef<S>,
    Rooms: FromRef<S>,
    Clock: FromRef<S>,
{
    Router::new().route("/api/calls/{call_id}", get(get_call))
}

async fn get_call(
    caller: Caller,
    State(log): State<EventLog>,
    State(rooms): State<Rooms>,
    State(clock): State<Clock>,
    Path(call_id): Path<String>,
) -> Result<Reply<CallView>, ApiError> {
    let call_id = ask::call_id(&call_id)?;
    let history = of_party(&log, &call_id, &caller.tenant, &caller.party).await?;
    Ok(Reply(view(&history, &rooms, &caller.party.id, clock.now())?))
}

/// The call as `party` sees it at `now`.
///
/// # Errors
/// 404 when it was never placed.
pub fn view(history: &History, rooms: &Rooms, party: &PartyId, now: Millis) -> Result<CallView, ApiError> {
    let call = placed(history)?;
    let text = history.text_of(CommitNo::FIRST);
    Ok(CallView {
        call_id: history.call.id.clone(),
        state: call.state,
        seq: history.call.head.as_ref().map_or(CommitNo::FIRST, |(n, _)| *n),
        caller_id: call.terms.caller.id.clone(),
        callee_id: call.terms.callee.clone(),
        caller_info: text.and_then(|text| text.caller_info.clone()).unwrap_or_default(),
        invitation_data: text.and_then(|text| text.invitation_data.clone()),
        timestamp: call.at,
        expires_at: call.terms.deadline,
        answered_by: call.answered_by.as_ref().map(ilock_events::Actor::name),
        room_info: rooms.info(call, party, now),
    })
}
