//! projector: fed by the log's stream, it keeps the histories and delivers every notice that has no receipt yet.

use std::collections::BTreeMap;

use aws_lambda_events::dynamodb::{Event, EventRecord};
use aws_lambda_events::streams::{DynamoDbBatchItemFailure, DynamoDbEventResponse};
use futures::StreamExt;
use futures::stream;
use ilock_directory::{Directory, DirectoryError};
use ilock_events::{CallId, Commit, CommitNo};
use ilock_log::{EventLog, LogError, commit_of};
use tracing::{Instrument, Span};

use crate::dismissals::Dismissals;
use crate::metrics;
use crate::rooms::leased_until;
use crate::telling::{Telling, Untold};

/// So many calls are looked after at once.
pub const AT_ONCE: usize = 16;

/// What the projector works with.
#[derive(Clone)]
pub struct Projector {
    /// The log.
    pub log: EventLog,
    /// Histories.
    pub directory: Directory,
    /// Who tells.
    pub telling: Telling,
    /// The rooms of calls that are over.
    pub rooms: Dismissals,
}

/// Why a commit could not be projected. It will be shown again.
#[derive(Debug, thiserror::Error)]
pub enum Unprojected {
    /// The log: unreachable, or broken.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The directory.
    #[error(transparent)]
    Directory(#[from] DirectoryError),
    /// A carrier.
    #[error(transparent)]
    Untold(#[from] Untold),
    /// An earlier commit of the same call failed; order is kept per call.
    #[error("waits for an earlier commit of the call")]
    Waits,
}

impl Projector {
    /// Projects commits, each call's in order, calls beside each other. Answers which could not be, and why.
    pub async fn project(&self, commits: Vec<Commit>) -> Vec<(Commit, Unprojected)> {
        let mut by_call: BTreeMap<CallId, Vec<Commit>> = BTreeMap::new();
        for commit in commits {
            by_call.entry(commit.call_id.clone()).or_default().push(commit);
        }
        let failed = stream::iter(by_call.into_values())
            .map(|commits| self.project_call(commits))
            .buffer_unordered(AT_ONCE)
            .flat_map(stream::iter)
            .collect()
            .await;
        // Behind everybody who was to be told.
        self.rooms.run(self.telling.clock.now()).await;
        failed
    }

    async fn project_call(&self, mut commits: Vec<Commit>) -> Vec<(Commit, Unprojected)> {
        commits.sort_by_key(|commit| commit.n);
        let mut failed: Vec<(Commit, Unprojected)> = vec![];
        for commit in commits {
            if !failed.is_empty() {
                failed.push((commit, Unprojected::Waits));
            } else if let Err(why) = self.project_one(&commit).instrument(in_call(&commit)).await {
                tracing::warn!(call_id = %commit.call_id, n = %commit.n, error = %why, "not projected yet");
                failed.push((commit, why));
            }
        }
        failed
    }

    async fn project_one(&self, commit: &Commit) -> Result<(), Unprojected> {
        tokio::time::sleep(self.telling.head_start(commit.at)).await;
        // The whole call, not the stream's picture of one commit: what is said is what is stored, chain and all.
        let history = self.log.load(&commit.call_id).await?;
        if let Some(placed) = &history.call.placed
            && (commit.n == CommitNo::FIRST || commit.state.is_final())
        {
            let (n, at) = history.commits.last().map_or((commit.n, commit.at), |last| (last.n, last.at));
            self.directory.note(&commit.call_id, placed, n, at).await?;
        }
        let Some(stored) = history.commits.iter().find(|stored| stored.n == commit.n) else {
            return Err(Untold::Commit(format!("commit {} is not in the log", commit.n)).into());
        };
        self.telling.the_rest(&history, stored).await?;
        if stored.state.is_final()
            && let Some(placed) = &history.call.placed
        {
            self.rooms.note(placed.terms.room_id, leased_until(placed.at));
        }
        Ok(())
    }

    /// The stream's batch. What fails is shown again by its sequence number; a record that is no commit, or cannot be
    /// read at all, is answered likewise, so that it ends on the dead-letter queue and not in silence.
    pub async fn on_stream(&self, event: Event) -> DynamoDbEventResponse {
        let mut sequence: BTreeMap<(CallId, CommitNo), String> = BTreeMap::new();
        let mut commits = vec![];
        let mut failed = vec![];
        for record in event.records {
            let number = record.change.sequence_number.clone().unwrap_or_default();
            if let Some(key) = tampered(&record) {
                tracing::error!(key, event = record.event_name, "TAMPERED: a commit was changed or deleted");
                ::metrics::counter!(metrics::TAMPERED).increment(1);
                continue;
            }
            match commit_in(record) {
                Ok(Some(commit)) => {
                    sequence.insert((commit.call_id.clone(), commit.n), number);
                    commits.push(commit);
                }
                Ok(None) => {}
                Err(error) => {
                    tracing::error!(%error, sequence_number = number, "a stream record cannot be read");
                    failed.push(number);
                }
            }
        }
        let unprojected = self.project(commits).await;
        failed.extend(unprojected.into_iter().filter_map(|(commit, _)| sequence.remove(&(commit.call_id, commit.n))));
        shown_again(failed)
    }
}

/// The answer to a batch of which these are to be shown again, by their sequence numbers.
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

/// The span of one commit's projection.
fn in_call(commit: &Commit) -> Span {
    tracing::info_span!("projecting", call_id = %commit.call_id, n = commit.n.0)
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

/// The key of a commit that is not what it was: a commit is only ever inserted.
fn tampered(record: &EventRecord) -> Option<String> {
    (is_commit(record) && record.event_name != "INSERT")
        .then(|| [key(record, "pk"), key(record, "sk")].into_iter().flatten().collect::<Vec<_>>().join(" "))
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
