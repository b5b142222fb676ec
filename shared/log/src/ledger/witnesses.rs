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
                Ok(Ok(body)) => signatures(&witness, checkpoint, &body),
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
        join_all(answers).await.into_iter().flatten().collect()
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
}

/// The signature lines of an answer, when one of them is the witness's own. The others are kept: it may have more keys.
fn signatures(witness: &Witness, checkpoint: &Checkpoint, body: &str) -> Vec<Signature> {
    let lines: Result<Vec<Signature>, _> = body.lines().map(Signature::read).collect();
    let mut cosigned = checkpoint.clone();
    cosigned.note.add(lines.iter().flatten().cloned());
    let own = cosigned.cosigned_by(&witness.key);
    match (lines, own) {
        (Ok(lines), Ok(Some(_))) => lines.into_iter().filter(|line| !is_of_log(line, checkpoint)).collect(),
        (_, own) => {
            tracing::warn!(witness = witness.name, error = ?own.err(), "the witness answered with no cosignature of its own");
            vec![]
        }
    }
}

/// Nobody but the log signs in the log's name.
fn is_of_log(line: &Signature, checkpoint: &Checkpoint) -> bool {
    line.name == checkpoint.origin
}
