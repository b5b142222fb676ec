//! Files and answers that somebody else wrote: each is read up to the length that an honest one can have, and no further.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use ilock_log::ledger::LONGEST_FILE;

use crate::ui::error::CommandError;

/// What is read whole, and how many bytes it may have.
#[derive(Debug, Clone, Copy)]
pub struct Limit {
    /// What it is, in words.
    what: &'static str,
    bytes: usize,
}

/// A policy has a line for each key and each witness.
pub const POLICY: Limit = Limit { what: "a policy", bytes: 1 << 20 };
/// As long as a signed note may be.
pub const CHECKPOINT: Limit = Limit { what: "a checkpoint", bytes: 1 << 20 };
/// A proof of each item of a call; of most calls it has 50 kB.
pub const PROOF: Limit = Limit { what: "a proof", bytes: 64 << 20 };
/// What a backend answers for a file of its ledger.
pub const LEDGER_FILE: Limit = Limit { what: "a file of the ledger", bytes: LONGEST_FILE };
/// Where the stores of a backend on this machine are.
pub const STORES: Limit = Limit { what: "the place of two stores", bytes: 64 << 10 };
/// A line of 200 bytes for each data file of an export.
pub const MANIFEST: Limit = Limit { what: "a manifest", bytes: 64 << 20 };

impl Limit {
    fn exceeded(self) -> String {
        format!("it is longer than {} bytes, and {} is not", self.bytes, self.what)
    }

    /// Reads a file of UTF-8.
    pub fn read(self, path: &Path) -> Result<String, CommandError> {
        text(path, self.bytes(path)?)
    }

    /// Reads a file.
    pub fn bytes(self, path: &Path) -> Result<Vec<u8>, CommandError> {
        let failed = |why: &dyn std::fmt::Display| CommandError::new(format!("{}: {why}", path.display()));
        let most = u64::try_from(self.bytes).unwrap_or(u64::MAX);
        let file = File::open(path).map_err(|error| failed(&error))?;
        let mut bytes = vec![];
        file.take(most.saturating_add(1)).read_to_end(&mut bytes).map_err(|error| failed(&error))?;
        if bytes.len() > self.bytes {
            return Err(failed(&self.exceeded()));
        }
        if bytes.is_empty() {
            return Err(failed(&format!("it is empty, and {} is not", self.what)));
        }
        Ok(bytes)
    }

    /// Reads an answer.
    ///
    /// # Errors
    /// That it is too long, or what the connection says.
    pub async fn receive(self, mut answer: reqwest::Response) -> Result<Vec<u8>, String> {
        let mut bytes = vec![];
        while let Some(chunk) = answer.chunk().await.map_err(|error| error.to_string())? {
            bytes.extend_from_slice(&chunk);
            if bytes.len() > self.bytes {
                return Err(format!("the answer: {}", self.exceeded()));
            }
        }
        Ok(bytes)
    }
}

/// The text in a file of UTF-8.
pub fn text(path: &Path, bytes: Vec<u8>) -> Result<String, CommandError> {
    String::from_utf8(bytes).map_err(|_| CommandError::new(format!("{}: it is not UTF-8", path.display())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_read_up_to_its_limit() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let limit = Limit { what: "a note", bytes: 4 };
        let read = |text: &[u8]| {
            std::fs::write(file.path(), text).unwrap();
            limit.read(file.path()).map_err(|error| error.message)
        };
        assert_eq!(read(b"four"), Ok("four".into()));
        let refused = read(b"fives").unwrap_err();
        assert!(refused.ends_with(": it is longer than 4 bytes, and a note is not"), "{refused}");
        assert!(read(b"\xff").unwrap_err().ends_with("it is not UTF-8"));
    }
}
