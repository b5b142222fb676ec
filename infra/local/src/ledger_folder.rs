//! The ledger in a folder, which may be served as it is: `checkpoint`, `tile/…`, `key`. The key that signs stands beside it.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Read, Write};
use std::path::{Path, PathBuf};

use futures::future::BoxFuture;
use ilock_env::random;
use ilock_log::ledger::{Found, LONGEST_FILE, LedgerStore, StoreError, longer_than_any};
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
        let file = match File::open(self.0.join(name)) {
            Ok(file) => file,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let (mut bytes, more) = (vec![], u64::try_from(LONGEST_FILE).unwrap_or(u64::MAX).saturating_add(1));
        file.take(more).read_to_end(&mut bytes)?;
        if bytes.len() > LONGEST_FILE {
            return Err(io::Error::other(longer_than_any()));
        }
        Ok(Some(Found { version: digest(&bytes), bytes }))
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

    /// The outcome of what was done to `name`.
    fn answer<'a, T: Send + 'a>(&self, name: &str, outcome: io::Result<T>) -> BoxFuture<'a, Result<T, StoreError>> {
        let name = self.0.join(name);
        Box::pin(async move {
            outcome.map_err(|error| StoreError { name: name.display().to_string(), why: error.to_string() })
        })
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

impl LedgerStore for LedgerFolder {
    fn read(&self, name: String) -> BoxFuture<'_, Result<Option<Found>, StoreError>> {
        self.answer(&name, self.find(&name))
    }

    fn create(&self, name: String, bytes: Vec<u8>) -> BoxFuture<'_, Result<bool, StoreError>> {
        self.answer(&name, self.make(&name, &bytes))
    }

    fn replace(&self, name: String, bytes: Vec<u8>, read: Option<String>) -> BoxFuture<'_, Result<bool, StoreError>> {
        self.answer(&name, self.exchange(&name, &bytes, read.as_deref()))
    }

    fn delete_below(&self, prefix: String) -> BoxFuture<'_, Result<(), StoreError>> {
        self.answer(&prefix, self.remove_below(&prefix))
    }
}
