//! What follows when something is asked.

use std::collections::BTreeSet;

use ilock_events::{
    Act, Actor, Busy, CallAccepted, CallAlerted, CallCancelled, CallDeclined, CallEnded, CallEvent, CallFailed,
    CallMissed, CallPlaced, CallRejected, CallState, Callee, Command, Millis, Party, PartyId, PartyKind, Reason, Side,
};

use crate::{Call, Placed, Refusal};

/// For how long a call may ring, in seconds.
pub const RING_SECONDS: std::ops::RangeInclusive<u32> = 5..=120;

/// How many people one call may ring.
pub const CALLEES: std::ops::RangeInclusive<usize> = 1..=20;

/// For how long after the deadline an answer still counts, in milliseconds: it may have been on its way when the phones fell
/// silent. Only then the timer ends the call.
pub const GRACE_MS: i64 = 2_000;

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
        (None, Act::Place { .. }) => place(command, now),
        (None, _) => Err(Refusal::NoSuchCall),
        (Some(_), Act::Place { .. }) => Err(Refusal::AlreadyPlaced),
        (Some(placed), act) => Ok(answer(placed, act, &command.actor, now)?.into_iter().collect()),
    }
}

/// Whether two acts under one key are the same request. Rooms, digests and what the directory says differ from try to try.
fn same_request(before: &Act, again: &Act) -> bool {
    let ids = |callees: &[Callee]| callees.iter().map(|callee| callee.id.clone()).collect::<BTreeSet<_>>();
    match (before, again) {
        (
            Act::Place { callees, ring_seconds, .. },
            Act::Place { callees: callees_again, ring_seconds: seconds_again, .. },
        ) => ids(callees) == ids(callees_again) && ring_seconds == seconds_again,
        _ => std::mem::discriminant(before) == std::mem::discriminant(again),
    }
}

fn place(command: &Command, now: Millis) -> Result<Vec<CallEvent>, Refusal> {
    let Act::Place { callees, ring_seconds, room_id, max_call_seconds, personal } = &command.act else {
        return Err(Refusal::NotYours);
    };
    let caller = command.actor.party().ok_or(Refusal::NotYours)?;
    let distinct: BTreeSet<&PartyId> = callees.iter().map(|callee| &callee.id).collect();
    if !CALLEES.contains(&callees.len()) || distinct.len() != callees.len() {
        return Err(Refusal::Callees);
    }
    if caller.kind == PartyKind::User && distinct.contains(&caller.id) {
        return Err(Refusal::CallsSelf);
    }
    if !RING_SECONDS.contains(ring_seconds) {
        return Err(Refusal::RingSeconds);
    }
    if callees.iter().any(|callee| callee.clients.is_empty()) {
        return Err(Refusal::NobodyThere);
    }
    let placed = CallEvent::CallPlaced(CallPlaced {
        caller,
        callees: callees.clone(),
        room_id: *room_id,
        ring_seconds: *ring_seconds,
        deadline: now.plus(i64::from(*ring_seconds) * 1000),
        max_call_seconds: *max_call_seconds,
        personal: personal.clone(),
    });
    let refused = callees.iter().filter(|callee| callee.busy == Some(Busy::Refused)).map(|callee| {
        CallEvent::CallRejected(CallRejected {
            callee: callee.id.clone(),
            client_id: None,
            reason: Reason::Busy,
            personal: None,
        })
    });
    Ok(std::iter::once(placed).chain(refused).collect())
}

/// What follows once the call was placed; none where it was done already.
fn answer(placed: &Placed, act: &Act, actor: &Actor, now: Millis) -> Result<Option<CallEvent>, Refusal> {
    let side = side_of(placed, actor).ok_or(Refusal::NotYours)?;
    if !is_theirs(placed, act, actor, side) {
        return Err(Refusal::NotYours);
    }
    if is_done(placed, act, actor) {
        return Ok(None);
    }
    match act {
        Act::HangUp { .. } if placed.state == CallState::Ringing => Err(Refusal::NotAnswered),
        Act::HangUp { personal } if placed.state == CallState::Active => {
            let (reason, personal) = (Reason::Hangup, personal.clone());
            Ok(Some(CallEvent::CallEnded(CallEnded { by: side, reason, personal })))
        }
        Act::End { reason } if placed.state == CallState::Active => {
            let due = placed.ends_by().is_some_and(|ends_by| now >= ends_by);
            if *actor == Actor::Timer && !due {
                return Err(Refusal::StillActive { ends_by: placed.ends_by().unwrap_or(now) });
            }
            Ok(Some(CallEvent::CallEnded(CallEnded { by: side, reason: *reason, personal: None })))
        }
        Act::Fail { reason } if !placed.state.is_final() => {
            Ok(Some(CallEvent::CallFailed(CallFailed { reason: reason.clone() })))
        }
        _ if placed.state != CallState::Ringing => Err(too_late(placed)),
        _ => while_ringing(placed, act, actor, now).map(Some),
    }
}

