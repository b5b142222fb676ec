//! What is counted. On Lambda it reaches CloudWatch (namespace `iLockCall`) as embedded metrics in the log; elsewhere
//! nobody listens, and counting costs nothing.

use ilock_events::CommitNo;
use ilock_notify::push::REFUSED;
use ilock_notify::{Notice, Round, TIME_PASSED, Via};

/// Calls that were placed.
pub const CALLS_PLACED: &str = "CallsPlaced";
/// From the commit that placed a call until the broker had taken its ring, in ms; by `Path`: `fast` or `projector`.
pub const RING_LATENCY: &str = "RingLatency";
/// Notices that a carrier did not take; each is tried again.
pub const NOTICES_FAILED: &str = "NoticesFailed";
/// Notices whose time ran out before they could be told.
pub const GAVE_UP: &str = "GaveUp";
/// Requests that the domain refused, by `Code`.
pub const REFUSALS: &str = "Refusals";
/// Commits that others were quicker with.
pub const RACES_LOST: &str = "RacesLost";
/// Commits that somebody changed or deleted. Never otherwise than 0.
pub const TAMPERED: &str = "Tampered";
/// Hours of the ledger that were put under seal.
pub const HOURS_SEALED: &str = "HoursSealed";
/// Rooms of calls that are over, dismissed.
pub const ROOMS_DISMISSED: &str = "RoomsDismissed";
/// Rooms that Tencent's API would not dismiss.
pub const ROOM_API_FAILED: &str = "RoomApiFailed";
/// Pushes that a push service took, by `Service`.
pub const PUSHES_SENT: &str = "PushesSent";
/// Pushes that SNS would not take, for another reason than the token: a role, or a platform application, is wrong.
pub const PUSHES_FAILED: &str = "PushesFailed";
/// Push tokens that do not work any more.
pub const TOKENS_RETIRED: &str = "TokensRetired";
/// What the push services told of failures later, by `Type`.
pub const PUSH_FEEDBACK: &str = "PushFeedback";

/// Counts what became of one round of telling.
pub fn told(n: CommitNo, notices: &[Notice], round: &Round, fast: bool) {
    metrics::counter!(NOTICES_FAILED).increment(count(round.failed.len()));
    let gave_up = round
        .settled
        .values()
        .chain(round.phones.values())
        .filter(|handed| handed.error.as_deref() == Some(TIME_PASSED))
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
    if n != CommitNo::FIRST {
        return;
    }
    let path = if fast { "fast" } else { "projector" };
    for notice in notices.iter().filter(|notice| notice.rings() && matches!(notice.via, Via::Mqtt { .. })) {
        if let Some(rung) = round.settled.get(&notice.index).filter(|handed| handed.error.is_none()) {
            let ms = u32::try_from(rung.ms.max(0)).unwrap_or(u32::MAX);
            metrics::histogram!(RING_LATENCY, "Path" => path).record(f64::from(ms));
        }
    }
}

/// As the counters want it.
#[must_use]
pub fn count(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}

/// Says what the numbers are numbers of.
pub fn describe() {
    metrics::describe_histogram!(RING_LATENCY, metrics::Unit::Milliseconds, "from the commit to the broker");
    let counters = [
        CALLS_PLACED,
        NOTICES_FAILED,
        GAVE_UP,
        REFUSALS,
        RACES_LOST,
        TAMPERED,
        HOURS_SEALED,
        ROOMS_DISMISSED,
        ROOM_API_FAILED,
        PUSHES_SENT,
        PUSHES_FAILED,
        TOKENS_RETIRED,
        PUSH_FEEDBACK,
    ];
    for counter in counters {
        metrics::describe_counter!(counter, metrics::Unit::Count, "");
    }
}
