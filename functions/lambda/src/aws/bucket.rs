//! Seals on AWS: bundles and checkpoints in an S3 bucket.

use std::time::Duration;

use aws_sdk_s3::error::{DisplayErrorContext, SdkError};
use aws_sdk_s3::operation::get_object::GetObjectError;
use futures::future::BoxFuture;
use ilock_log::ledger::{Vault, VaultError};

/// S3 answers so while another writes the same name; then it is asked again.
const CONFLICT: u16 = 409;
/// S3 answers so when the name is taken.
const TAKEN: u16 = 412;
const TRIES: usize = 5;
const BETWEEN_TRIES: Duration = Duration::from_millis(200);

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
        Err(VaultError {
            name: self.url(name),
            why: "another writer holds the name; gave up after several tries".into(),
        })
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
