//! What may go wrong with the ledger.

use super::signer::SignerError;
use super::store::StoreError;
use crate::error::LogError;

/// The ledger cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A file is missing that the checkpoint says is there, or is not what its name says.
    #[error("{name}: {why}")]
    File { name: String, why: String },
}

/// Why a round was not finished. Trying again is right, but for what an operator has to look at.
#[derive(Debug, thiserror::Error)]
pub enum NotSequenced {
    #[error(transparent)]
    Table(#[from] LogError),
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    #[error(transparent)]
    Signer(#[from] SignerError),
    /// The signer's key is called otherwise than the ledger.
    #[error("the key {key} does not sign for the ledger {origin}")]
    OtherKey {
        key: String,
        /// What the ledger is called.
        origin: String,
    },
    /// The table and the store are not of one ledger, or one of them went back in time. To go on would sign two histories.
    #[error("{0}; nothing is signed until an operator has looked: see infra/runbooks/ledger.md")]
    Forked(String),
    /// Another sequencer was first. The next run goes on from where it got to.
    #[error("another sequencer works on the same round")]
    Overtaken,
}

impl From<StoreError> for NotSequenced {
    fn from(error: StoreError) -> Self {
        Self::Ledger(error.into())
    }
}

/// That `name` is not what it should be.
pub(super) fn file(name: &(impl ToString + ?Sized), why: impl Into<String>) -> LedgerError {
    LedgerError::File { name: name.to_string(), why: why.into() }
}
