//! A call as its parties see it.

use ilock_call::Placed;
use ilock_events::{CallView, ClientName, CommitNo, Millis, Party, PartyId};

use super::acting_client::ActingClient;
use crate::error::ApiError;
use crate::http::tenant::PartyCall;
use crate::service::room_credentials::{Entrant, RoomCredentials};

/// `call` as `party` sees it, with the way into its room for its client's seat while it may be joined.
///
/// # Errors
/// 404 when it was never placed.
pub fn view(
    call: &PartyCall,
    rooms: &RoomCredentials,
    (party, client): (&Party, &ActingClient),
    now: Millis,
) -> Result<CallView, ApiError> {
    let placed = call.placed()?;
    // What one phone was given is no other's: who does not say which of several they are looks as such, or not at all.
    let previews = call.alerted(&party.id).any(|(by, preview)| preview && by == client.name.as_ref());
    let entrant = Entrant { party, seat: client.seat, previews };
    let text = call.text_of(CommitNo::FIRST);
    Ok(CallView {
        call_id: call.call.id.clone(),
        state: placed.state,
        seq: call.call.head.as_ref().map_or(CommitNo::FIRST, |(n, _)| *n),
        caller_id: placed.terms.caller.id.clone(),
        callee_id: callee_shown(placed, party),
        callee_ids: if placed.terms.caller == *party { ids(placed) } else { vec![] },
        not_rung: vec![],
        repeated: false,
        caller_info: text.and_then(|text| text.caller_info.clone()).unwrap_or_default().shown(),
        invitation_data: text.and_then(|text| text.invitation_data.clone()),
        timestamp: placed.at,
        expires_at: placed.terms.deadline,
        remaining_ms: remaining_ms(placed, party, client.name.as_ref(), now),
        primary: primary(placed, party),
        answered_by: placed.answered_by(),
        answered_at: placed.answered_at(),
        reason: placed.reason,
        room_info: rooms.info(placed, entrant, now),
    })
}

/// Whom `party` sees called: who is called sees nobody but themselves.
fn callee_shown(placed: &Placed, party: &Party) -> PartyId {
    let first = placed.terms.callees.first().map(|callee| &callee.id);
    if placed.calls(party) { party.id.clone() } else { first.unwrap_or(&placed.terms.caller.id).clone() }
}

/// For how many milliseconds after `now` it rings: where `party` is called, on their phones, or on `client`.
pub fn remaining_ms(placed: &Placed, party: &Party, client: Option<&ClientName>, now: Millis) -> i64 {
    let rings = match client {
        Some(client) => placed.rings_on(&party.id, client),
        None => placed.rings(&party.id),
    };
    if placed.calls(party) && !rings { 0 } else { placed.remaining_ms(now) }
}

/// Which of the clients of `party` sounds first while they ring.
fn primary(placed: &Placed, party: &Party) -> Option<ClientName> {
    let rings = placed.calls(party) && placed.rings(&party.id);
    let callee = placed.terms.callees.iter().find(|callee| rings && callee.id == party.id)?;
    callee.primary.clone()
}

fn ids(placed: &Placed) -> Vec<PartyId> {
    placed.terms.callees.iter().map(|callee| callee.id.clone()).collect()
}
