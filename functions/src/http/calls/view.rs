//! A call as its parties see it.

use ilock_events::{CallView, CommitNo, Millis, Party, Seat};

use crate::error::ApiError;
use crate::http::tenant::PartyCall;
use crate::service::room_credentials::RoomCredentials;

/// `call` as `party` sees it, with the way into its room for its `seat` while it may be joined.
///
/// # Errors
/// 404 when it was never placed.
pub fn view(
    call: &PartyCall,
    rooms: &RoomCredentials,
    (party, seat): (&Party, Seat),
    now: Millis,
) -> Result<CallView, ApiError> {
    let placed = call.placed()?;
    let text = call.text_of(CommitNo::FIRST);
    Ok(CallView {
        call_id: call.call.id.clone(),
        state: placed.state,
        seq: call.call.head.as_ref().map_or(CommitNo::FIRST, |(n, _)| *n),
        caller_id: placed.terms.caller.id.clone(),
        callee_id: placed.terms.callee.clone(),
        caller_info: text.and_then(|text| text.caller_info.clone()).unwrap_or_default(),
        invitation_data: text.and_then(|text| text.invitation_data.clone()),
        timestamp: placed.at,
        expires_at: placed.terms.deadline,
        answered_by: placed.answered_by.as_ref().map(ilock_events::Actor::name),
        room_info: rooms.info(placed, (party, seat), now),
    })
}
