//! expire-call: the timer of a call went off. One that still rings is missed; one that has lasted for as long as a call may,
//! or whose room nobody came back to, is ended. On a call that is over this does nothing. Text that no commit came to name may
//! have been left behind: it goes.

use aws_lambda_events::sqs::{SqsBatchResponse, SqsEvent};
use ilock_call::Refusal;
use ilock_events::CallState;
use ilock_notify::{Alarm, AlarmKind};

use crate::error::ApiError;
use crate::service::calls::Calls;
use crate::service::empty_room::end_once_left;
use crate::triggers::queue_batch::each_message;

/// Ends the ringing of one call, or the call.
///
/// # Errors
/// What the log says; the alarm is then to be repeated.
#[tracing::instrument(name = "expiring", skip_all, fields(call_id = %alarm.call_id, n = tracing::field::Empty))]
pub async fn expire(calls: &Calls, alarm: &Alarm) -> Result<(), ApiError> {
    let mut history = calls.log.load(&alarm.call_id).await?;
    if alarm.kind == AlarmKind::RoomEmpty {
        return Box::pin(end_once_left(calls, &mut history, calls.clock.now(), false)).await;
    }
    let outcome = match history.call.state() {
        Some(CallState::Ringing) => calls.expire(&mut history, &calls.clock).await,
        Some(CallState::Active) => calls.end_at_limit(&mut history, &calls.clock).await,
        _ => Ok(()),
    };
    let again = match outcome {
        // Too early: a queue keeps nothing for longer than its limit, and a clock may be behind the one that placed the call.
        Err(ApiError::Refused(Refusal::StillRinging { ends: at } | Refusal::StillActive { ends_by: at })) => Some(at),
        other => {
            other?;
            None
        }
    };
    // Whoever kept a text may have been ended before the commit that was to name it. Or is still at it: then the alarm comes again.
    let awaited = calls.drop_left_behind(&history).await?;
    match again.into_iter().chain(awaited).min() {
        Some(at) => calls.timer.arm(Alarm::of(alarm.call_id.clone()), at).await.map_err(ApiError::Timer),
        None => Ok(()),
    }
}

/// One that failed is set again by itself, for soon: the queue would show it again after a minute, and the phones ring on
/// meanwhile. The last of so many tries is left to the queue, and then to its dead letters.
const SET_AGAIN: u32 = 6;

/// Expires, or sets the alarm again.
async fn expire_or_set_again(calls: &Calls, alarm: Alarm) -> Result<(), String> {
    let Err(error) = expire(calls, &alarm).await else { return Ok(()) };
    if alarm.failed >= SET_AGAIN {
        return Err(error.to_string());
    }
    tracing::warn!(call_id = %alarm.call_id, %error, failed = alarm.failed, "a ring timer alarm failed; it is set again");
    let at = calls.clock.now().plus(1000 << alarm.failed);
    let again = Alarm { failed: alarm.failed + 1, ..alarm };
    calls.timer.arm(again, at).await.map_err(|not_set| format!("{error}; nor could it be set again: {not_set}"))
}

/// The queue's batch: an alarm that can neither be handled nor set again comes again, alone.
pub async fn on_queue(calls: &Calls, event: SqsEvent) -> SqsBatchResponse {
    each_message(event, "a ring timer alarm", |alarm| expire_or_set_again(calls, alarm)).await
}
