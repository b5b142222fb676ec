//! The ledger beside the log: entries, and their seals.

mod checkpoint_signer;
mod entries;
mod sealer;
mod vault;

pub use checkpoint_signer::{CheckpointSigner, SignerError};
pub use entries::{Entered, LEDGER_TABLE, Ledger};
pub use sealer::{NotSealed, Sealer};
pub use vault::{KEY, Vault, VaultError, bundle_name, checkpoint_name};
