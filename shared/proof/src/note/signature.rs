//! A signature line of a note, and why a note is refused.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::is_name;

/// Why a note, a key, a checkpoint, a policy or a proof is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct BadNote(pub &'static str);

/// A signature line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signature {
    /// The name of the key.
    pub name: String,
    /// The key's id.
    pub id: u32,
    pub bytes: Vec<u8>,
}

impl Signature {
    /// Reads a line, without its line break.
    ///
    /// # Errors
    /// [`BadNote`].
    pub fn read(line: &str) -> Result<Self, BadNote> {
        let bad = || BadNote("not a signature line: an em dash, a key's name, and a signature");
        let (name, bytes) = line.strip_prefix("\u{2014} ").and_then(|rest| rest.split_once(' ')).ok_or_else(bad)?;
        let bytes = STANDARD.decode(bytes).map_err(|_| bad())?;
        let (id, bytes) = bytes.split_first_chunk::<4>().ok_or_else(bad)?;
        if bytes.is_empty() || !is_name(name) {
            return Err(bad());
        }
        Ok(Self { name: name.to_owned(), id: u32::from_be_bytes(*id), bytes: bytes.to_vec() })
    }
}

impl fmt::Display for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = [&self.id.to_be_bytes()[..], &self.bytes].concat();
        write!(f, "\u{2014} {} {}", self.name, STANDARD.encode(bytes))
    }
}
