//! Which ledger a command reads, and whose signatures it believes.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;
use ilock_log::ledger::{LedgerError, LedgerReader};
use ilock_proof::{Checkpoint, Policy, VerifyKey};

use crate::audit::bounded::POLICY;
use crate::audit::dev_server::Reach;
use crate::audit::ledger_place::LedgerPlace;
use crate::audit::source::Source;
use crate::ui::error::CommandError;
use crate::ui::output::Output;

const LEDGER_VARIABLE: &str = "ILOCK_LEDGER";

#[derive(Debug, Clone, Args)]
pub struct LedgerArgs {
    /// Where the ledger is: a folder such as DIR/tlog of `ilock dev --data-dir DIR`, or s3://BUCKET. [default: that of the
    /// backend that is named, or of the running `ilock dev`]
    #[arg(long, env = LEDGER_VARIABLE)]
    ledger: Option<LedgerPlace>,
    /// Whom you believe: a file with the ledger's keys, its witnesses and their quorum, as C2SP tlog-policy has it.
    #[arg(long)]
    policy: Option<PathBuf>,
    /// The ledger's key, as you keep it yourself, instead of a policy.
    #[arg(long, conflicts_with = "policy")]
    ledger_key: Option<String>,
}

/// A ledger, and its checkpoint, which is signed as it must be.
pub struct OpenLedger {
    pub reader: LedgerReader,
    pub checkpoint: Checkpoint,
    /// Where it is, in words.
    pub place: String,
    /// The keys that the ledger says sign it, or the one that is believed.
    pub keys: Vec<VerifyKey>,
    pub policy: Option<Policy>,
}

/// The policy in a file.
fn read_policy(path: &Path) -> Result<Policy, CommandError> {
    let text = POLICY.read(path).map_err(|error| CommandError::new(format!("--policy {}", error.message)))?;
    Policy::read(&text).map_err(|bad| CommandError::new(format!("--policy {}: {bad}", path.display())))
}

/// Whose signatures are believed: those that a policy names, or the ledger's key; none where neither was given.
pub fn believed(policy: Option<&Path>, ledger_key: Option<&str>) -> Result<Option<Policy>, CommandError> {
    let of_key = |key| Policy::of_log(key).map_err(|bad| CommandError::new(format!("--ledger-key: {bad}")));
    match policy {
        Some(policy) => read_policy(policy).map(Some),
        None => ledger_key.map(of_key).transpose(),
    }
}

impl LedgerArgs {
    /// Whether the command line names a ledger. One that the environment names is there for all commands.
    pub fn is_named(&self) -> bool {
        let of_environment = std::env::var(LEDGER_VARIABLE).ok().and_then(|place| place.parse().ok());
        self.ledger.is_some() && self.ledger != of_environment
    }

    /// Whose signatures are believed; none where nobody was named.
    pub fn believed(&self) -> Result<Option<Policy>, CommandError> {
        believed(self.policy.as_deref(), self.ledger_key.as_deref())
    }

    pub async fn reader(&self, source: &Source) -> Result<(LedgerReader, String), CommandError> {
        let place = match (&self.ledger, source.dev_server()) {
            (Some(place), _) => {
                place.must_be_there()?;
                place.clone()
            }
            (None, Some(dev)) => match dev.reach_or_default().await? {
                Reach::Stores(stores) => LedgerPlace::Folder(stores.tlog),
                Reach::Api(api) => {
                    let place = api.described();
                    return Ok((LedgerReader::new(Arc::new(api)), place));
                }
            },
            (None, None) => {
                return Err(CommandError::new(
                    "--aws needs --ledger s3://BUCKET: the output LedgerBucketName of the stack",
                ));
            }
        };
        Ok((LedgerReader::new(place.open().await?), place.to_string()))
    }

    /// Opens the ledger and checks its checkpoint's signatures.
    pub async fn open(&self, source: &Source, output: Output) -> Result<OpenLedger, CommandError> {
        let policy = self.believed()?;
        let (reader, place) = self.reader(source).await?;
        let checkpoint = reader.checkpoint().await.map_err(ledger_error)?.ok_or_else(|| {
            CommandError::new(format!("there is no checkpoint in {place}")).hint("nothing was sequenced there yet")
        })?;
        let published = reader.published_keys().await.map_err(ledger_error)?;
        let keys: Result<Vec<VerifyKey>, _> = published.lines().map(VerifyKey::read).collect();
        let mut keys = keys.map_err(|bad| CommandError::new(format!("{place}/key: {bad}")))?;
        match &policy {
            Some(policy) if self.ledger_key.is_some() => keys.clone_from(&policy.logs),
            Some(_) => {}
            None => {
                output.warn(&format!("nobody vouches for the key that {place} names: give --policy or --ledger-key"));
            }
        }
        let open = OpenLedger { reader, checkpoint, place, keys, policy };
        let checkpoint = &open.checkpoint;
        open.vouches(checkpoint)
            .map_err(|bad| CommandError::new(format!("the checkpoint in {}: {bad}", open.place)))?;
        Ok(open)
    }
}

impl OpenLedger {
    /// Whether a checkpoint is signed by those who are believed.
    pub fn vouches(&self, checkpoint: &Checkpoint) -> Result<(), ilock_proof::BadNote> {
        match &self.policy {
            Some(policy) if !policy.logs.is_empty() => policy.verify(checkpoint),
            Some(policy) => checkpoint.verify(&self.keys).and_then(|()| policy.verify(checkpoint)),
            None => checkpoint.verify(&self.keys),
        }
    }

    /// Whether an earlier checkpoint is signed by the ledger. How many witnesses saw it then is not asked.
    pub fn is_of_ledger(&self, checkpoint: &Checkpoint) -> Result<(), ilock_proof::BadNote> {
        let logs = self.policy.as_ref().map(|policy| policy.logs.as_slice()).filter(|logs| !logs.is_empty());
        checkpoint.verify(logs.unwrap_or(&self.keys))
    }
}

#[allow(clippy::needless_pass_by_value, reason = "map_err passes the error by value")]
pub fn ledger_error(error: LedgerError) -> CommandError {
    CommandError::new(format!("the ledger: {error}"))
}
