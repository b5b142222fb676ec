//! The log's stream, as Lambda hands it over: the commits in a batch, and the answer that says which are to be shown again.
//!
//! How often and for how long Lambda retries stands in `template.yaml`; the embedded stack's own in
//! `infra/local/src/stream.rs`.

use std::collections::BTreeMap;

use aws_lambda_events::dynamodb::{Event, EventRecord};
use aws_lambda_events::streams::{DynamoDbBatchItemFailure, DynamoDbEventResponse};
use ilock_events::{CallId, Commit, CommitNo};
use ilock_log::{LogError, commit_of};

use crate::metrics::count_batch;
use crate::triggers::changed_commit::{ChangedCommit, is_commit};

/// The commits of one batch, and what is to be shown again.
#[derive(Debug, Default)]
pub struct StreamBatch {
    /// The commits that were inserted, in the order of the stream.
    pub commits: Vec<Commit>,
    /// Commits that were changed or removed: a commit is only ever inserted, and an archived one removed.
    pub changed: Vec<ChangedCommit>,
    sequence: BTreeMap<(CallId, CommitNo), String>,
    /// The place of each record in the batch, by its sequence number.
    places: BTreeMap<String, usize>,
    failed: Vec<String>,
}

impl StreamBatch {
    /// Reads a batch. A record that is meant to be a commit and cannot be read is shown again, so that it ends on the
    /// dead-letter queue and not in silence.
    #[must_use]
    pub fn read(event: Event) -> Self {
        let mut batch = Self::default();
        for (place, record) in event.records.into_iter().enumerate() {
            let number = record.change.sequence_number.clone().unwrap_or_default();
            batch.places.insert(number.clone(), place);
            if let Some(changed) = ChangedCommit::of(&record) {
                batch.changed.push(changed);
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

    /// The place from which on the stream shows everything again: that of the first record that could not be read or judged, or
    /// whose commit `failed`.
    #[must_use]
    pub fn shown_again_from<E>(&self, failed: &[(Commit, E)], unjudged: &[ChangedCommit]) -> usize {
        let failed = failed.iter().filter_map(|(commit, _)| self.place_of(commit));
        let unjudged = unjudged.iter().filter_map(|changed| self.places.get(&changed.sequence_number).copied());
        let unread = self.failed.iter().filter_map(|number| self.places.get(number).copied());
        failed.chain(unjudged).chain(unread).min().unwrap_or(usize::MAX)
    }

    /// Whether the record of `commit` stands before `place`.
    #[must_use]
    pub fn is_before(&self, place: usize, commit: &Commit) -> bool {
        self.place_of(commit).is_some_and(|of_commit| of_commit < place)
    }

    fn place_of(&self, commit: &Commit) -> Option<usize> {
        let number = self.sequence.get(&(commit.call_id.clone(), commit.n))?;
        self.places.get(number).copied()
    }

    /// The answer to the batch: what could not be read, what nobody could judge, and the commits that `failed`, are shown again.
    #[must_use]
    pub fn answer<E>(mut self, failed: Vec<(Commit, E)>, unjudged: Vec<ChangedCommit>) -> DynamoDbEventResponse {
        self.failed.extend(unjudged.into_iter().map(|changed| changed.sequence_number));
        let numbers = failed.into_iter().filter_map(|(commit, _)| self.sequence.remove(&(commit.call_id, commit.n)));
        self.failed.extend(numbers);
        shown_again(self.failed)
    }
}

/// The answer to a batch of which the records with these sequence numbers are to be shown again; a batch that has any is counted.
#[must_use]
pub fn shown_again(numbers: Vec<String>) -> DynamoDbEventResponse {
    count_batch(numbers.len());
    let mut answer = DynamoDbEventResponse::default();
    for number in numbers {
        let mut failure = DynamoDbBatchItemFailure::default();
        failure.item_identifier = Some(number);
        answer.batch_item_failures.push(failure);
    }
    answer
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
