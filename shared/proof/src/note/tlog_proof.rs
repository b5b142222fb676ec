//! Proofs that one can hand on (C2SP tlog-proof): an entry's index, its inclusion proof, and a checkpoint.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::checkpoint::Checkpoint;
use super::signature::BadNote;
use super::{node_of, number_of};
use crate::merkle_proof::{BadProof, verify_inclusion};
use crate::tree::{Node, leaf_hash};

const FIRST_LINE: &str = "c2sp.org/tlog-proof@v1";
/// A tree of 2^64 leaves has no longer path.
const MAX_HASHES: usize = 64;

/// That an entry is in a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlogProof {
    pub index: u64,
    pub hashes: Vec<Node>,
    pub checkpoint: Checkpoint,
}

impl TlogProof {
    /// Reads a proof. What stands in its `extra` line is passed over: nothing vouches for it.
    ///
    /// # Errors
    /// [`BadNote`].
    pub fn read(text: &str) -> Result<Self, BadNote> {
        let bad =
            || BadNote("not a proof of C2SP tlog-proof: its first line, index, hashes, an empty line, a checkpoint");
        let (head, checkpoint) = text.split_once("\n\n").ok_or_else(bad)?;
        let mut lines = head.split('\n').peekable();
        if lines.next() != Some(FIRST_LINE) {
            return Err(bad());
        }
        if let Some(extra) = lines.next_if(|line| line.starts_with("extra ")) {
            STANDARD.decode(&extra["extra ".len()..]).map_err(|_| bad())?;
        }
        let index = lines.next().and_then(|line| number_of(line.strip_prefix("index ")?)).ok_or_else(bad)?;
        let hashes: Option<Vec<Node>> = lines.map(node_of).collect();
        let hashes = hashes.filter(|hashes| hashes.len() <= MAX_HASHES).ok_or_else(bad)?;
        Ok(Self { index, hashes, checkpoint: Checkpoint::read(checkpoint)? })
    }

    /// Whether it shows that `entry` is in the checkpoint's tree. Who signed the checkpoint is another question.
    ///
    /// # Errors
    /// [`BadProof`].
    pub fn verify(&self, entry: &[u8]) -> Result<(), BadProof> {
        verify_inclusion(&leaf_hash(entry), self.index, &self.hashes, &self.checkpoint.head)
    }
}

impl fmt::Display for TlogProof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{FIRST_LINE}\nindex {}", self.index)?;
        self.hashes.iter().try_for_each(|hash| writeln!(f, "{}", STANDARD.encode(hash)))?;
        write!(f, "\n{}", self.checkpoint.note)
    }
}
