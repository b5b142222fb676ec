//! The ledger in a folder, which may be served as it is: `checkpoint`, `tile/…`, `key`. The key that signs stands beside it.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};

use futures::future::BoxFuture;
use ilock_env::random;
use ilock_log::ledger::{Found, LedgerStore, StoreError};
use ilock_proof::{SignKey, digest};

/// A ledger on one machine is called so, and by a part of its key: another folder is another ledger.
const ORIGIN: &str = "ilock.local";
/// Held while a file is replaced.
const LOCK: &str = ".lock";

/// A folder of the ledger's files.
#[derive(Debug, Clone)]
pub struct LedgerFolder(PathBuf);

impl LedgerFolder {
    /// The folder `dir`, which is made when the first file is.
    #[must_use]
    pub fn new(dir: impl Into<PathBuf>) -> Self {
        Self(dir.into())
    }

    fn find(&self, name: &str) -> io::Result<Option<Found>> {
        match fs::read(self.0.join(name)) {
            Ok(bytes) => Ok(Some(Found { version: digest(&bytes), bytes })),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// A file beside `name`, so that it is there whole or not at all.
    fn beside(&self, name: &str, bytes: &[u8]) -> io::Result<(tempfile::NamedTempFile, PathBuf)> {
        let path = self.0.join(name);
        let dir = path.parent().unwrap_or(&self.0);
        fs::create_dir_all(dir)?;
        let mut beside = tempfile::NamedTempFile::new_in(dir)?;
        beside.write_all(bytes)?;
        readable(beside.as_file())?;
        beside.as_file().sync_all()?;
        Ok((beside, path))
    }

    fn make(&self, name: &str, bytes: &[u8]) -> io::Result<bool> {
        let (beside, path) = self.beside(name, bytes)?;
        match beside.persist_noclobber(&path) {
            Ok(_) => Ok(true),
            Err(error) if error.error.kind() == ErrorKind::AlreadyExists => Ok(false),
            Err(error) => Err(error.error),
        }
    }

    fn exchange(&self, name: &str, bytes: &[u8], read: Option<&str>) -> io::Result<bool> {
        let (beside, path) = self.beside(name, bytes)?;
        let lock = File::create(self.0.join(LOCK))?;
        lock.lock()?;
        if self.find(name)?.map(|found| found.version).as_deref() != read {
            return Ok(false);
        }
        beside.persist(path).map(|_| true).map_err(|error| error.error)
    }

    fn remove_below(&self, prefix: &str) -> io::Result<()> {
        match fs::remove_dir_all(self.0.join(prefix)) {
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
            removed => removed,
        }
    }
}

/// A temporary file is its owner's alone; what is published is everybody's.
fn readable(file: &File) -> io::Result<()> {
    #[cfg(unix)]
    file.set_permissions(std::os::unix::fs::PermissionsExt::from_mode(0o644))?;
    Ok(())
}

/// The key in `file`, made when there is none: for its owner alone.
///
/// # Errors
/// What the file system says, or that the key is none.
pub fn signing_key(file: &Path) -> io::Result<SignKey> {
    let seed = match fs::read(file) {
        Ok(seed) => seed,
        Err(error) if error.kind() == ErrorKind::NotFound => {
            let seed = random::<32>().map_err(io::Error::other)?;
            fs::create_dir_all(file.parent().unwrap_or(Path::new(".")))?;
            private(file)?.write_all(&seed)?;
            seed.to_vec()
        }
        Err(error) => return Err(error),
    };
    let seed = seed.try_into().map_err(|_| io::Error::other(format!("{} is no key", file.display())))?;
    let unnamed = SignKey::new(ORIGIN, &seed).map_err(io::Error::other)?;
    let own = digest(unnamed.verify_key().public());
    SignKey::new(format!("{ORIGIN}/{}", &own[..8]), &seed).map_err(io::Error::other)
}

/// A new file that only its owner may read.
fn private(path: &Path) -> io::Result<File> {
    let mut options = File::options();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

fn answer<'a, T: Send + 'a>(name: String, outcome: io::Result<T>) -> BoxFuture<'a, Result<T, StoreError>> {
    Box::pin(async move { outcome.map_err(|error| StoreError { name, why: error.to_string() }) })
}

impl LedgerStore for LedgerFolder {
    fn read(&self, name: String) -> BoxFuture<'_, Result<Option<Found>, StoreError>> {
        let found = self.find(&name);
        answer(name, found)
    }

    fn create(&self, name: String, bytes: Vec<u8>) -> BoxFuture<'_, Result<bool, StoreError>> {
        let made = self.make(&name, &bytes);
        answer(name, made)
    }

    fn replace(&self, name: String, bytes: Vec<u8>, read: Option<String>) -> BoxFuture<'_, Result<bool, StoreError>> {
        let exchanged = self.exchange(&name, &bytes, read.as_deref());
        answer(name, exchanged)
    }

    fn delete_below(&self, prefix: String) -> BoxFuture<'_, Result<(), StoreError>> {
        let removed = self.remove_below(&prefix);
        answer(prefix, removed)
    }
}
