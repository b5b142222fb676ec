//! Bundles and checkpoints in a folder, and the key that signs them.

use ilock_env::random;
use std::fs::{self, File};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};

use futures::future::BoxFuture;
use ilock_log::ledger::{KEY, Vault, VaultError};
use ilock_proof::{SignKey, VerifyKey};

/// The name of the key of a ledger on one machine.
const NAME: &str = "ilock.local/ledger";

/// A folder in which files are only ever made.
#[derive(Debug, Clone)]
pub struct Folder(PathBuf);

impl Folder {
    /// The folder `dir`, which is made when the first file is.
    #[must_use]
    pub fn new(dir: impl Into<PathBuf>) -> Self {
        Self(dir.into())
    }

    /// The key that signs, made when there is none: `key.private` for its owner alone, and `key` to check with.
    ///
    /// # Errors
    /// What the file system says, or that the key is none.
    pub fn key(&self) -> io::Result<SignKey> {
        let file = self.0.join("key.private");
        let seed = match fs::read(&file) {
            Ok(seed) => seed,
            Err(error) if error.kind() == ErrorKind::NotFound => {
                let seed = random::<32>().map_err(io::Error::other)?;
                fs::create_dir_all(&self.0)?;
                private(&file)?.write_all(&seed)?;
                seed.to_vec()
            }
            Err(error) => return Err(error),
        };
        let seed = seed.try_into().map_err(|_| io::Error::other(format!("{} is no key", file.display())))?;
        let key = SignKey::new(NAME, &seed).map_err(io::Error::other)?;
        self.make(KEY, format!("{}\n", key.verify_key()).as_bytes())?;
        Ok(key)
    }

    /// The key that checks.
    ///
    /// # Errors
    /// What the file system says, or that the key is none.
    pub fn verify_key(&self) -> io::Result<VerifyKey> {
        VerifyKey::read(&fs::read_to_string(self.0.join(KEY))?).map_err(io::Error::other)
    }

    /// Reads a file; none when there is none.
    ///
    /// # Errors
    /// What the file system says.
    pub fn file(&self, name: &str) -> io::Result<Option<Vec<u8>>> {
        match fs::read(self.0.join(name)) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Written beside and linked to its name, so that it is there whole or not at all, and never in another's place.
    fn make(&self, name: &str, bytes: &[u8]) -> io::Result<bool> {
        let path = self.0.join(name);
        let dir = path.parent().unwrap_or(&self.0);
        fs::create_dir_all(dir)?;
        let mut beside = tempfile::NamedTempFile::new_in(dir)?;
        beside.write_all(bytes)?;
        beside.as_file().sync_all()?;
        match beside.persist_noclobber(&path) {
            Ok(_) => Ok(true),
            Err(error) if error.error.kind() == ErrorKind::AlreadyExists => Ok(false),
            Err(error) => Err(error.error),
        }
    }
}

/// A new file that only its owner may read.
fn private(path: &Path) -> io::Result<File> {
    let mut options = File::options();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

impl Vault for Folder {
    fn create(&self, name: String, bytes: Vec<u8>) -> BoxFuture<'_, Result<bool, VaultError>> {
        let made = self.make(&name, &bytes);
        Box::pin(async move { made.map_err(|error| VaultError { name, why: error.to_string() }) })
    }

    fn read(&self, name: String) -> BoxFuture<'_, Result<Option<Vec<u8>>, VaultError>> {
        let read = self.file(&name);
        Box::pin(async move { read.map_err(|error| VaultError { name, why: error.to_string() }) })
    }
}
