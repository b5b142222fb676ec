//! What waits in the projector's retry queue, and how it comes there. A commit of which everybody was told by MQTT, but whose push or row in a history failed, waits
//! here. If the stream showed it again, all calls of its shard would wait behind it.

use futures::future::{BoxFuture, join_all};
use ilock_events::{CallId, Commit, CommitNo};
use ilock_notify::QueueError;
use serde::{Deserialize, Serialize};

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

    /// The next try; none after the last.
    #[must_use]
    pub fn again(self) -> Option<Self> {
        (self.failed < SET_AGAIN).then(|| Self { failed: self.failed + 1, ..self })
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

/// Has `retry` come back, after a wait that grows with each failure.
///
/// # Errors
/// [`QueueError`].
pub async fn set(queue: &dyn RetryQueue, retry: Retry) -> Result<(), QueueError> {
    let seconds = retry.wait_seconds();
    queue.retry_later(retry, seconds).await
}

/// Puts into the queue what nobody who is connected waits for. Answers what the queue does not take: the stream is to show it again.
pub async fn leave_to_queue<E>(queue: &dyn RetryQueue, rest: Vec<(Commit, E)>) -> Vec<(Commit, E)> {
    let left = join_all(rest.into_iter().map(async |(commit, why)| {
        let not_set = set(queue, Retry::of(&commit)).await.err()?;
        tracing::warn!(call_id = %commit.call_id, n = %commit.n, error = %not_set, "not put into the retry queue; the stream shows it again");
        Some((commit, why))
    }));
    left.await.into_iter().flatten().collect()
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
