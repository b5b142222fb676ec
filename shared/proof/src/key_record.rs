//! That a key of the log began or ended. The record is published beside the tiles, and its hash is an entry.

use ilock_events::Millis;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::commit_hash::canonical;
use crate::entry::{Entry, EntryKind};
use crate::note::key::VerifyKey;
use crate::tree::Node;

/// What happened to a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeyEvent {
    /// From now on it signs.
    Began,
    /// It does not sign any more.
    Ended,
}

/// What the file of a record is called, by the hash that its entry has.
#[must_use]
pub fn key_file(hash: &Node) -> String {
    format!("keys/{}.json", hex::encode(hash))
}

/// What it is called by what it holds.
#[must_use]
pub fn key_file_of(bytes: &[u8]) -> String {
    key_file(&Sha256::digest(bytes).into())
}

/// The record of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeyRecord {
    pub at: Millis,
    pub event: KeyEvent,
    /// The key, as a verifier key of C2SP signed-note.
    pub key: String,
}

impl KeyRecord {
    #[must_use]
    pub fn new(key: &VerifyKey, event: KeyEvent, at: Millis) -> Self {
        Self { at, event, key: key.to_string() }
    }

    /// Its file: what it is called, and what it holds, in RFC 8785 form.
    ///
    /// # Errors
    /// What serialising says; none for this type.
    pub fn file(&self) -> Result<(String, Vec<u8>), serde_json::Error> {
        let bytes = canonical(self)?;
        Ok((key_file_of(&bytes), bytes))
    }

    /// Its entry.
    ///
    /// # Errors
    /// As [`KeyRecord::file`].
    pub fn entry(&self) -> Result<Entry, serde_json::Error> {
        Ok(Entry::of_log(EntryKind::Key, Sha256::digest(canonical(self)?).into()))
    }
}
