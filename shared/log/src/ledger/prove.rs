//! Proving a call: its entries are looked for where they were entered, and each is led to the checkpoint's root.

use std::collections::{BTreeMap, HashMap};
use std::ops::Range;

use ilock_events::{Millis, ProofFile};
use ilock_proof::{Checkpoint, Entry, Hour, MadeProofs, StoredCall, TILE_WIDTH, proof_file};
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
        /// Whether not all was looked through where they may stand.
        is_cut: bool,
    },
    /// Something of it does not hold what its entry is of, in words: a proof of it would be none.
    Changed(String),
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
        if let Some(Entry { kind, n, .. }) = call.first_changed() {
            let (what, call) = (kind.word(), &call.call_id);
            let why = format!("{what} {n} of {call} was changed: what it holds is not what its hash is of");
            return Ok(CallProof::Changed(why));
        }
        let entries = call.entries_in_time();
        let mut search =
            Search { reader: self, size: checkpoint.head.size, bundles, is_cut: false, places: HashMap::new() };
        search.all(&entries).await?;
        let Search { places, is_cut, .. } = search;
        let lacking = entries.iter().filter(|(entry, _)| !places.contains_key(entry)).count();
        if lacking > 0 {
            return Ok(CallProof::Lacking { lacking, entries: entries.len(), is_cut });
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

/// Looks for the entries of a call, each in the hours round the time at which it says that it happened: a call may last for hours,
/// and text of it may be forgotten months later.
struct Search<'a> {
    reader: &'a LedgerReader,
    /// How many entries the ledger has.
    size: u64,
    /// How many bundles may still be looked through.
    bundles: u64,
    /// Whether something was left out because there were no more.
    is_cut: bool,
    places: HashMap<Entry, u64>,
}

impl Search<'_> {
    async fn all(&mut self, entries: &[(Entry, Millis)]) -> Result<(), LedgerError> {
        let mut windows: BTreeMap<(Hour, Hour), Vec<Entry>> = BTreeMap::new();
        for (entry, at) in entries {
            // By a clock that ran behind the one of the commit; and a few minutes after it.
            let hours = (Hour::of(at.plus(-RECENT_MS)), Hour::of(at.plus(RECENT_MS)).next());
            windows.entry(hours).or_default().push(*entry);
        }
        let (mut late, mut behind) = (vec![], self.size);
        for ((first, end), wanted) in windows {
            let from = self.reader.beginning_at(first, self.size).await?;
            let to = self.reader.hour(end).await?.map_or(self.size, |(index, _)| index.clamp(from, self.size));
            self.look(&wanted, from..to).await?;
            let before = late.len();
            late.extend(wanted.into_iter().filter(|entry| !self.places.contains_key(entry)));
            if late.len() > before {
                behind = behind.min(to);
            }
        }
        // What the ledger had not taken at the time was entered later by an operator.
        self.look(&late, behind..self.size).await
    }

    /// Looks through as many of the bundles with these entries as may be.
    async fn look(&mut self, wanted: &[Entry], within: Range<u64>) -> Result<(), LedgerError> {
        let width = u64::from(TILE_WIDTH);
        let first = within.start / width;
        let all = within.end.div_ceil(width).saturating_sub(first);
        if wanted.is_empty() || all == 0 {
            return Ok(());
        }
        let most = all.min(self.bundles);
        // Whole bundles: only that with the ledger's last entry is a partial one.
        let end = first.saturating_add(most).saturating_mul(width).min(self.size);
        let found = self.reader.find(wanted, within.start..end).await?;
        let is_whole = wanted.iter().all(|entry| found.contains_key(entry));
        let read = match found.values().max() {
            Some(last) if is_whole => last / width + 1 - first,
            _ => most,
        };
        self.bundles -= read.min(self.bundles);
        self.is_cut |= !is_whole && most < all;
        self.places.extend(found);
        Ok(())
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
