//! What follows when something is asked.

use ilock_events::{
    Act, Actor, CallAccepted, CallAlerted, CallCancelled, CallEnded, CallEvent, CallFailed, CallMissed, CallPlaced,
    CallRejected, CallState, ClientName, Command, Millis, Party, Side,
};

use crate::{Call, Placed, Refusal};

/// For how long a call may ring, in seconds.
pub const RING_SECONDS: std::ops::RangeInclusive<u32> = 5..=120;

/// How many phones may confirm that they ring; what comes later is taken as said, and not written down.
pub const MAX_ALERTS: usize = 50;

/// What follows from `command` at `now`: the events to commit; none when it was done before, by the same actor.
///
/// # Errors
/// A [`Refusal`]: the call stays as it is.
#[must_use = "a decision is nothing until it is committed"]
pub fn decide(call: &Call, command: &Command, now: Millis) -> Result<Vec<CallEvent>, Refusal> {
    if let Some(before) = call.done(&command.actor, &command.id) {
        return if same_request(before, &command.act) { Ok(vec![]) } else { Err(Refusal::KeyReused) };
    }
    match (&call.placed, &command.act) {
        (None, Act::Place { .. }) => place(command, now).map(|event| vec![event]),
        (None, _) => Err(Refusal::NoSuchCall),
        (Some(_), Act::Place { .. }) => Err(Refusal::AlreadyPlaced),
        (Some(placed), act) => answer(placed, act, &command.actor, now),
    }
}

/// Whether two acts under one key are the same request. Rooms and digests differ from try to try.
fn same_request(before: &Act, again: &Act) -> bool {
    match (before, again) {
        (
            Act::Place { callee, ring_seconds, .. },
            Act::Place { callee: callee_again, ring_seconds: seconds_again, .. },
        ) => callee == callee_again && ring_seconds == seconds_again,
        _ => std::mem::discriminant(before) == std::mem::discriminant(again),
    }
}

fn place(command: &Command, now: Millis) -> Result<CallEvent, Refusal> {
    let Act::Place { callee, ring_seconds, room_id, personal } = &command.act else {
        return Err(Refusal::NotYours);
    };
    let caller = command.actor.party().ok_or(Refusal::NotYours)?;
    if caller.id == *callee {
        return Err(Refusal::CallsSelf);
    }
    if !RING_SECONDS.contains(ring_seconds) {
        return Err(Refusal::RingSeconds);
    }
    Ok(CallEvent::CallPlaced(CallPlaced {
        caller,
        callee: callee.clone(),
        room_id: *room_id,
        ring_seconds: *ring_seconds,
        deadline: now.plus(i64::from(*ring_seconds) * 1000),
        personal: personal.clone(),
    }))
}

fn answer(placed: &Placed, act: &Act, actor: &Actor, now: Millis) -> Result<Vec<CallEvent>, Refusal> {
    let side = side_of(placed, actor).ok_or(Refusal::NotYours)?;
    let may = match act {
        Act::Alert {} | Act::Accept {} | Act::Reject { .. } => side == Side::Callee,
        Act::Cancel { .. } => side == Side::Caller,
        Act::HangUp { .. } => *actor != Actor::Timer,
        Act::Expire {} => *actor == Actor::Timer,
        Act::Fail { .. } => *actor == Actor::System,
        Act::Place { .. } => false,
    };
    if !may {
        return Err(Refusal::NotYours);
    }
    let too_late = || Refusal::TooLate { state: placed.state, winner: placed.winner.name() };
    let ringing = placed.state == CallState::Ringing;
    let over = now >= placed.terms.deadline;
    let client_id = client_of(actor);

    let event = match act {
        // What an actor has done already is done, not refused. A person without a named phone may be any of their
        // phones, so only the key tells a repetition from a second phone.
        Act::Accept {} if placed.answered_by.as_ref() == Some(actor) && client_id.is_some() => {
            return if placed.state == CallState::Active { Ok(vec![]) } else { Err(too_late()) };
        }
        Act::Reject { .. } if placed.state == CallState::Rejected && placed.winner == *actor => return Ok(vec![]),
        Act::Cancel { .. } if placed.state == CallState::Cancelled => return Ok(vec![]),
        Act::HangUp { .. } if placed.state == CallState::Ended && placed.winner == *actor => return Ok(vec![]),
        Act::Alert {} if ringing && (placed.alerted.contains(&client_id) || placed.alerted.len() >= MAX_ALERTS) => {
            return Ok(vec![]);
        }

        Act::HangUp { .. } if ringing => return Err(Refusal::NotAnswered),
        Act::HangUp { personal } if placed.state == CallState::Active => {
            CallEvent::CallEnded(CallEnded { by: side, personal: personal.clone() })
        }
        Act::Fail { reason } if !placed.state.is_final() => {
            CallEvent::CallFailed(CallFailed { reason: reason.clone() })
        }
        _ if !ringing => return Err(too_late()),

        Act::Expire {} if over => CallEvent::CallMissed(CallMissed {}),
        Act::Expire {} => return Err(Refusal::StillRinging { deadline: placed.terms.deadline }),
        Act::Cancel { personal } => CallEvent::CallCancelled(CallCancelled { personal: personal.clone() }),
        _ if over => {
            return Err(Refusal::TooLate { state: CallState::Missed, winner: Actor::Timer.name() });
        }
        Act::Alert {} => CallEvent::CallAlerted(CallAlerted { client_id }),
        Act::Accept {} => CallEvent::CallAccepted(CallAccepted { client_id }),
        Act::Reject { personal } => CallEvent::CallRejected(CallRejected { client_id, personal: personal.clone() }),
        Act::HangUp { .. } | Act::Fail { .. } | Act::Place { .. } => return Err(too_late()),
    };
    Ok(vec![event])
}

fn side_of(placed: &Placed, actor: &Actor) -> Option<Side> {
    match actor.party() {
        None => Some(Side::System),
        Some(party) => party_side(placed, &party),
    }
}

fn party_side(placed: &Placed, party: &Party) -> Option<Side> {
    if placed.terms.caller == *party {
        Some(Side::Caller)
    } else if placed.callee() == *party {
        Some(Side::Callee)
    } else {
        None
    }
}

fn client_of(actor: &Actor) -> Option<ClientName> {
    match actor {
        Actor::User { client, .. } => client.clone(),
        _ => None,
    }
}
