//! expire-call: the timer of a call went off. One that still rings is missed; one that has lasted for as long as a call may
//! is ended. On a call that is over this does nothing. Text that no commit came to name may have been left behind: it goes.

use aws_lambda_events::sqs::{SqsBatchResponse, SqsEvent};
use futures::future::join_all;
use ilock_call::Refusal;
use ilock_events::CallState;
use ilock_notify::Alarm;

use crate::error::ApiError;
use crate::service::calls::Calls;

/// Ends the ringing of one call, or the call.
///
/// # Errors
/// What the log says; the alarm is then to be repeated.
#[tracing::instrument(name = "expiring", skip_all, fields(call_id = %alarm.call_id, n = tracing::field::Empty))]
pub async fn expire(calls: &Calls, alarm: &Alarm) -> Result<(), ApiError> {
    let mut history = calls.log.load(&alarm.call_id).await?;
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
        Some(at) => calls.timer.arm(alarm.call_id.clone(), at).await.map_err(ApiError::Timer),
        None => Ok(()),
    }
}

/// The queue's batch: an alarm that fails comes again, alone.
pub async fn on_queue(calls: &Calls, event: SqsEvent) -> SqsBatchResponse {
    let outcomes = join_all(event.records.iter().map(async |message| {
        match serde_json::from_str::<Alarm>(message.body.as_deref().unwrap_or_default()) {
            Ok(alarm) => expire(calls, &alarm).await.map_err(|error| error.to_string()),
            Err(error) => Err(error.to_string()),
        }
    }));
    let mut answer = SqsBatchResponse::default();
    for (message, outcome) in event.records.iter().zip(outcomes.await) {
        if let Err(error) = outcome {
            tracing::error!(error, message_id = message.message_id, "a ring timer alarm failed; SQS shows it again");
            answer.add_failure(message.message_id.clone().unwrap_or_default());
        }
    }
    answer
}
