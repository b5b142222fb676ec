//! Proving a call: its entries are looked for where they were entered, and each is led to the checkpoint's root.

use std::collections::HashMap;

use ilock_events::{Millis, ProofFile};
use ilock_proof::{Checkpoint, Hour, MadeProofs, StoredCall, TILE_WIDTH, proof_file};
use serde_json::Value;

use super::error::{LedgerError, file};
use super::reader::LedgerReader;

/// How far back the entry of an hour is looked for before the ledger is read from its beginning.
const MOST_HOURS_BACK: usize = 48;
/// What is younger may still wait for the sequencer, which works every minute.
const RECENT_MS: i64 = 5 * 60 * 1000;

/// What became of proving a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CallProof {
    Made(Box<ProofFile>),
    /// Some of its entries were not found: `lacking` of `entries`.
    Lacking {
        lacking: usize,
        entries: usize,
    },
}

/// `hour` and those before it, one after the other, as far back as an hour's entry is looked for.
pub fn hours_back(hour: Hour) -> impl Iterator<Item = Hour> {
    std::iter::successors(Some(hour), |hour| Some(hour.before())).take(MOST_HOURS_BACK)
}

impl LedgerReader {
    /// The index from which on everything stands that was entered after `hour` began, or earlier, in a ledger of `size`.
    ///
    /// # Errors
    /// [`LedgerError`].
    async fn beginning_at(&self, hour: Hour, size: u64) -> Result<u64, LedgerError> {
        for hour in hours_back(hour) {
            if let Some((index, _)) = self.hour(hour).await? {
                return Ok(index.min(size));
            }
        }
        Ok(0)
    }

    /// The file that proves `call` under `checkpoint`, with the keys that sign it. At most so many bundles are looked through.
    ///
    /// # Errors
    /// [`LedgerError`].
    pub async fn prove_call(
        &self,
        call: &StoredCall,
        checkpoint: &Checkpoint,
        keys: Vec<String>,
        bundles: u64,
    ) -> Result<CallProof, LedgerError> {
        let (entries, size) = (call.entries(), checkpoint.head.size);
        let first = times(call).min().unwrap_or_default();
        // Entered by a clock that ran behind the one of the commit.
        let from = self.beginning_at(Hour::of(Millis(first)).before(), size).await?;
        let to = from.saturating_add(bundles.saturating_mul(u64::from(TILE_WIDTH))).min(size);
        let places = self.find(&entries, from..to).await?;
        let lacking = entries.iter().filter(|entry| !places.contains_key(entry)).count();
        if lacking > 0 {
            return Ok(CallProof::Lacking { lacking, entries: entries.len() });
        }
        let mut proofs = HashMap::new();
        for (entry, index) in places {
            proofs.insert(entry, self.prove(&entry, index, checkpoint).await?);
        }
        let made = MadeProofs { origin: checkpoint.origin.clone(), keys, proofs };
        let file = proof_file(call, &made).map_err(|why| file(&call.call_id, why.to_string()))?;
        Ok(CallProof::Made(Box::new(file)))
    }
}

fn times(call: &StoredCall) -> impl Iterator<Item = i64> {
    let items = call.commits.iter().chain(&call.receipts).chain(&call.forgotten).chain(&call.alerts);
    items.filter_map(|item: &Value| item["at"].as_i64())
}

/// Whether something last happened in `call`, or was told, or was forgotten, so recently that it may still wait for the
/// sequencer.
#[must_use]
pub fn may_wait_for_sequencer(call: &StoredCall, now: Millis) -> bool {
    now.since(Millis(times(call).max().unwrap_or_default())) < RECENT_MS
}
