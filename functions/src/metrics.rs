//! The metrics. On Lambda they reach CloudWatch (namespace `iLockCall`) as embedded metrics in the log; elsewhere
//! nobody listens, and counting costs nothing.

use ilock_call::Placed;
use ilock_events::{Callee, DeliveryPath, Millis};
use ilock_notify::push::{HELD_BACK, REFUSED};
use ilock_notify::{Channel, Notice, Round, TIME_PASSED};

/// Calls that were placed.
pub const CALLS_PLACED: &str = "CallsPlaced";
/// Rings that placed calls owe, one for each callee whose phones are to ring. A ring that never comes leaves no latency: the goal for
/// rings is measured against these.
pub const RINGS_DUE: &str = "RingsDue";
/// Presses that were answered and are meant to ring nobody.
pub const SILENT_PRESSES: &str = "SilentPresses";
/// From the commit that placed a call until the broker had taken its ring, in ms; by `Path`: `fast` or `projector`.
pub const RING_LATENCY: &str = "RingLatency";
/// Notices that a carrier did not take; each is tried again.
pub const NOTICES_FAILED: &str = "NoticesFailed";
/// Notices whose time ran out before they could be told.
pub const GAVE_UP: &str = "GaveUp";
/// Requests that the domain refused, by `Code`.
pub const REFUSALS: &str = "Refusals";
/// Requests that were answered with 5xx. Lambda counts none of them as an error: the function has not failed.
pub const SERVER_ERRORS: &str = "ServerErrors";
/// Batches of a stream or a queue of which something is to be shown again. Lambda counts none of them as an error either.
pub const BATCHES_FAILED: &str = "BatchesFailed";
/// Commits that others were quicker with.
pub const RACES_LOST: &str = "RacesLost";
/// Commits that somebody changed or deleted. Anything but 0 is an attack or an operator's mistake.
pub const TAMPERED: &str = "Tampered";
/// Commits of archived calls that an operator removed.
pub const ARCHIVED: &str = "Archived";
/// Runs of the sequencer that published all that waited, or as much as they had time for.
pub const LEDGER_SEQUENCED: &str = "LedgerSequenced";
/// Entries that got their places in the ledger.
pub const ENTRIES_SEQUENCED: &str = "EntriesSequenced";
/// Checkpoints that fewer witnesses cosigned than the policy asks for.
pub const QUORUM_MISSED: &str = "QuorumMissed";
/// Rooms of calls that are over, dismissed.
pub const ROOMS_DISMISSED: &str = "RoomsDismissed";
/// Rooms that Tencent's API would not dismiss.
pub const ROOM_API_FAILED: &str = "RoomApiFailed";
/// Pushes that a push service took, by `Service`.
pub const PUSHES_SENT: &str = "PushesSent";
/// Pushes that SNS refused, for another reason than the token: a role, or a platform application, is wrong.
pub const PUSHES_FAILED: &str = "PushesFailed";
/// Push tokens of an app that could not be registered, though nothing was wrong with them: that phone is not woken.
pub const TOKENS_NOT_REGISTERED: &str = "TokensNotRegistered";
/// Push tokens that do not work any more.
pub const TOKENS_RETIRED: &str = "TokensRetired";
/// Failures that the push services reported later, by `Type`.
pub const PUSH_FEEDBACK: &str = "PushFeedback";

/// Counts a call that was just placed, and the rings that it owes.
pub fn count_placed(call: &Placed) {
    metrics::counter!(CALLS_PLACED).increment(1);
    let due = call.terms.callees.iter().filter(|callee| callee.is_to_ring()).count();
    metrics::counter!(RINGS_DUE).increment(count(due));
}

/// Counts a press at `now` that was answered with `call`, where it is meant to ring nobody: it repeats another one, or everybody
/// who is called has blocked the caller or wants no second call. The alarm for calls that ring nobody takes these off.
pub fn count_press(call: &Placed, now: Millis) {
    // Whoever repeats a press gets the call of that one, which was placed before.
    let rings = call.at == now && call.terms.callees.iter().any(Callee::is_to_ring);
    if !rings {
        metrics::counter!(SILENT_PRESSES).increment(1);
    }
}

/// Counts a batch of which so many records or messages are to be shown again.
pub fn count_batch(failed: usize) {
    if failed > 0 {
        metrics::counter!(BATCHES_FAILED).increment(1);
    }
}

/// Counts what became of one round of delivery.
pub fn count_delivery(round: &Round) {
    metrics::counter!(NOTICES_FAILED).increment(count(round.failed.len()));
    let gave_up = round
        .settled
        .values()
        .chain(round.phones.values())
        .filter(|handed| handed.error.as_deref().is_some_and(is_given_up))
        .count();
    metrics::counter!(GAVE_UP).increment(count(gave_up));
    for handed in round.phones.values() {
        match &handed.error {
            None => metrics::counter!(PUSHES_SENT, "Service" => handed.target.clone()).increment(1),
            Some(error) if error.starts_with(REFUSED) => metrics::counter!(PUSHES_FAILED).increment(1),
            // What was retired, or too late, is counted as that.
            Some(_) => {}
        }
    }
}

/// Whether a notice with this error was given up because its time had passed, or would have before it could be handed over.
fn is_given_up(error: &str) -> bool {
    error == TIME_PASSED || error.split("; ").any(|of_one_endpoint| of_one_endpoint.starts_with(HELD_BACK))
}

/// Counts how long the callees of a call that was just placed waited for their rings, of one round of its delivery.
pub fn count_rings(notices: &[Notice], round: &Round, path: DeliveryPath) {
    for notice in notices.iter().filter(|notice| notice.rings() && matches!(notice.channel, Channel::Mqtt { .. })) {
        if let Some(rung) = round.settled.get(&notice.index).filter(|handed| handed.error.is_none()) {
            let ms = u32::try_from(rung.ms.max(0)).unwrap_or(u32::MAX);
            metrics::histogram!(RING_LATENCY, "Path" => path.word()).record(f64::from(ms));
        }
    }
}

/// `number`, as counters take it.
#[must_use]
pub fn count(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}

/// Registers each metric's unit.
pub fn describe() {
    metrics::describe_histogram!(RING_LATENCY, metrics::Unit::Milliseconds, "from the commit to the broker");
    let counters = [
        CALLS_PLACED,
        RINGS_DUE,
        SILENT_PRESSES,
        NOTICES_FAILED,
        GAVE_UP,
        REFUSALS,
        SERVER_ERRORS,
        BATCHES_FAILED,
        RACES_LOST,
        TAMPERED,
        ARCHIVED,
        LEDGER_SEQUENCED,
        ENTRIES_SEQUENCED,
        QUORUM_MISSED,
        ROOMS_DISMISSED,
        ROOM_API_FAILED,
        PUSHES_SENT,
        PUSHES_FAILED,
        TOKENS_NOT_REGISTERED,
        TOKENS_RETIRED,
        PUSH_FEEDBACK,
    ];
    for counter in counters {
        metrics::describe_counter!(counter, metrics::Unit::Count, "");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_push_service_held_back_for_too_long_counts_as_given_up() {
        for error in [TIME_PASSED, "held back for 60 s: 429", "EndpointDisabled; held back for 60 s: 503"] {
            assert!(is_given_up(error), "{error}");
        }
        for error in ["refused: SENDER_ID_MISMATCH", "EndpointDisabled", "the call no longer rang"] {
            assert!(!is_given_up(error), "{error}");
        }
    }
}
