//! The room of an answered call that everybody has left: the call ends. Whoever is still to come, or has only lost the
//! connection, is given the time.

use ilock_call::Placed;
use ilock_directory::Guest;
use ilock_events::{Act, Actor, CallState, CommandId, Millis, Party, PersonalText, Reason, TrtcIdentity};
use ilock_log::History;
use ilock_notify::Alarm;

use crate::error::ApiError;
use crate::service::calls::{Calls, CommandRequest, PersonalData};
use crate::service::rung::Rung;

/// The key under which a call ends because everybody was gone.
const LEFT_KEY: &str = "left";

/// Who was first in the room and out again before the other came is not taken for the end so soon after the answer: the
/// other may still be on the way.
const JOIN_MS: i64 = 30_000;

/// How long somebody may take to come back whose connection was lost, or whose room was dismissed. Tencent waits as long before
/// it sends a report again that was not taken.
const RETURN_MS: i64 = 10_000;

/// Ends the answered call of `history` where everybody has left its room for good, as of the moment `as_of`; where that is not
/// certain yet, an alarm has it looked at again. `lost` says that somebody has just been lost who may be back: that report may
/// be late, and one of their return still on its way.
///
/// # Errors
/// What log, directory and timer say.
pub async fn end_once_left(calls: &Calls, history: &mut History, as_of: Millis, lost: bool) -> Result<(), ApiError> {
    let active = history.call.placed.as_ref().filter(|placed| placed.state == CallState::Active);
    let Some(placed) = active else { return Ok(()) };
    let room = calls.directory.room(placed.terms.room_id).await?;
    let Some(room) = room.filter(|room| room.lease.call_id == history.call.id) else { return Ok(()) };
    let Some(left) = left_for_good(placed, &room.guests) else { return Ok(()) };
    let left = if lost { left.max(as_of.plus(RETURN_MS)) } else { left };
    if left > as_of {
        let alarm = Alarm::of_empty_room(history.call.id.clone());
        return calls.timer.arm(alarm, left).await.map_err(ApiError::Timer);
    }
    let request = CommandRequest {
        tenant: placed.tenant.clone(),
        actor: Actor::System,
        client_is: None,
        key: CommandId::new(LEFT_KEY).map_err(|bad| ApiError::Internal(bad.to_string()))?,
        act: Act::End { reason: Reason::Left },
        personal: PersonalData::Unsaved(PersonalText::default()),
        rung: Rung::default(),
    };
    match calls.execute(history, request, &calls.clock).await {
        // Somebody hung up meanwhile.
        Ok(_) | Err(ApiError::Refused(_)) => Ok(()),
        Err(other) => Err(other),
    }
}

/// From when on everybody who was in the room of this answered call is gone for good, unless somebody comes; none while
/// somebody is inside.
fn left_for_good(placed: &Placed, guests: &[Guest]) -> Option<Millis> {
    let answered_at = placed.answered_at()?;
    // Each client of a party has a name of its own in the room.
    let of_party = |party: &Party| -> Vec<&Guest> {
        let identity = TrtcIdentity::of(&placed.tenant, party.kind, &party.id);
        let is_theirs = |guest: &&Guest| guest.at >= placed.at && identity.seat_of(guest.id.as_str()).is_some();
        guests.iter().filter(is_theirs).collect()
    };
    let caller = of_party(&placed.terms.caller);
    let callee = placed.answerer().map_or_else(Vec::new, |answerer| of_party(&answerer));
    let both_came = !caller.is_empty() && !callee.is_empty();
    let at_once = Millis(0);
    let joined = if both_came { at_once } else { answered_at.plus(JOIN_MS) };
    caller.into_iter().chain(callee).try_fold(joined, |left, guest| match guest {
        Guest { inside: true, .. } => None,
        Guest { may_return: true, at, .. } => Some(left.max(at.plus(RETURN_MS))),
        Guest { .. } => Some(left),
    })
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use ilock_call::Answer;
    use ilock_events::{CallPlaced, Callee, PartyId, PartyKind, RoomId, TenantId};

    use super::*;

    const PLACED: Millis = Millis(1_700_000_000_000);
    const ANSWERED: Millis = PLACED.plus(5_000);

    fn party(kind: PartyKind, id: &str) -> Party {
        Party { kind, id: PartyId::new(id).unwrap() }
    }

    fn answered() -> Placed {
        let user = PartyId::new("user456").unwrap();
        let answerer = Actor::User { id: user.clone(), client: None };
        Placed {
            tenant: TenantId::new("default").unwrap(),
            terms: CallPlaced {
                caller: party(PartyKind::User, "eva"),
                callees: vec![Callee { id: user, clients: vec![], primary: None, reachable: true, busy: None }],
                room_id: RoomId::new(7).unwrap(),
                ring_seconds: 30,
                deadline: PLACED.plus(30_000),
                max_call_seconds: 60,
                personal: None,
            },
            request: CommandId::new("key").unwrap(),
            at: PLACED,
            state: CallState::Active,
            winner: Some(answerer.clone()),
            answer: Some(Answer { by: answerer, at: ANSWERED }),
            reason: None,
            alerted: None,
            rejected: BTreeMap::new(),
            declined: BTreeSet::new(),
        }
    }

    fn guest(id: &str, inside: bool, may_return: bool, after_ms: i64) -> Guest {
        Guest { id: id.parse().unwrap(), inside, may_return, at: ANSWERED.plus(after_ms) }
    }

    #[test]
    fn nobody_is_gone_while_somebody_is_inside_under_whatever_name_of_theirs() {
        for inside in ["eva", "eva_3", "user456", "user456_0"] {
            let guests =
                [guest("eva_0", false, false, 1), guest("user456_1", false, false, 2), guest(inside, true, false, 3)];
            assert_eq!(left_for_good(&answered(), &guests), None, "{inside}");
        }
    }

    #[test]
    fn who_left_is_gone_at_once_and_who_was_lost_ten_seconds_later() {
        let left = |first, second| {
            let guests = [guest("eva_0", false, first, 60_000), guest("user456_0", false, second, 61_000)];
            left_for_good(&answered(), &guests).unwrap().max(ANSWERED).since(ANSWERED)
        };
        assert_eq!(left(false, false), 0);
        assert_eq!(left(true, false), 70_000);
        assert_eq!(left(true, true), 71_000);
    }

    #[test]
    fn who_was_alone_waits_for_the_other_and_an_earlier_calls_guests_do_not_count() {
        let alone = [guest("eva_0", false, false, 1_000), guest("user456_0", true, false, -60_000)];
        assert_eq!(left_for_good(&answered(), &alone), Some(ANSWERED.plus(JOIN_MS)));
    }
}
