//! A queue's batch, as Lambda hands it over, and the answer to it: a message that fails comes again, alone.

use aws_lambda_events::sqs::{SqsBatchResponse, SqsEvent, SqsMessage};
use futures::future::join_all;
use serde::de::DeserializeOwned;

use crate::metrics::count_batch;

/// What `message` says.
///
/// # Errors
/// Why it cannot be read.
pub fn read<M: DeserializeOwned>(message: &SqsMessage) -> Result<M, String> {
    serde_json::from_str(message.body.as_deref().unwrap_or_default()).map_err(|error| error.to_string())
}

/// The answer to a batch whose messages ended so; one of which any failed is counted. `what` a message is, in words for the log.
#[must_use]
pub fn answer(messages: &[SqsMessage], outcomes: Vec<Result<(), String>>, what: &str) -> SqsBatchResponse {
    let mut answer = SqsBatchResponse::default();
    for (message, outcome) in messages.iter().zip(outcomes) {
        if let Err(error) = outcome {
            tracing::error!(error, message_id = message.message_id, "{what} failed; SQS shows it again");
            answer.add_failure(message.message_id.clone().unwrap_or_default());
        }
    }
    count_batch(answer.batch_item_failures.len());
    answer
}

/// Has `handle` take all messages beside each other.
pub async fn each_message<M: DeserializeOwned, Handling: Future<Output = Result<(), String>>>(
    event: SqsEvent,
    what: &str,
    handle: impl Fn(M) -> Handling,
) -> SqsBatchResponse {
    let outcomes = join_all(event.records.iter().map(|message| {
        let handling = read(message).map(&handle);
        async move { handling?.await }
    }));
    answer(&event.records, outcomes.await, what)
}
