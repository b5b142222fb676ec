//! ledger: fed by the log's stream as the projector is, it enters that each commit was made.

use std::collections::BTreeMap;

use aws_lambda_events::dynamodb::Event;
use aws_lambda_events::streams::DynamoDbEventResponse;
use futures::StreamExt;
use futures::stream;
use ilock_events::Commit;
use ilock_log::LogError;
use ilock_log::ledger::Ledger;
use ilock_proof::chain_of;

use crate::settings::BadSetting;
use crate::triggers::stream_batch::StreamBatch;
use crate::wiring::Wiring;

/// How many chains are written to at once.
const AT_ONCE: usize = 8;

/// Enters commits into the ledger.
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
    /// With the ledger that `wiring` has.
    ///
    /// # Errors
    /// [`BadSetting`].
    pub fn new(wiring: &Wiring) -> Result<Self, BadSetting> {
        Ok(Self { ledger: wiring.ledger()? })
    }

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

    /// The stream's batch. What fails is shown again by its sequence number. The projector counts commits that were
    /// changed or removed.
    pub async fn on_stream(&self, event: Event) -> DynamoDbEventResponse {
        let mut batch = StreamBatch::read(event);
        let failed = self.enter(std::mem::take(&mut batch.commits)).await;
        batch.answer(failed)
    }
}
