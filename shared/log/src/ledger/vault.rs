//! Where seals are kept: what was once put there stays as it is.

use futures::future::BoxFuture;
use ilock_proof::Hour;

/// The name under which the vault shows the key that checks what it holds.
pub const KEY: &str = "key";

/// A store of bundles and checkpoints in which a file is created once and never changed.
pub trait Vault: Send + Sync {
    /// Puts a file where none is; false when there is one.
    fn create(&self, name: String, bytes: Vec<u8>) -> BoxFuture<'_, Result<bool, VaultError>>;

    /// Reads a file; none when there is none.
    fn read(&self, name: String) -> BoxFuture<'_, Result<Option<Vec<u8>>, VaultError>>;
}

/// The vault could not read or create a file.
#[derive(Debug, thiserror::Error)]
#[error("{name}: {why}")]
pub struct VaultError {
    /// The file's name.
    pub name: String,
    /// What the store reported.
    pub why: String,
}

/// The name of an hour's checkpoint.
#[must_use]
pub fn checkpoint_name(hour: Hour) -> String {
    format!("{}.checkpoint", hour.file())
}

/// The name of an hour's bundle.
#[must_use]
pub fn bundle_name(hour: Hour) -> String {
    format!("{}.jsonl", hour.file())
}
