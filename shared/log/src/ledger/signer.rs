//! What signs checkpoints: a key in this process, or one that never leaves KMS.

use futures::future::BoxFuture;
use ilock_proof::{SignKey, Signature, VerifyKey};

/// What signs checkpoints.
pub trait LedgerSigner: Send + Sync {
    /// The key that checks its signatures.
    fn verify_key(&self) -> BoxFuture<'_, Result<VerifyKey, SignerError>>;

    /// The signature over `text`.
    fn sign(&self, text: String) -> BoxFuture<'_, Result<Signature, SignerError>>;
}

/// A key in this process.
impl LedgerSigner for SignKey {
    fn verify_key(&self) -> BoxFuture<'_, Result<VerifyKey, SignerError>> {
        Box::pin(async { Ok(Self::verify_key(self).clone()) })
    }

    fn sign(&self, text: String) -> BoxFuture<'_, Result<Signature, SignerError>> {
        Box::pin(async move { Ok(Self::sign(self, &text)) })
    }
}

/// The signer could not sign, or name its key.
#[derive(Debug, thiserror::Error)]
#[error("{key}: {why}")]
pub struct SignerError {
    pub key: String,
    pub why: String,
}
