//! Where a ledger is: a folder or an S3 bucket.

use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;

use ilock_local::ledger_folder::LedgerFolder;
use ilock_log::ledger::LedgerStore;

use crate::ui::error::CommandError;

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LedgerPlace {
    Folder(PathBuf),
    /// The name of an S3 bucket.
    Bucket(String),
}

impl FromStr for LedgerPlace {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let Some(bucket) = text.strip_prefix("s3://") else { return Ok(Self::Folder(text.into())) };
        let bucket = bucket.trim_end_matches('/');
        if bucket.is_empty() || bucket.contains('/') {
            return Err("must be a folder, or s3://BUCKET");
        }
        Ok(Self::Bucket(bucket.to_owned()))
    }
}

impl std::fmt::Display for LedgerPlace {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Folder(folder) => write!(f, "{}", folder.display()),
            Self::Bucket(bucket) => write!(f, "s3://{bucket}"),
        }
    }
}

impl LedgerPlace {
    /// Refuses a folder that is not there, where somebody named it. That of a running `ilock dev` may be about to be made.
    pub fn must_be_there(&self) -> Result<(), CommandError> {
        match self {
            Self::Folder(folder) if !folder.is_dir() => {
                Err(CommandError::new(format!("the ledger {}: there is no such folder", folder.display()))
                    .hint("--ledger or ILOCK_LEDGER names it: DIR/tlog of `ilock dev --data-dir DIR`, or s3://BUCKET"))
            }
            _ => Ok(()),
        }
    }

    #[allow(clippy::unused_async, reason = "only the feature `aws` awaits: it loads credentials")]
    pub async fn open(&self) -> Result<Arc<dyn LedgerStore>, CommandError> {
        match self {
            Self::Folder(folder) => Ok(Arc::new(LedgerFolder::new(folder))),
            #[cfg(feature = "aws")]
            Self::Bucket(bucket) => {
                let sdk = crate::selected_account::load_config().await?;
                Ok(Arc::new(ilock_lambda::aws::Bucket::new(aws_sdk_s3::Client::new(&sdk), bucket)))
            }
            #[cfg(not(feature = "aws"))]
            Self::Bucket(bucket) => Err(CommandError::new(format!(
                "this ilock was built without the feature `aws` and cannot read s3://{bucket}"
            ))
            .hint("build it with --features aws, or copy the bucket: aws s3 sync s3://BUCKET FOLDER")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ledger_is_in_a_folder_or_in_a_bucket() {
        assert_eq!("a/b".parse(), Ok(LedgerPlace::Folder("a/b".into())));
        assert_eq!("s3://ledger".parse(), Ok(LedgerPlace::Bucket("ledger".into())));
        assert_eq!("s3://ledger/".parse(), Ok(LedgerPlace::Bucket("ledger".into())));
        assert!("s3://".parse::<LedgerPlace>().is_err() && "s3://ledger/part".parse::<LedgerPlace>().is_err());
    }
}
