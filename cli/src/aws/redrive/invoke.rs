//! Invokes Lambda functions with events that they failed at.

use std::time::Duration;

use aws_config::SdkConfig;
use aws_config::timeout::TimeoutConfig;
use aws_sdk_lambda::Client;
use aws_sdk_lambda::config::Builder;
use aws_sdk_lambda::primitives::Blob;
use serde_json::{Value, json};

use crate::aws::account::AwsError;

/// The most records in an event, as the event source mapping has it.
const BATCH_SIZE: usize = 100;
/// No function of this project runs longer.
const INVOKE_TIMEOUT: Duration = Duration::from_secs(90);

pub struct FunctionInvoker {
    client: Client,
}

/// Why an invocation failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvokeError(pub String);

impl FunctionInvoker {
    pub fn new(sdk: &SdkConfig) -> Self {
        let timeouts =
            TimeoutConfig::builder().read_timeout(INVOKE_TIMEOUT).connect_timeout(Duration::from_secs(5)).build();
        Self { client: Client::from_conf(Builder::from(sdk).timeout_config(timeouts).build()) }
    }

    /// Invokes a function and returns its response.
    pub async fn invoke(&self, function: &str, event: &Value) -> Result<Value, InvokeError> {
        let sent = self.client.invoke().function_name(function).payload(Blob::new(event.to_string())).send().await;
        let response = sent.map_err(|error| {
            InvokeError(format!("the function cannot be invoked: {}", AwsError::from_sdk(&error).message))
        })?;
        let payload = response.payload().map(Blob::as_ref).unwrap_or_default();
        let body: Value = serde_json::from_slice(payload).unwrap_or(Value::Null);
        match response.function_error() {
            None => Ok(body),
            Some(kind) => {
                let why = body["errorMessage"].as_str().map_or_else(|| body.to_string(), str::to_owned);
                Err(InvokeError(format!("the function failed ({kind}): {why}")))
            }
        }
    }

    /// Invokes a reader of the stream with these records.
    pub async fn send_records(&self, reader: &str, records: &[Value]) -> Result<(), InvokeError> {
        for records in records.chunks(BATCH_SIZE) {
            let response = self.invoke(reader, &json!({ "Records": records })).await?;
            check_response(&response, records.len())?;
        }
        Ok(())
    }
}

/// Fails unless the response says that no record failed.
fn check_response(response: &Value, records: usize) -> Result<(), InvokeError> {
    let Some(failures) = response["batchItemFailures"].as_array() else {
        return Err(InvokeError(format!("the function's response does not say which records failed: {response}")));
    };
    if failures.is_empty() {
        return Ok(());
    }
    let numbers: Vec<&str> =
        failures.iter().map(|failure| failure["itemIdentifier"].as_str().unwrap_or("all")).collect();
    Err(InvokeError(format!("{} of {records} records failed again: {}", numbers.len(), numbers.join(", "))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_response_that_says_so_is_a_success() {
        assert!(check_response(&json!({ "batchItemFailures": [] }), 2).is_ok());
        let some = check_response(&json!({ "batchItemFailures": [{ "itemIdentifier": "42" }] }), 2);
        assert_eq!(some, Err(InvokeError("1 of 2 records failed again: 42".into())));
        assert!(check_response(&json!({ "batchItemFailures": [{ "itemIdentifier": null }] }), 2).is_err());
        assert!(check_response(&Value::Null, 2).is_err());
    }
}