/// Whether `act` belongs to `actor`, who is on `side`.
fn is_theirs(placed: &Placed, act: &Act, actor: &Actor, side: Side) -> bool {
    match act {
        Act::Alert {} | Act::Decline {} | Act::Accept {} | Act::Reject { .. } => side == Side::Callee,
        Act::Cancel { .. } => side == Side::Caller,
        // Of those who were called, the person who answered.
        Act::HangUp { .. } => match side {
            Side::Caller => true,
            Side::Callee => placed.answer.is_none() || placed.answerer() == actor.party(),
            Side::System => false,
        },
        Act::Expire {} => *actor == Actor::Timer,
        Act::End { .. } => side == Side::System,
        Act::Fail { .. } => *actor == Actor::System,
        Act::Place { .. } => false,
    }
}

/// Whether `actor` has done this already: then it is done, not refused. A person without a named phone may be any of their
/// phones, so for what one phone does only the key tells a repetition from a second phone.
fn is_done(placed: &Placed, act: &Act, actor: &Actor) -> bool {
    let ringing = placed.state == CallState::Ringing;
    let client = actor.client().cloned();
    let by_them = || placed.winner.as_ref() == Some(actor);
    match act {
        Act::Accept {} => {
            let answered = placed.answer.as_ref().is_some_and(|answer| answer.by == *actor);
            answered && client.is_some() && placed.state == CallState::Active
        }
        Act::Reject { .. } => {
            let rejected = person(actor)
                .and_then(|person| placed.rejected.get(&person))
                .is_some_and(|by| by.as_ref() == Some(actor));
            rejected && matches!(placed.state, CallState::Ringing | CallState::Rejected)
        }
        Act::Decline {} => {
            let declined = client.is_some_and(|client| placed.declined.contains(&client));
            (declined || is_rejected(placed, actor)) && matches!(placed.state, CallState::Ringing | CallState::Rejected)
        }
        // The first is a commit; the others lie beside the commits.
        Act::Alert {} => ringing && (placed.alerted.is_some() || is_rejected(placed, actor)),
        Act::Cancel { .. } => placed.state == CallState::Cancelled,
        Act::HangUp { .. } | Act::End { .. } => placed.state == CallState::Ended && by_them(),
        Act::Place { .. } | Act::Expire {} | Act::Fail { .. } => false,
    }
}

fn while_ringing(placed: &Placed, act: &Act, actor: &Actor, now: Millis) -> Result<CallEvent, Refusal> {
    let ends = placed.terms.deadline.plus(GRACE_MS);
    let over = now >= ends;
    match act {
        Act::Cancel { personal } => Ok(CallEvent::CallCancelled(CallCancelled { personal: personal.clone() })),
        Act::Expire {} if over => Ok(CallEvent::CallMissed(CallMissed {})),
        Act::Expire {} => Err(Refusal::StillRinging { ends }),
        _ if over => Err(Refusal::TooLate { state: CallState::Missed, winner: Some(Actor::Timer.name()) }),
        _ => by_callee(placed, act, actor, now),
    }
}

fn by_callee(placed: &Placed, act: &Act, actor: &Actor, now: Millis) -> Result<CallEvent, Refusal> {
    let callee = person(actor).ok_or(Refusal::NotYours)?;
    // Who has rejected has no part in it any more.
    if let Some(by) = placed.rejected.get(&callee) {
        return Err(Refusal::TooLate { state: CallState::Rejected, winner: by.as_ref().map(Actor::name) });
    }
    let client_id = actor.client().cloned();
    match act {
        Act::Alert {} => {
            let preview = placed.may_be_previewed(&callee, now);
            Ok(CallEvent::CallAlerted(CallAlerted { callee, client_id, preview }))
        }
        Act::Accept {} => Ok(CallEvent::CallAccepted(CallAccepted { callee, client_id })),
        Act::Decline {} => {
            let client_id = client_id.ok_or(Refusal::WhichClient)?;
            Ok(CallEvent::CallDeclined(CallDeclined { callee, client_id }))
        }
        Act::Reject { reason, personal } => {
            let (reason, personal) = (*reason, personal.clone());
            Ok(CallEvent::CallRejected(CallRejected { callee, client_id, reason, personal }))
        }
        _ => Err(too_late(placed)),
    }
}

fn too_late(placed: &Placed) -> Refusal {
    Refusal::TooLate { state: placed.state, winner: placed.won_by() }
}

fn is_rejected(placed: &Placed, actor: &Actor) -> bool {
    person(actor).is_some_and(|person| placed.rejected.contains_key(&person))
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
    } else if placed.calls(party) {
        Some(Side::Callee)
    } else {
        None
    }
}

fn person(actor: &Actor) -> Option<PartyId> {
    match actor {
        Actor::User { id, .. } => Some(id.clone()),
        _ => None,
    }
}
