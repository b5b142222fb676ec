//! What signs checkpoints: a key in this process, or one that never leaves KMS.

use futures::future::BoxFuture;
use ilock_proof::{SignKey, VerifyKey};

/// What signs checkpoints.
pub trait CheckpointSigner: Send + Sync {
    /// The key that checks its signatures.
    fn verify_key(&self) -> BoxFuture<'_, Result<VerifyKey, SignerError>>;

    /// `text`, which must end with a line break, as a signed note.
    fn sign(&self, text: String) -> BoxFuture<'_, Result<String, SignerError>>;
}

/// A key in this process.
impl CheckpointSigner for SignKey {
    fn verify_key(&self) -> BoxFuture<'_, Result<VerifyKey, SignerError>> {
        Box::pin(async { Ok(Self::verify_key(self).clone()) })
    }

    fn sign(&self, text: String) -> BoxFuture<'_, Result<String, SignerError>> {
        Box::pin(async move {
            Self::sign(self, &text)
                .map_err(|error| SignerError { key: Self::verify_key(self).to_string(), why: error.to_string() })
        })
    }
}

/// The signer could not sign, or name its key.
#[derive(Debug, thiserror::Error)]
#[error("{key}: {why}")]
pub struct SignerError {
    /// The key.
    pub key: String,
    /// What went wrong.
    pub why: String,
}
