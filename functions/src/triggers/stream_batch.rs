//! The log's stream, as Lambda hands it over: the commits in a batch, and the answer that says which are to be shown again.
//!
//! How often and for how long Lambda retries stands in `template.yaml`; the embedded stack's own in
//! `infra/local/src/stream.rs`.

use std::collections::BTreeMap;

use aws_lambda_events::dynamodb::{Event, EventRecord};
use aws_lambda_events::streams::{DynamoDbBatchItemFailure, DynamoDbEventResponse};
use ilock_events::{CallId, Commit, CommitNo};
use ilock_log::{LogError, commit_of};

/// The commits of one batch, and what is to be shown again.
#[derive(Debug, Default)]
pub struct StreamBatch {
    /// The commits that were inserted, in the order of the stream.
    pub commits: Vec<Commit>,
    /// The keys of commits that were changed or deleted: a commit is only ever inserted.
    pub tampered: Vec<String>,
    sequence: BTreeMap<(CallId, CommitNo), String>,
    failed: Vec<String>,
}

impl StreamBatch {
    /// Reads a batch. A record that is meant to be a commit and cannot be read is shown again, so that it ends on the
    /// dead-letter queue and not in silence.
    #[must_use]
    pub fn read(event: Event) -> Self {
        let mut batch = Self::default();
        for record in event.records {
            let number = record.change.sequence_number.clone().unwrap_or_default();
            if let Some(key) = tampered(&record) {
                batch.tampered.push(key);
                continue;
            }
            match commit_in(record) {
                Ok(Some(commit)) => {
                    batch.sequence.insert((commit.call_id.clone(), commit.n), number);
                    batch.commits.push(commit);
                }
                Ok(None) => {}
                Err(error) => {
                    tracing::error!(%error, sequence_number = number, "a stream record cannot be read");
                    batch.failed.push(number);
                }
            }
        }
        batch
    }

    /// The answer to the batch: what could not be read, and the commits that `failed`, are shown again.
    #[must_use]
    pub fn answer<E>(mut self, failed: Vec<(Commit, E)>) -> DynamoDbEventResponse {
        let numbers = failed.into_iter().filter_map(|(commit, _)| self.sequence.remove(&(commit.call_id, commit.n)));
        self.failed.extend(numbers);
        shown_again(self.failed)
    }
}

/// The answer to a batch of which the records with these sequence numbers are to be shown again.
#[must_use]
pub fn shown_again(numbers: Vec<String>) -> DynamoDbEventResponse {
    let mut answer = DynamoDbEventResponse::default();
    for number in numbers {
        let mut failure = DynamoDbBatchItemFailure::default();
        failure.item_identifier = Some(number);
        answer.batch_item_failures.push(failure);
    }
    answer
}

fn key(record: &EventRecord, name: &str) -> Option<String> {
    match record.change.keys.get(name) {
        Some(serde_dynamo::AttributeValue::S(text)) => Some(text.clone()),
        _ => None,
    }
}

fn is_commit(record: &EventRecord) -> bool {
    key(record, "sk").is_some_and(|sk| sk.starts_with("commit#"))
}

/// Logs that a commit was changed or deleted, and returns its key.
pub fn tampered(record: &EventRecord) -> Option<String> {
    if !is_commit(record) || record.event_name == "INSERT" {
        return None;
    }
    let key = [key(record, "pk"), key(record, "sk")].into_iter().flatten().collect::<Vec<_>>().join(" ");
    tracing::error!(key, event = record.event_name, "TAMPERED: a commit was changed or deleted");
    Some(key)
}

/// The commit that a record inserted; none for receipts, personal text, and everything but an insert.
///
/// # Errors
/// [`LogError::Item`] when it is meant to be a commit and cannot be read.
pub fn commit_in(record: EventRecord) -> Result<Option<Commit>, LogError> {
    if record.event_name != "INSERT" || !is_commit(&record) {
        return Ok(None);
    }
    commit_of(record.change.new_image.into()).map(Some)
}
