//! The certificate and key files of a door station. AWS returns a private key once, so existing files are not overwritten.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use ilock_events::Address;

use crate::ui::error::CommandError;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Files {
    /// `DEVICE_ID.cert.pem`
    pub certificate: PathBuf,
    /// `DEVICE_ID.key.pem`, readable by its owner only.
    pub key: PathBuf,
}

impl Files {
    pub fn of(folder: &Path, device: &Address) -> Self {
        Self { certificate: folder.join(format!("{device}.cert.pem")), key: folder.join(format!("{device}.key.pem")) }
    }

    /// Fails when `write` would fail, before anything is created in the account.
    pub fn must_not_exist(&self) -> Result<(), CommandError> {
        if let Some(folder) = self.certificate.parent().filter(|folder| !folder.as_os_str().is_empty())
            && !folder.is_dir()
        {
            return Err(CommandError::new(format!("--out: {} is not a folder", folder.display())));
        }
        for path in [&self.certificate, &self.key] {
            if fs::symlink_metadata(path).is_ok() {
                return Err(CommandError::new(format!("{} exists and is not overwritten", path.display()))
                    .hint("choose another folder with --out"));
            }
        }
        Ok(())
    }

    /// Writes both files, or on an error neither.
    pub fn write(&self, certificate: &str, key: &str) -> Result<(), CommandError> {
        // The key first: without it the certificate is useless.
        write(&self.key, key, 0o600)?;
        write(&self.certificate, certificate, 0o644).inspect_err(|_| remove(&self.key))
    }

    /// Deletes both files.
    pub fn remove(&self) {
        remove(&self.certificate);
        remove(&self.key);
    }
}

fn remove(path: &Path) {
    let _ = fs::remove_file(path);
}

#[cfg_attr(not(unix), expect(unused_variables, reason = "only Unix has modes"))]
fn write(path: &Path, text: &str, mode: u32) -> Result<(), CommandError> {
    let failed = |error: io::Error| CommandError::new(format!("{}: {error}", path.display()));
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, mode);
    let mut file = options.open(path).map_err(failed)?;
    file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).map_err(failed).inspect_err(|_| remove(path))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(folder: &tempfile::TempDir) -> Files {
        Files::of(folder.path(), &Address::try_from("door1".to_owned()).unwrap())
    }

    #[test]
    fn the_key_is_for_its_owner_only() {
        let folder = tempfile::tempdir().unwrap();
        let files = files(&folder);
        files.must_not_exist().unwrap();
        files.write("certificate", "key").unwrap();
        assert_eq!(fs::read_to_string(&files.key).unwrap(), "key");
        assert_eq!(fs::read_to_string(&files.certificate).unwrap(), "certificate");
        #[cfg(unix)]
        {
            let mode = std::os::unix::fs::PermissionsExt::mode(&fs::metadata(&files.key).unwrap().permissions());
            assert_eq!(mode & 0o777, 0o600);
        }
    }

    #[test]
    fn nothing_is_overwritten_and_no_half_is_left() {
        let folder = tempfile::tempdir().unwrap();
        let files = files(&folder);
        fs::write(&files.certificate, "old").unwrap();
        assert!(files.must_not_exist().unwrap_err().message.contains("door1.cert.pem"));
        assert!(files.write("new", "key").is_err());
        assert_eq!(fs::read_to_string(&files.certificate).unwrap(), "old");
        assert!(!files.key.exists());
    }

    #[test]
    fn a_folder_that_does_not_exist_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let nowhere = Files::of(&folder.path().join("nowhere"), &Address::try_from("door1".to_owned()).unwrap());
        assert!(nowhere.must_not_exist().unwrap_err().message.starts_with("--out"));
    }
}
