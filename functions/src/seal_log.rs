//! seal-log: after every hour, also one in which nothing happened, it puts what was entered into the ledger under seal.

use std::sync::Arc;

use futures::future::BoxFuture;
use ilock_audit::seal::{Bundle, Checkpoint, Hour, SignKey, VerifyKey};
use ilock_log::{Ledger, LogError, chains_of, digest};

use crate::metrics::{HOURS_SEALED, count};
use ilock_env::Clock;

#[cfg(feature = "seals-on-aws")]
pub mod aws;

/// So many hours back the last checkpoint is looked for.
const MOST_HOURS_BACK: usize = 24 * 31;

/// The name under which the vault shows the key that checks what it holds.
pub const KEY: &str = "key";

/// What keeps bundles and checkpoints: what was once put there stays as it is.
pub trait Vault: Send + Sync {
    /// Puts a file where none is; false when there is one.
    fn create(&self, name: String, bytes: Vec<u8>) -> BoxFuture<'_, Result<bool, VaultError>>;

    /// Reads a file; none when there is none.
    fn read(&self, name: String) -> BoxFuture<'_, Result<Option<Vec<u8>>, VaultError>>;
}

/// What signs checkpoints.
pub trait Signer: Send + Sync {
    /// What checks its signatures.
    fn verify_key(&self) -> BoxFuture<'_, Result<VerifyKey, SignerError>>;

    /// `text`, which must end with a line break, as a signed note.
    fn sign(&self, text: String) -> BoxFuture<'_, Result<String, SignerError>>;
}

/// A key in this process.
impl Signer for SignKey {
    fn verify_key(&self) -> BoxFuture<'_, Result<VerifyKey, SignerError>> {
        Box::pin(async { Ok(self.verify_key().clone()) })
    }

    fn sign(&self, text: String) -> BoxFuture<'_, Result<String, SignerError>> {
        Box::pin(async move { Ok(self.sign(&text)) })
    }
}

/// What the signer did not do.
#[derive(Debug, thiserror::Error)]
#[error("{key}: {why}")]
pub struct SignerError {
    /// Which key.
    pub key: String,
    /// Why.
    pub why: String,
}

/// What the vault did not do.
#[derive(Debug, thiserror::Error)]
#[error("{name}: {why}")]
pub struct VaultError {
    /// Of which file.
    pub name: String,
    /// Why.
    pub why: String,
}

/// Why an hour was not sealed. Trying again is right.
#[derive(Debug, thiserror::Error)]
pub enum NotSealed {
    /// The ledger.
    #[error(transparent)]
    Ledger(#[from] LogError),
    /// The vault.
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// The key.
    #[error(transparent)]
    Signer(#[from] SignerError),
    /// The checkpoints that are there are signed with another key.
    #[error("the vault holds what {there} checks, and this is {ours}: another ledger's vault, or another key")]
    OtherKey {
        /// The key in the vault.
        there: String,
        /// The one that would sign.
        ours: VerifyKey,
    },
    /// What stands in the vault is not what a sealer put there.
    #[error("{name} cannot be read: {why}")]
    Unreadable {
        /// Which file.
        name: String,
        /// Why.
        why: String,
    },
}

/// What seals.
#[derive(Clone)]
pub struct Sealer {
    /// What is sealed.
    pub ledger: Ledger,
    /// Where to.
    pub vault: Arc<dyn Vault>,
    /// What signs.
    pub key: Arc<dyn Signer>,
    /// When.
    pub clock: Clock,
}

/// The seal of an hour.
struct Sealed {
    note: String,
    bundle: Bundle,
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

impl Sealer {
    /// Seals every hour that is over and has no checkpoint yet, after the last that has one; where none has, the last
    /// that is over. Answers which. Two that do this at once seal each hour once.
    ///
    /// # Errors
    /// [`NotSealed`]; the hours before stay sealed.
    pub async fn seal_due(&self) -> Result<Vec<Hour>, NotSealed> {
        let key = self.shown_key().await?;
        let now = Hour::of(self.clock.now());
        let mut due = vec![];
        let mut last = None;
        let mut hour = now;
        for _ in 0..MOST_HOURS_BACK {
            hour = hour.before();
            last = self.sealed(hour).await?;
            if last.is_some() {
                break;
            }
            due.push(hour);
        }
        if last.is_none() {
            due.truncate(1);
        }
        due.reverse();
        for hour in &due {
            last = Some(self.seal(*hour, now, last.as_ref(), &key).await?);
            tracing::info!(%hour, "sealed");
        }
        metrics::counter!(HOURS_SEALED).increment(count(due.len()));
        Ok(due)
    }

    /// The key that checks, shown beside what it checks. Where another's is shown, nothing is sealed.
    async fn shown_key(&self) -> Result<VerifyKey, NotSealed> {
        let ours = self.key.verify_key().await?;
        let there = match self.vault.read(KEY.into()).await? {
            Some(there) => there,
            None if self.vault.create(KEY.into(), format!("{ours}\n").into_bytes()).await? => return Ok(ours),
            None => self.vault.read(KEY.into()).await?.unwrap_or_default(),
        };
        let there = String::from_utf8_lossy(&there).trim().to_owned();
        if there == ours.to_string() { Ok(ours) } else { Err(NotSealed::OtherKey { there, ours }) }
    }

    async fn sealed(&self, hour: Hour) -> Result<Option<Sealed>, NotSealed> {
        let name = checkpoint_name(hour);
        let Some(note) = self.vault.read(name.clone()).await? else { return Ok(None) };
        let note = String::from_utf8(note).map_err(|_| unreadable(name, "it is not UTF-8"))?;
        let name = bundle_name(hour);
        let missing = unreadable(name.clone(), "it is missing, and its checkpoint is there");
        let bundle = self.vault.read(name.clone()).await?.ok_or(missing)?;
        let bundle = Bundle::read(&bundle).map_err(|why| unreadable(name, why))?;
        Ok(Some(Sealed { note, bundle }))
    }

    async fn seal(&self, hour: Hour, now: Hour, last: Option<&Sealed>, key: &VerifyKey) -> Result<Sealed, NotSealed> {
        let name = bundle_name(hour);
        let mut bundle = Bundle {
            hour,
            before: last.map(|last| last.bundle.after()).unwrap_or_default(),
            sealed: last.map(|last| last.bundle.sealed_after()).unwrap_or_default(),
            entries: vec![],
        };
        for chain in Bundle::open_days(hour, now).iter().flat_map(chains_of) {
            let after = bundle.sealed.get(&chain).copied().unwrap_or_default();
            bundle.entries.extend(self.ledger.entries(&chain, after).await?);
        }
        let file = bundle.write().map_err(|error| unreadable(name.clone(), error.to_string()))?;
        if !self.vault.create(name.clone(), file).await? {
            // Of one who was first, or who ended before the checkpoint: what stands there counts.
            let file = self.vault.read(name.clone()).await?.unwrap_or_default();
            bundle = Bundle::read(&file).map_err(|why| unreadable(name, why))?;
        }
        let previous = last.map(|last| digest(last.note.as_bytes()));
        let note = self.key.sign(Checkpoint::of(&bundle.after(), hour, previous).text(key.name())).await?;
        let name = checkpoint_name(hour);
        if self.vault.create(name.clone(), note.clone().into_bytes()).await? {
            return Ok(Sealed { note, bundle });
        }
        self.sealed(hour).await?.ok_or_else(|| unreadable(name, "it was there a moment ago"))
    }
}

fn unreadable(name: String, why: impl Into<String>) -> NotSealed {
    NotSealed::Unreadable { name, why: why.into() }
}
