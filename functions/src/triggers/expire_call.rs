//! expire-call: the ring timer went off, and a call that still rings is missed. On a call that is over, or was never placed, this does nothing.

use aws_lambda_events::sqs::{SqsBatchResponse, SqsEvent};
use futures::future::join_all;
use ilock_call::Refusal;
use ilock_notify::Alarm;

use crate::error::ApiError;
use crate::service::calls::Calls;

/// Ends the ringing of one call.
///
/// # Errors
/// What the log says; the alarm is then to be repeated.
#[tracing::instrument(name = "expiring", skip_all, fields(call_id = %alarm.call_id, n = tracing::field::Empty))]
pub async fn expire(calls: &Calls, alarm: &Alarm) -> Result<(), ApiError> {
    let mut history = calls.log.load(&alarm.call_id).await?;
    let Some(placed) = &history.call.placed else { return Ok(()) };
    if placed.state.is_final() {
        return Ok(());
    }
    match calls.expire(&mut history, &calls.clock).await {
        // This clock is behind the one that placed the call.
        Err(ApiError::Refused(Refusal::StillRinging { deadline })) => {
            calls.timer.arm(alarm.call_id.clone(), deadline).await.map_err(ApiError::Timer)
        }
        other => other,
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
