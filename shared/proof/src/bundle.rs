//! Bundles: what was entered since the last hour was sealed, and how far the tree had grown before.

use std::collections::BTreeMap;

use ilock_events::LedgerEntry;
use serde::{Deserialize, Serialize};

use crate::commit_hash::canonical;
use crate::hour::Hour;
use crate::tree::{Node, Tree};
use ilock_events::Day;

/// For how many days after its own a chain is still looked at for late entries. The log's stream keeps one.
const DAYS_OPEN: u32 = 3;

/// The bundle of one hour.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bundle {
    /// Of which hour.
    pub hour: Hour,
    /// The tree before.
    pub before: Tree,
    /// Up to which entry each chain had been sealed before.
    pub sealed: BTreeMap<String, u64>,
    /// What was entered since.
    pub entries: Vec<LedgerEntry>,
}

#[derive(Serialize, Deserialize)]
struct Header {
    ilock_bundle: u32,
    hour: String,
    size: u64,
    peaks: Vec<String>,
    sealed: BTreeMap<String, u64>,
}

impl Bundle {
    /// The days whose chains are looked at when `hour` is sealed, the earliest first.
    #[must_use]
    pub fn open_days(hour: Hour, now: Hour) -> Vec<Day> {
        let mut days = vec![now.day()];
        while days.last().is_some_and(|day| *day > hour.day()) {
            days.extend(days.last().map(Day::before));
        }
        for _ in 0..DAYS_OPEN {
            days.extend(days.last().map(Day::before));
        }
        days.reverse();
        days
    }

    /// The tree with what is in here.
    #[must_use]
    pub fn after(&self) -> Tree {
        let mut tree = self.before.clone();
        for entry in &self.entries {
            tree.push(&leaf(entry));
        }
        tree
    }

    /// Up to which entry each chain is sealed with what is in here; of chains that may still grow.
    #[must_use]
    pub fn sealed_after(&self) -> BTreeMap<String, u64> {
        let mut sealed = self.sealed.clone();
        for entry in &self.entries {
            let up_to = sealed.entry(entry.chain.clone()).or_default();
            *up_to = entry.seq.max(*up_to);
        }
        let earliest = Self::open_days(self.hour, self.hour).remove(0);
        sealed.retain(|chain, _| chain.as_str() >= earliest.as_str());
        sealed
    }

    /// As a file.
    ///
    /// # Errors
    /// What serialising says; none for these types.
    pub fn write(&self) -> Result<Vec<u8>, serde_json::Error> {
        let header = Header {
            ilock_bundle: 1,
            hour: self.hour.to_string(),
            size: self.before.size(),
            peaks: self.before.peaks().iter().map(hex::encode).collect(),
            sealed: self.sealed.clone(),
        };
        let mut file = serde_json::to_vec(&header)?;
        file.push(b'\n');
        for entry in &self.entries {
            file.extend(leaf(entry));
            file.push(b'\n');
        }
        Ok(file)
    }

    /// Reads a file.
    ///
    /// # Errors
    /// What is wrong with it, in words.
    pub fn read(file: &[u8]) -> Result<Self, String> {
        let mut lines = file.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
        let header: Header = serde_json::from_slice(lines.next().unwrap_or_default()).map_err(|e| e.to_string())?;
        if header.ilock_bundle != 1 {
            return Err(format!("this bundle is of version {}", header.ilock_bundle));
        }
        let peaks: Option<Vec<Node>> = header.peaks.iter().map(|text| node(text)).collect();
        let entries: Result<Vec<LedgerEntry>, _> = lines.map(serde_json::from_slice).collect();
        Ok(Self {
            hour: Hour::read(&header.hour).ok_or_else(|| format!("{:?} is no hour", header.hour))?,
            before: peaks.and_then(|peaks| Tree::of(header.size, peaks)).ok_or("invalid Merkle tree state")?,
            sealed: header.sealed,
            entries: entries.map_err(|error| error.to_string())?,
        })
    }
}

/// An entry as a leaf of the tree: its RFC 8785 form.
#[allow(clippy::expect_used, reason = "an entry is made of texts and small numbers, which always have a form")]
fn leaf(entry: &LedgerEntry) -> Vec<u8> {
    canonical(entry).expect("an entry has a form")
}

fn node(text: &str) -> Option<Node> {
    hex::decode(text).ok()?.try_into().ok()
}
