//! A queue's batch, as Lambda hands it over: its messages are handled beside each other, and one that fails comes again, alone.

use aws_lambda_events::sqs::{SqsBatchResponse, SqsEvent};
use futures::future::join_all;
use serde::de::DeserializeOwned;

use crate::metrics::count_batch;

/// Has `handle` take each message. `what` one of them is, in words for the log.
pub async fn each_message<M: DeserializeOwned, Handling: Future<Output = Result<(), String>>>(
    event: SqsEvent,
    what: &str,
    handle: impl Fn(M) -> Handling,
) -> SqsBatchResponse {
    let outcomes = join_all(event.records.iter().map(|message| {
        let handling = serde_json::from_str(message.body.as_deref().unwrap_or_default()).map(&handle);
        async move {
            match handling {
                Ok(handling) => handling.await,
                Err(error) => Err(error.to_string()),
            }
        }
    }));
    let mut answer = SqsBatchResponse::default();
    for (message, outcome) in event.records.iter().zip(outcomes.await) {
        if let Err(error) = outcome {
            tracing::error!(error, message_id = message.message_id, "{what} failed; SQS shows it again");
            answer.add_failure(message.message_id.clone().unwrap_or_default());
        }
    }
    count_batch(answer.batch_item_failures.len());
    answer
}
