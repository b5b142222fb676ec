//! What DynamoDB answers when it did not do what it was asked.

use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};

/// DynamoDB did not do it: throttled, timed out, unreachable, refused.
#[derive(Debug, thiserror::Error)]
#[error("DynamoDB {operation} failed")]
pub struct StoreError {
    /// `PutItem`, `Query` …
    pub operation: &'static str,
    /// What the SDK reported.
    #[source]
    pub source: Box<dyn std::error::Error + Send + Sync>,
}

impl StoreError {
    /// That `operation` failed with `source`.
    pub fn new(operation: &'static str, source: impl std::error::Error + Send + Sync + 'static) -> Self {
        Self { operation, source: Box::new(source) }
    }
}

/// Whether a conditional write was made. A condition that did not hold is an answer, not an error.
///
/// # Errors
/// [`StoreError`] for everything else that went wrong.
pub fn written<T, E>(outcome: Result<T, SdkError<E>>, operation: &'static str) -> Result<bool, StoreError>
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
{
    match outcome {
        Ok(_) => Ok(true),
        Err(error) if error.code() == Some("ConditionalCheckFailedException") => Ok(false),
        Err(error) => Err(StoreError::new(operation, error)),
    }
}
