//! Witnesses (C2SP tlog-witness): others who sign that the ledger only ever grew. Each is sent the checkpoint and the proof
//! from what it saw last, and answers with its cosignature.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use futures::future::{BoxFuture, join_all};
use ilock_proof::{Checkpoint, Policy, Signature, Witness};

use super::reader::LedgerReader;

/// How long all of them together are waited for.
const PATIENCE: Duration = Duration::from_secs(5);
/// A proof has at most so many hashes, and an answer so many bytes.
const MAX_HASHES: usize = 63;
pub const MAX_ANSWER_BYTES: usize = 64 * 1024;
const CONFLICT: u16 = 409;
/// How many lines of one answer are kept, and how many of all: a note has at most 128, and one that nobody can read any more
/// would stop the ledger.
const LINES_OF_A_WITNESS: usize = 4;
const LINES_OF_ALL: usize = 96;

/// What a witness answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WitnessAnswer {
    /// The HTTP status.
    pub status: u16,
    pub body: String,
}

/// A witness could not be asked.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct WitnessError(pub String);

/// Sends a POST request.
pub trait WitnessClient: Send + Sync {
    fn post(&self, url: String, body: String) -> BoxFuture<'_, Result<WitnessAnswer, WitnessError>>;
}

/// The witnesses of a ledger, and how many of them are enough.
#[derive(Clone)]
pub struct Witnesses {
    pub policy: Policy,
    pub client: Arc<dyn WitnessClient>,
}

impl Witnesses {
    /// The cosignatures for `checkpoint`, as far as they come in time. `before` is the size that a witness most likely saw
    /// last.
    pub(super) async fn cosign(&self, reader: &LedgerReader, checkpoint: &Checkpoint, before: u64) -> Vec<Signature> {
        let asked =
            self.policy.witnesses.clone().into_iter().filter_map(|witness| Some((witness.url.clone()?, witness)));
        let answers = asked.map(|(url, witness)| async move {
            let url = format!("{}/add-checkpoint", url.trim_end_matches('/'));
            let asked = self.ask(reader, checkpoint, before, &url);
            match tokio::time::timeout(PATIENCE, asked).await {
                Ok(Ok(body)) => self.signatures(&witness, checkpoint, &body),
                Ok(Err(error)) => {
                    tracing::warn!(witness = witness.name, %error, "the witness did not cosign; the next round asks it again");
                    vec![]
                }
                Err(_) => {
                    tracing::warn!(witness = witness.name, "the witness did not answer in time; the next round asks it again");
                    vec![]
                }
            }
        });
        join_all(answers).await.into_iter().flatten().take(LINES_OF_ALL).collect()
    }

    async fn ask(
        &self,
        reader: &LedgerReader,
        checkpoint: &Checkpoint,
        before: u64,
        url: &str,
    ) -> Result<String, WitnessError> {
        let first = self.post(reader, checkpoint, before, url).await?;
        let answer = match first.status {
            // It saw another checkpoint last, and says which. Asked once more, from there.
            CONFLICT => {
                let seen = first.body.trim_end_matches('\n').parse().ok().filter(|seen| *seen <= checkpoint.head.size);
                let seen = seen.ok_or_else(|| WitnessError(format!("409, and it saw a tree of {:?}", first.body)))?;
                self.post(reader, checkpoint, seen, url).await?
            }
            _ => first,
        };
        if answer.status == 200 {
            Ok(answer.body)
        } else {
            Err(WitnessError(format!("status {}: {}", answer.status, answer.body)))
        }
    }

    async fn post(
        &self,
        reader: &LedgerReader,
        checkpoint: &Checkpoint,
        old: u64,
        url: &str,
    ) -> Result<WitnessAnswer, WitnessError> {
        let proof = reader.consistency(old, &checkpoint.head).await.map_err(|error| WitnessError(error.to_string()))?;
        if proof.len() > MAX_HASHES {
            return Err(WitnessError("the proof is longer than a witness takes".into()));
        }
        let lines = proof.iter().flat_map(|hash| [STANDARD.encode(hash), "\n".to_owned()]).collect::<String>();
        self.client.post(url.to_owned(), format!("old {old}\n{lines}\n{}", checkpoint.note)).await
    }

    /// The signature lines of an answer, its own first, when it has that and that fits. Lines of keys that nobody here knows
    /// are kept: it may have more keys. In the name of the log, or of another witness, it has nothing to say.
    fn signatures(&self, witness: &Witness, checkpoint: &Checkpoint, body: &str) -> Vec<Signature> {
        let lines: Vec<Signature> = match body.lines().map(Signature::read).collect() {
            Ok(lines) => lines,
            Err(error) => {
                tracing::warn!(witness = witness.name, %error, "the witness answered with something else than signature lines");
                return vec![];
            }
        };
        let (own, others): (Vec<_>, Vec<_>) = lines.into_iter().partition(|line| witness.key.made(line));
        let mut cosigned = checkpoint.clone();
        cosigned.note.add(own.first().cloned());
        match cosigned.cosigned_by(&witness.key) {
            Ok(Some(_)) if own.len() == 1 => {}
            outcome => {
                let (error, lines) = (outcome.err(), own.len());
                tracing::warn!(
                    witness = witness.name,
                    ?error,
                    lines,
                    "the witness answered with no cosignature of its own"
                );
                return vec![];
            }
        }
        let strange = |line: &Signature| {
            line.name != checkpoint.origin && !self.policy.witnesses.iter().any(|known| known.key.made(line))
        };
        own.into_iter().chain(others.into_iter().filter(strange)).take(LINES_OF_A_WITNESS).collect()
    }
}
