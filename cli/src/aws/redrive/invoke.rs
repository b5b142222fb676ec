//! Functions, invoked again with what they failed at.

use std::time::Duration;

use aws_config::SdkConfig;
use aws_config::timeout::TimeoutConfig;
use aws_sdk_lambda::Client;
use aws_sdk_lambda::config::Builder;
use aws_sdk_lambda::primitives::Blob;
use serde_json::{Value, json};

use crate::aws::account::AwsError;

/// So many records are shown at once, as the stream's source does.
const AT_ONCE: usize = 100;
/// No function of ours runs longer.
const PATIENCE: Duration = Duration::from_secs(90);

/// Functions of the account.
pub struct FunctionInvoker {
    client: Client,
}

/// What a function had to say, when it did not go well.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvokeError(pub String);

impl FunctionInvoker {
    /// Those of the account.
    pub fn new(sdk: &SdkConfig) -> Self {
        let patience = TimeoutConfig::builder().read_timeout(PATIENCE).connect_timeout(Duration::from_secs(5)).build();
        Self { client: Client::from_conf(Builder::from(sdk).timeout_config(patience).build()) }
    }

    /// Invokes one and waits for its answer.
    pub async fn invoke(&self, function: &str, event: &Value) -> Result<Value, InvokeError> {
        let sent = self.client.invoke().function_name(function).payload(Blob::new(event.to_string())).send().await;
        let answer =
            sent.map_err(|error| InvokeError(format!("it cannot be invoked: {}", AwsError::of(&error).why)))?;
        let payload = answer.payload().map(Blob::as_ref).unwrap_or_default();
        let said: Value = serde_json::from_slice(payload).unwrap_or(Value::Null);
        match answer.function_error() {
            None => Ok(said),
            Some(kind) => {
                let why = said["errorMessage"].as_str().map_or_else(|| said.to_string(), str::to_owned);
                Err(InvokeError(format!("the function failed ({kind}): {why}")))
            }
        }
    }

    /// Shows a reader of the stream records of it.
    pub async fn show(&self, reader: &str, records: &[Value]) -> Result<(), InvokeError> {
        for records in records.chunks(AT_ONCE) {
            let said = self.invoke(reader, &json!({ "Records": records })).await?;
            taken(&said, records.len())?;
        }
        Ok(())
    }
}

/// Whether all records were taken: the answer must say so.
fn taken(said: &Value, records: usize) -> Result<(), InvokeError> {
    let Some(failures) = said["batchItemFailures"].as_array() else {
        return Err(InvokeError(format!("the function answered, but not which records failed: {said}")));
    };
    if failures.is_empty() {
        return Ok(());
    }
    let numbers: Vec<&str> =
        failures.iter().map(|failure| failure["itemIdentifier"].as_str().unwrap_or("all")).collect();
    Err(InvokeError(format!("{} of {records} commits failed again: {}", numbers.len(), numbers.join(", "))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_answer_that_says_so_is_well() {
        assert!(taken(&json!({ "batchItemFailures": [] }), 2).is_ok());
        let some = taken(&json!({ "batchItemFailures": [{ "itemIdentifier": "42" }] }), 2);
        assert_eq!(some, Err(InvokeError("1 of 2 commits failed again: 42".into())));
        assert!(taken(&json!({ "batchItemFailures": [{ "itemIdentifier": null }] }), 2).is_err());
        assert!(taken(&Value::Null, 2).is_err());
    }
}
