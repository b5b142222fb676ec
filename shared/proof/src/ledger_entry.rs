//! The ledger's entries: a chain of hashes over all commits of a day, so that a whole call cannot vanish either.

use ilock_events::{Commit, Day, Hash, LedgerEntry};

use crate::commit_hash::{canonical, digest};
use crate::day::{BUCKETS, bucket};

/// The last entry of a chain: what the next one follows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// Its number; 0 where the chain is empty.
    pub seq: u64,
    /// Its hash, or what the first entry follows.
    pub hash: Hash,
}

/// The name of the chain that a commit belongs to.
#[must_use]
pub fn chain_of(commit: &Commit) -> String {
    chain_name(&Day::of(commit.at), bucket(&commit.call_id))
}

/// The names of the chains of a day.
pub fn chains_of(day: &Day) -> impl Iterator<Item = String> {
    (0..BUCKETS).map(move |bucket| chain_name(day, bucket))
}

fn chain_name(day: &Day, bucket: u8) -> String {
    format!("{day}#{bucket}")
}

impl Head {
    /// That of an empty chain.
    #[must_use]
    pub fn of_empty(chain: &str) -> Self {
        Self { seq: 0, hash: digest(chain.as_bytes()) }
    }

    /// That of the chain whose last entry is `entry`.
    #[must_use]
    pub fn of(entry: &LedgerEntry) -> Self {
        Self { seq: entry.seq, hash: entry.hash.clone() }
    }
}

/// The entry for `commit` after `head`.
///
/// # Errors
/// What serialising says; none for the types of `ilock-events`.
pub fn entry_after(head: &Head, commit: &Commit) -> Result<LedgerEntry, serde_json::Error> {
    let mut entry = LedgerEntry {
        chain: chain_of(commit),
        seq: head.seq + 1,
        tenant: commit.tenant.clone(),
        call_id: commit.call_id.clone(),
        n: commit.n,
        commit: commit.hash.clone(),
        prev: head.hash.clone(),
        hash: String::new(),
    };
    entry.hash = entry_hash(&entry)?;
    Ok(entry)
}

/// The hash that an entry should have.
///
/// # Errors
/// What serialising says; none for the types of `ilock-events`.
pub fn entry_hash(entry: &LedgerEntry) -> Result<Hash, serde_json::Error> {
    let mut form = serde_json::to_value(entry)?;
    if let Some(fields) = form.as_object_mut() {
        fields.remove("hash");
    }
    Ok(digest(&canonical(&form)?))
}
