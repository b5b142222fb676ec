//! The ledger on AWS: tiles and checkpoints in an S3 bucket.

use std::time::{Duration, UNIX_EPOCH};

use aws_sdk_s3::error::{DisplayErrorContext, SdkError};
use aws_sdk_s3::operation::get_object::GetObjectError;
use aws_sdk_s3::operation::put_object::builders::PutObjectFluentBuilder;
use aws_sdk_s3::primitives::DateTime;
use aws_sdk_s3::types::ObjectLockMode;
use futures::future::BoxFuture;
use ilock_env::Clock;
use ilock_functions::settings::ledger::Retention;
use ilock_log::ledger::{Found, LONGEST_FILE, LedgerStore, StoreError, is_kept, longer_than_any};

/// S3 answers so while another writes the same name; then it is asked again.
const CONFLICT: u16 = 409;
/// S3 answers so when another version stands there.
const OTHER_VERSION: u16 = 412;
const TRIES: u32 = 5;
const BETWEEN_TRIES: Duration = Duration::from_millis(100);
const MS_A_DAY: i64 = 86_400_000;

/// The ledger's bucket. Beside what this writes, the bucket's own policy protects it: what is kept must come with its
/// retention, and nothing is written over but `checkpoint` and `key`.
#[derive(Debug, Clone)]
pub struct Bucket {
    client: aws_sdk_s3::Client,
    name: String,
    /// What is kept is locked for so long; nothing by a reader.
    retention: Option<(Retention, Clock)>,
}

impl Bucket {
    /// The bucket `name`, to be read.
    #[must_use]
    pub fn new(client: aws_sdk_s3::Client, name: impl Into<String>) -> Self {
        Self { client, name: name.into(), retention: None }
    }

    /// The same, to be written to: what is kept is locked for `retention` from now on.
    #[must_use]
    pub fn locking(self, retention: Retention, clock: Clock) -> Self {
        Self { retention: Some((retention, clock)), ..self }
    }

    fn put(&self, name: &str, bytes: &[u8]) -> PutObjectFluentBuilder {
        let kind = if name.starts_with("tile/") { "application/octet-stream" } else { "text/plain; charset=utf-8" };
        let put = self.client.put_object().bucket(&self.name).key(name).content_type(kind).body(bytes.to_vec().into());
        match self.retention.as_ref().filter(|_| is_kept(name)) {
            None => put,
            Some((retention, clock)) => {
                let until = clock.now().plus(i64::from(retention.days) * MS_A_DAY).0.max(0);
                let until = DateTime::from(UNIX_EPOCH + Duration::from_millis(until.unsigned_abs()));
                let mode = if retention.compliance { ObjectLockMode::Compliance } else { ObjectLockMode::Governance };
                put.object_lock_mode(mode).object_lock_retain_until_date(until)
            }
        }
    }

    /// Puts a file; false where the condition does not hold.
    async fn write(&self, name: &str, put: impl Fn() -> PutObjectFluentBuilder + Send) -> Result<bool, StoreError> {
        for tried in 0..TRIES {
            let Err(error) = put().send().await else { return Ok(true) };
            match status(&error) {
                Some(OTHER_VERSION) => return Ok(false),
                Some(CONFLICT) => tokio::time::sleep(BETWEEN_TRIES * 2_u32.pow(tried)).await,
                _ => return Err(self.failed(name, error)),
            }
        }
        Err(StoreError {
            name: self.url(name),
            why: "another writer holds the name; gave up after several tries".into(),
        })
    }

    async fn object(&self, name: &str) -> Result<Option<Found>, StoreError> {
        let found = match self.client.get_object().bucket(&self.name).key(name).send().await {
            Ok(found) => found,
            Err(error) if error.as_service_error().is_some_and(GetObjectError::is_no_such_key) => return Ok(None),
            Err(error) => return Err(self.failed(name, error)),
        };
        let (version, mut body) = (found.e_tag.unwrap_or_default(), found.body);
        let unread = |why: String| StoreError { name: self.url(name), why };
        let mut bytes = vec![];
        while let Some(part) = body.next().await {
            bytes.extend_from_slice(&part.map_err(|error| unread(error.to_string()))?);
            if bytes.len() > LONGEST_FILE {
                return Err(unread(longer_than_any()));
            }
        }
        Ok(Some(Found { bytes, version }))
    }

    async fn remove_below(&self, prefix: &str) -> Result<(), StoreError> {
        let list = self.client.list_objects_v2().bucket(&self.name).prefix(prefix);
        let mut pages = list.into_paginator().send();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| self.failed(prefix, error))?;
            for object in page.contents.unwrap_or_default() {
                let delete = self.client.delete_object().bucket(&self.name).set_key(object.key);
                delete.send().await.map_err(|error| self.failed(prefix, error))?;
            }
        }
        Ok(())
    }

    fn url(&self, name: &str) -> String {
        format!("s3://{}/{name}", self.name)
    }

    fn failed(&self, name: &str, error: impl std::error::Error) -> StoreError {
        StoreError { name: self.url(name), why: DisplayErrorContext(error).to_string() }
    }
}

fn status<E>(error: &SdkError<E>) -> Option<u16> {
    error.raw_response().map(|answer| answer.status().as_u16())
}

impl LedgerStore for Bucket {
    fn read(&self, name: String) -> BoxFuture<'_, Result<Option<Found>, StoreError>> {
        Box::pin(async move { self.object(&name).await })
    }

    fn create(&self, name: String, bytes: Vec<u8>) -> BoxFuture<'_, Result<bool, StoreError>> {
        Box::pin(async move { self.write(&name, || self.put(&name, &bytes).if_none_match("*")).await })
    }

    fn replace(&self, name: String, bytes: Vec<u8>, read: Option<String>) -> BoxFuture<'_, Result<bool, StoreError>> {
        Box::pin(async move {
            let put = || match &read {
                Some(version) => self.put(&name, &bytes).if_match(version),
                None => self.put(&name, &bytes).if_none_match("*"),
            };
            self.write(&name, put).await
        })
    }

    fn delete_below(&self, prefix: String) -> BoxFuture<'_, Result<(), StoreError>> {
        Box::pin(async move { self.remove_below(&prefix).await })
    }
}
