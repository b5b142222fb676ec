//! Sealing: after every hour, also one in which nothing happened, what was entered into the ledger since goes into a bundle,
//! and a signed checkpoint says which tree all bundles so far add up to.
//!
//! ```text
//! 2026-11-22/13.jsonl        the bundle of the hour that began at 13:00: a header, and one entry of the ledger a line
//! 2026-11-22/13.checkpoint   the checkpoint, also of an hour in which nothing happened
//! key                        the key that signs, as a verifier key of C2SP signed-note
//! ```

use std::sync::Arc;

use ilock_env::Clock;
use ilock_proof::{Bundle, Checkpoint, Hour, VerifyKey, chains_of, digest};

use super::checkpoint_signer::{CheckpointSigner, SignerError};
use super::entries::Ledger;
use super::vault::{KEY, Vault, VaultError, bundle_name, checkpoint_name};
use crate::error::LogError;

/// How many hours back the last checkpoint is looked for.
const MOST_HOURS_BACK: usize = 24 * 31;

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
    /// The checkpoints in the vault are signed with another key.
    #[error("the vault's key is {there}, the signer's is {ours}: wrong vault or wrong key")]
    OtherKey {
        /// The key that the vault shows.
        there: String,
        /// The key that would sign.
        ours: VerifyKey,
    },
    /// A file in the vault is not one that a sealer wrote.
    #[error("{name} cannot be read: {why}")]
    Unreadable {
        /// The file's name.
        name: String,
        /// What is wrong with it.
        why: String,
    },
}

/// Seals the ledger, hour by hour.
#[derive(Clone)]
pub struct Sealer {
    /// The ledger whose entries are sealed.
    pub ledger: Ledger,
    /// Where bundles and checkpoints go.
    pub vault: Arc<dyn Vault>,
    /// What signs the checkpoints.
    pub signer: Arc<dyn CheckpointSigner>,
    /// Decides which hours are over.
    pub clock: Clock,
}

/// The seal of an hour.
struct Sealed {
    note: String,
    bundle: Bundle,
}

impl Sealer {
    /// Seals every hour that is over and has no checkpoint yet, after the last that has one; where none has, the last
    /// that is over. Answers which. Two that do this at once seal each hour once.
    ///
    /// # Errors
    /// [`NotSealed`]; the hours before stay sealed.
    pub async fn seal_due(&self) -> Result<Vec<Hour>, NotSealed> {
        let key = self.published_key().await?;
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
        Ok(due)
    }

    /// The verifier key, published in the vault. Where another key is published, nothing is sealed.
    async fn published_key(&self) -> Result<VerifyKey, NotSealed> {
        let ours = self.signer.verify_key().await?;
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
        let note = self.signer.sign(Checkpoint::of(&bundle.after(), hour, previous).text(key.name())).await?;
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
