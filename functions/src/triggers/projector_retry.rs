//! projector's retry queue. A commit of which everybody was told by MQTT, but whose push or row in a history failed, waits
//! here. If the stream showed it again, all calls of its shard would wait behind it.

use aws_lambda_events::sqs::{SqsBatchResponse, SqsEvent};
use futures::future::{BoxFuture, join_all};
use ilock_events::{CallId, Commit, CommitNo};
use ilock_notify::QueueError;
use serde::{Deserialize, Serialize};

use crate::triggers::projector::{Projector, Unprojected};

/// A commit that is to be projected once more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Retry {
    pub call_id: CallId,
    pub n: CommitNo,
    /// How often that failed, out of the queue.
    pub failed: u32,
}

/// One that fails is set again by itself, for soon: the queue would show it again after minutes, and a push is of use for as
/// long as its call rings. The last of so many tries is left to the queue, and then to its dead letters.
const SET_AGAIN: u32 = 6;

impl Retry {
    fn of(commit: &Commit) -> Self {
        Self { call_id: commit.call_id.clone(), n: commit.n, failed: 0 }
    }

    /// In how many seconds: 1, 2, 4 and so on, up to about a minute.
    fn wait_seconds(&self) -> i32 {
        1 << self.failed.min(SET_AGAIN)
    }
}

/// Shows a commit to the projector again, later.
pub trait RetryQueue: Send + Sync {
    fn retry_later(&self, retry: Retry, seconds: i32) -> BoxFuture<'_, Result<(), QueueError>>;
}

async fn set(queue: &dyn RetryQueue, retry: Retry) -> Result<(), QueueError> {
    let seconds = retry.wait_seconds();
    queue.retry_later(retry, seconds).await
}

/// Puts into the queue what nobody who is connected waits for. Answers what the queue does not take: the stream is to show it again.
pub async fn leave_to_queue(queue: &dyn RetryQueue, rest: Vec<(Commit, Unprojected)>) -> Vec<(Commit, Unprojected)> {
    let left = join_all(rest.into_iter().map(async |(commit, why)| {
        let not_set = set(queue, Retry::of(&commit)).await.err()?;
        tracing::warn!(call_id = %commit.call_id, n = %commit.n, error = %not_set, "not put into the retry queue; the stream shows it again");
        Some((commit, why))
    }));
    left.await.into_iter().flatten().collect()
}

/// Projects the commit that `retry` names, if the log still has it.
async fn project(projector: &Projector, retry: &Retry) -> Result<(), Unprojected> {
    let history = projector.log.load(&retry.call_id).await?;
    let Some(commit) = history.commits.into_iter().find(|commit| commit.n == retry.n) else {
        tracing::info!(call_id = %retry.call_id, n = %retry.n, "a commit that was to be retried is not in the log any more");
        return Ok(());
    };
    projector.project(vec![commit]).await.pop().map_or(Ok(()), |(_, why)| Err(why))
}

async fn project_or_set_again(projector: &Projector, queue: &dyn RetryQueue, retry: Retry) -> Result<(), String> {
    let Err(error) = Box::pin(project(projector, &retry)).await else { return Ok(()) };
    if retry.failed >= SET_AGAIN {
        return Err(format!("{} commit {}: {error}", retry.call_id, retry.n));
    }
    let (call_id, n) = (retry.call_id.clone(), retry.n);
    tracing::warn!(%call_id, %n, %error, failed = retry.failed, "a retry of the projector failed; it is set again");
    let again = Retry { failed: retry.failed + 1, ..retry };
    set(queue, again).await.map_err(|not_set| format!("{error}; nor could it be set again: {not_set}"))
}

/// The queue's batch: what can neither be projected nor set again comes again, alone.
pub async fn on_queue(projector: &Projector, queue: &dyn RetryQueue, event: SqsEvent) -> SqsBatchResponse {
    let projector = &projector.unhurried();
    let outcomes = join_all(event.records.iter().map(async |message| {
        match serde_json::from_str(message.body.as_deref().unwrap_or_default()) {
            Ok(retry) => project_or_set_again(projector, queue, retry).await,
            Err(error) => Err(error.to_string()),
        }
    }));
    let mut answer = SqsBatchResponse::default();
    for (message, outcome) in event.records.iter().zip(outcomes.await) {
        if let Err(error) = outcome {
            tracing::error!(
                error,
                message_id = message.message_id,
                "a retry of the projector failed; SQS shows it again"
            );
            answer.add_failure(message.message_id.clone().unwrap_or_default());
        }
    }
    answer
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_push_that_fails_is_tried_often_while_its_call_rings() {
        let wait =
            |failed| Retry { call_id: CallId::new("call_a_b_1").unwrap(), n: CommitNo::FIRST, failed }.wait_seconds();
        assert_eq!([0, 1, 2, 3, 4, 5, 6, 7].map(wait), [1, 2, 4, 8, 16, 32, 64, 64]);
    }
}
