//! projector: fed by the log's stream, it keeps the histories and delivers every notice that has no receipt yet.

use std::collections::BTreeMap;

use aws_lambda_events::dynamodb::{Event, EventRecord};
use aws_lambda_events::streams::{DynamoDbBatchItemFailure, DynamoDbEventResponse};
use futures::StreamExt;
use futures::stream;
use ilock_directory::{Directory, DirectoryError};
use ilock_events::{CallId, Commit, CommitNo};
use ilock_log::{EventLog, LogError, commit_of};

use crate::telling::{Telling, Untold};

/// So many calls are looked after at once.
const AT_ONCE: usize = 16;

/// What the projector works with.
#[derive(Clone)]
pub struct Projector {
    /// The log.
    pub log: EventLog,
    /// Histories.
    pub directory: Directory,
    /// Who tells.
    pub telling: Telling,
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
        stream::iter(by_call.into_values())
            .map(|commits| self.project_call(commits))
            .buffer_unordered(AT_ONCE)
            .flat_map(stream::iter)
            .collect()
            .await
    }

    async fn project_call(&self, mut commits: Vec<Commit>) -> Vec<(Commit, Unprojected)> {
        commits.sort_by_key(|commit| commit.n);
        let mut failed: Vec<(Commit, Unprojected)> = vec![];
        for commit in commits {
            if !failed.is_empty() {
                failed.push((commit, Unprojected::Waits));
            } else if let Err(why) = self.project_one(&commit).await {
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
        Ok(self.telling.the_rest(&history, stored).await?)
    }

    /// The stream's batch. What fails is shown again by its sequence number; a record that is no commit, or cannot be
    /// read at all, is answered likewise, so that it ends on the dead-letter queue and not in silence.
    pub async fn on_stream(&self, event: Event) -> DynamoDbEventResponse {
        let mut sequence: BTreeMap<(CallId, CommitNo), String> = BTreeMap::new();
        let mut commits = vec![];
        let mut failed = vec![];
        for record in event.records {
            let number = record.change.sequence_number.clone().unwrap_or_default();
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
        let mut answer = DynamoDbEventResponse::default();
        for number in failed {
            let mut failure = DynamoDbBatchItemFailure::default();
            failure.item_identifier = Some(number);
            answer.batch_item_failures.push(failure);
        }
        answer
    }
}

/// The commit that a record inserted; none for receipts, personal text, and everything but an insert.
///
/// # Errors
/// [`LogError::Item`] when it is meant to be a commit and cannot be read.
pub fn commit_in(record: EventRecord) -> Result<Option<Commit>, LogError> {
    let is_commit =
        matches!(record.change.keys.get("sk"), Some(serde_dynamo::AttributeValue::S(sk)) if sk.starts_with("commit#"));
    if record.event_name != "INSERT" || !is_commit {
        return Ok(None);
    }
    commit_of(record.change.new_image.into()).map(Some)
}
