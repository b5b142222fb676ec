//! Seals on AWS: bundles and checkpoints in an S3 bucket, signed with a key that never leaves KMS.

use std::time::Duration;

use aws_sdk_kms::error::{DisplayErrorContext, SdkError};
use aws_sdk_kms::primitives::Blob;
use aws_sdk_kms::types::{MessageType, SigningAlgorithmSpec};
use aws_sdk_s3::operation::get_object::GetObjectError;
use futures::future::BoxFuture;
use ilock_audit::seal::VerifyKey;
use tokio::sync::OnceCell;

use super::{Signer, SignerError, Vault, VaultError};

/// S3 answers so while another writes the same name; then it is asked again.
const CONFLICT: u16 = 409;
/// S3 answers so when the name is taken.
const TAKEN: u16 = 412;
const TRIES: usize = 5;
const BETWEEN_TRIES: Duration = Duration::from_millis(200);

/// How a public key of Ed25519 begins, as X.509 writes it (RFC 8410); its 32 bytes follow.
const ED25519: [u8; 12] = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];

/// A bucket in which objects are only ever made. What else protects them is the bucket's own affair: Object Lock, and a
/// policy that lets nobody write but as this does.
#[derive(Debug, Clone)]
pub struct Bucket {
    client: aws_sdk_s3::Client,
    name: String,
}

impl Bucket {
    /// The bucket `name`.
    #[must_use]
    pub fn new(client: aws_sdk_s3::Client, name: impl Into<String>) -> Self {
        Self { client, name: name.into() }
    }

    async fn make(&self, name: &str, bytes: Vec<u8>) -> Result<bool, VaultError> {
        for _ in 0..TRIES {
            let put = self.client.put_object().bucket(&self.name).key(name).if_none_match("*");
            let Err(error) = put.body(bytes.clone().into()).send().await else { return Ok(true) };
            match status(&error) {
                Some(TAKEN) => return Ok(false),
                Some(CONFLICT) => tokio::time::sleep(BETWEEN_TRIES).await,
                _ => return Err(self.failed(name, error)),
            }
        }
        Err(VaultError { name: self.url(name), why: "another writes it, again and again".into() })
    }

    async fn object(&self, name: &str) -> Result<Option<Vec<u8>>, VaultError> {
        let found = match self.client.get_object().bucket(&self.name).key(name).send().await {
            Ok(found) => found,
            Err(error) if error.as_service_error().is_some_and(GetObjectError::is_no_such_key) => return Ok(None),
            Err(error) => return Err(self.failed(name, error)),
        };
        let body = found.body.collect().await;
        let body = body.map_err(|error| VaultError { name: self.url(name), why: error.to_string() })?;
        Ok(Some(body.into_bytes().into()))
    }

    fn url(&self, name: &str) -> String {
        format!("s3://{}/{name}", self.name)
    }

    fn failed(&self, name: &str, error: impl std::error::Error) -> VaultError {
        VaultError { name: self.url(name), why: DisplayErrorContext(error).to_string() }
    }
}

fn status<E>(error: &SdkError<E>) -> Option<u16> {
    error.raw_response().map(|answer| answer.status().as_u16())
}

impl Vault for Bucket {
    fn create(&self, name: String, bytes: Vec<u8>) -> BoxFuture<'_, Result<bool, VaultError>> {
        Box::pin(async move { self.make(&name, bytes).await })
    }

    fn read(&self, name: String) -> BoxFuture<'_, Result<Option<Vec<u8>>, VaultError>> {
        Box::pin(async move { self.object(&name).await })
    }
}

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
        let key = key.ok_or_else(|| self.failed("this is no key of Ed25519 (ECC_NIST_EDWARDS25519)"))?;
        VerifyKey::new(&self.origin, key).map_err(|error| self.failed(error))
    }

    async fn note(&self, text: String) -> Result<String, SignerError> {
        let public = self.public().await?;
        let sign = self.client.sign().key_id(&self.key).message(Blob::new(text.as_bytes()));
        let sign = sign.message_type(MessageType::Raw).signing_algorithm(SigningAlgorithmSpec::Ed25519Sha512);
        let answer = sign.send().await.map_err(|error| self.failed(DisplayErrorContext(error)))?;
        let signature = answer.signature.map(Blob::into_inner).unwrap_or_default();
        let note = public.note(&text, &signature);
        // What is written can never be written again: rather nothing than what nobody can check.
        public.open(&note).map_err(|error| self.failed(error))?;
        Ok(note)
    }

    fn failed(&self, why: impl std::fmt::Display) -> SignerError {
        SignerError { key: self.key.clone(), why: why.to_string() }
    }
}

impl Signer for KmsKey {
    fn verify_key(&self) -> BoxFuture<'_, Result<VerifyKey, SignerError>> {
        Box::pin(async move { self.public().await.cloned() })
    }

    fn sign(&self, text: String) -> BoxFuture<'_, Result<String, SignerError>> {
        Box::pin(async move { self.note(text).await })
    }
}
