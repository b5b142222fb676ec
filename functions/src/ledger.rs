//! ledger: fed by the log's stream as the projector is, it enters that each commit was made.

use std::collections::BTreeMap;

use aws_lambda_events::dynamodb::Event;
use aws_lambda_events::streams::DynamoDbEventResponse;
use futures::StreamExt;
use futures::stream;
use ilock_events::{CallId, Commit, CommitNo};
use ilock_log::{Ledger, LogError, chain_of};

use crate::projector::{commit_in, shown_again};

/// So many chains are written to at once.
const AT_ONCE: usize = 8;

/// What enters commits into the ledger.
#[derive(Debug, Clone)]
pub struct LedgerKeeper {
    /// The ledger.
    pub ledger: Ledger,
}

/// Why a commit was not entered. It will be shown again.
#[derive(Debug, thiserror::Error)]
pub enum NotEntered {
    /// The ledger's table.
    #[error(transparent)]
    Ledger(#[from] LogError),
    /// An earlier one of its chain failed; commits are entered in the order of the stream.
    #[error("waits for an earlier commit of the chain")]
    Waits,
}

impl LedgerKeeper {
    /// Enters commits, each chain's in order, chains beside each other. Answers which could not be, and why.
    pub async fn enter(&self, commits: Vec<Commit>) -> Vec<(Commit, NotEntered)> {
        let mut by_chain: BTreeMap<String, Vec<Commit>> = BTreeMap::new();
        for commit in commits {
            by_chain.entry(chain_of(&commit)).or_default().push(commit);
        }
        stream::iter(by_chain)
            .map(|(chain, commits)| self.enter_chain(chain, commits))
            .buffer_unordered(AT_ONCE)
            .flat_map(stream::iter)
            .collect()
            .await
    }

    async fn enter_chain(&self, chain: String, commits: Vec<Commit>) -> Vec<(Commit, NotEntered)> {
        let mut head = match self.ledger.head(&chain).await {
            Ok(head) => Ok(head),
            Err(error) => Err(NotEntered::from(error)),
        };
        let mut failed = vec![];
        for commit in commits {
            let outcome = match &mut head {
                Ok(head) => self.ledger.enter(&commit, head).await.map(drop).map_err(NotEntered::from),
                Err(why) => Err(std::mem::replace(why, NotEntered::Waits)),
            };
            if let Err(why) = outcome {
                tracing::warn!(call_id = %commit.call_id, n = %commit.n, error = %why, "not entered yet");
                failed.push((commit, why));
                head = Err(NotEntered::Waits);
            }
        }
        failed
    }

    /// The stream's batch. What fails is shown again by its sequence number, and so is what cannot be read: it ends on
    /// the dead-letter queue. Of a commit that was changed or removed the projector raises the alarm.
    pub async fn on_stream(&self, event: Event) -> DynamoDbEventResponse {
        let mut sequence: BTreeMap<(CallId, CommitNo), String> = BTreeMap::new();
        let (mut commits, mut failed) = (vec![], vec![]);
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
        let not_entered = self.enter(commits).await;
        failed.extend(not_entered.into_iter().filter_map(|(commit, _)| sequence.remove(&(commit.call_id, commit.n))));
        shown_again(failed)
    }
}
