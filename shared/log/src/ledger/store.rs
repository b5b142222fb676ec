//! Where the ledger is published.
//!
//! ```text
//! checkpoint                the signed checkpoint: the one file that is written over
//! tile/0/x001/067           tiles and entry bundles; partial ones until the full one is there
//! checkpoints/<size>        the checkpoint of each hour, kept
//! hours/2026-11-25T13       the index of that hour's entry and the size of its checkpoint: where to look, and no proof
//! keys/<sha256>.json        that a key began or ended; the hash is an entry
//! key                       the keys that sign now, one a line
//! ```

use futures::future::BoxFuture;
use ilock_proof::{Checkpoint, Hour};

/// The checkpoint's file.
pub const CHECKPOINT: &str = "checkpoint";
/// The file of the keys that sign, as verifier keys of C2SP signed-note.
pub const KEY: &str = "key";

/// No file of a ledger has more bytes: a tile or a bundle has 14 kB, a checkpoint is as long as a signed note may be. Whoever
/// reads a store that somebody else filled reads no further.
pub const LONGEST_FILE: usize = 1 << 20;

/// Why a file of more bytes was not read.
#[must_use]
pub fn longer_than_any() -> String {
    format!("it is longer than {LONGEST_FILE} bytes, and a file of the ledger is not")
}

/// A file, and which version of it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    pub bytes: Vec<u8>,
    /// What [`LedgerStore::replace`] compares.
    pub version: String,
}

/// A store of files. But for `checkpoint` and `key`, what stands under a name never changes.
pub trait LedgerStore: Send + Sync {
    /// Reads a file; none when there is none.
    fn read(&self, name: String) -> BoxFuture<'_, Result<Option<Found>, StoreError>>;

    /// Puts a file where none is; false when there is one.
    fn create(&self, name: String, bytes: Vec<u8>) -> BoxFuture<'_, Result<bool, StoreError>>;

    /// Puts a file in the place of the version that was read, or where none was; false when another one stands there.
    fn replace(&self, name: String, bytes: Vec<u8>, read: Option<String>) -> BoxFuture<'_, Result<bool, StoreError>>;

    /// Deletes every file whose name begins with `prefix`, which ends with a slash.
    fn delete_below(&self, prefix: String) -> BoxFuture<'_, Result<(), StoreError>>;
}

/// The store could not read or write a file.
#[derive(Debug, thiserror::Error)]
#[error("{name}: {why}")]
pub struct StoreError {
    pub name: String,
    pub why: String,
}

/// Whether nobody may delete this file before its time: full tiles, full bundles, the hours' checkpoints, keys' records.
/// The rest is replaced, or can be made again.
#[must_use]
pub fn is_kept(name: &str) -> bool {
    let tile = name.starts_with("tile/") && !name.contains(".p/");
    tile || name.starts_with("checkpoints/") || name.starts_with("keys/")
}

/// Whether a file may be called so: whoever may read the ledger may ask for it. Nothing else of the store is read by name.
#[must_use]
pub fn is_published(name: &str) -> bool {
    let part = |part: &str| {
        let plain = part.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-'));
        plain && !part.is_empty() && !part.starts_with('.') && part.len() <= 80
    };
    let below = ["tile/", "checkpoints/", "hours/", "keys/"].iter().any(|folder| name.starts_with(folder));
    name == CHECKPOINT || name == KEY || below && name.split('/').all(part)
}

/// Where an hour's entry stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HourMark(pub Hour);

impl HourMark {
    /// The name of its file.
    #[must_use]
    pub fn name(self) -> String {
        format!("hours/{}", self.0)
    }

    /// What the file holds, of an entry at `index`, and a kept checkpoint of `size` entries.
    #[must_use]
    pub fn bytes(index: u64, size: u64) -> Vec<u8> {
        format!("{index} {size}\n").into_bytes()
    }

    /// The index and the size that a file names.
    #[must_use]
    pub fn read(bytes: &[u8]) -> Option<(u64, u64)> {
        let (index, size) = std::str::from_utf8(bytes).ok()?.strip_suffix('\n')?.split_once(' ')?;
        Some((index.parse().ok()?, size.parse().ok()?))
    }
}

/// The file of an hour's checkpoint.
#[must_use]
pub fn kept_checkpoint(size: u64) -> String {
    format!("checkpoints/{size}")
}

/// The published checkpoint, and which version of it was read.
pub(super) struct Published {
    pub(super) checkpoint: Checkpoint,
    pub(super) version: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_files_of_the_ledger_are_read_by_name() {
        for good in
            ["checkpoint", "key", "tile/0/x001/067.p/3", "tile/entries/000", "checkpoints/7", "hours/2026-11-25T13"]
        {
            assert!(is_published(good), "{good}");
        }
        for bad in [
            "",
            "tlog.key",
            ".lock",
            "tile",
            "tile/",
            "tile/../key",
            "tile//0",
            "tile/.lock",
            "/checkpoint",
            "tile/0/é",
        ] {
            assert!(!is_published(bad), "{bad}");
        }
    }
}
