//! Signs checkpoints on AWS, with a key that never leaves KMS.

use aws_sdk_kms::error::DisplayErrorContext;
use aws_sdk_kms::primitives::Blob;
use aws_sdk_kms::types::{MessageType, SigningAlgorithmSpec};
use futures::future::BoxFuture;
use ilock_log::ledger::{LedgerSigner, SignerError};
use ilock_proof::{Signature, VerifyKey};
use tokio::sync::OnceCell;

/// How a public key of Ed25519 begins, as X.509 writes it (RFC 8410); its 32 bytes follow.
const ED25519: [u8; 12] = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];

/// A key of Ed25519 (`ECC_NIST_EDWARDS25519`) in KMS.
#[derive(Debug)]
pub struct KmsKey {
    client: aws_sdk_kms::Client,
    /// Its ARN, id or alias.
    key: String,
    /// What the ledger is called.
    origin: String,
    public: OnceCell<VerifyKey>,
}

impl KmsKey {
    /// The key `key`, which signs for the ledger `origin`.
    #[must_use]
    pub fn new(client: aws_sdk_kms::Client, key: impl Into<String>, origin: impl Into<String>) -> Self {
        Self { client, key: key.into(), origin: origin.into(), public: OnceCell::new() }
    }

    async fn public(&self) -> Result<&VerifyKey, SignerError> {
        self.public.get_or_try_init(|| self.asked()).await
    }

    async fn asked(&self) -> Result<VerifyKey, SignerError> {
        let answer = self.client.get_public_key().key_id(&self.key).send().await;
        let answer = answer.map_err(|error| self.failed(DisplayErrorContext(error)))?;
        let key = answer.public_key.map(Blob::into_inner).unwrap_or_default();
        let key = key.strip_prefix(&ED25519).and_then(|key| <[u8; 32]>::try_from(key).ok());
        let key = key.ok_or_else(|| self.failed("not an Ed25519 key (ECC_NIST_EDWARDS25519)"))?;
        VerifyKey::new(&self.origin, key).map_err(|error| self.failed(error))
    }

    async fn signature(&self, text: String) -> Result<Signature, SignerError> {
        let public = self.public().await?;
        let sign = self.client.sign().key_id(&self.key).message(Blob::new(text.as_bytes()));
        let sign = sign.message_type(MessageType::Raw).signing_algorithm(SigningAlgorithmSpec::Ed25519Sha512);
        let answer = sign.send().await.map_err(|error| self.failed(DisplayErrorContext(error)))?;
        Ok(public.signature(answer.signature.map(Blob::into_inner).unwrap_or_default()))
    }

    fn failed(&self, why: impl std::fmt::Display) -> SignerError {
        SignerError { key: self.key.clone(), why: why.to_string() }
    }
}

impl LedgerSigner for KmsKey {
    fn verify_key(&self) -> BoxFuture<'_, Result<VerifyKey, SignerError>> {
        Box::pin(async move { self.public().await.cloned() })
    }

    fn sign(&self, text: String) -> BoxFuture<'_, Result<Signature, SignerError>> {
        Box::pin(async move { self.signature(text).await })
    }
}
