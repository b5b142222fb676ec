//! A letter: the message about a failed event that Lambda or an IoT rule writes to a dead-letter queue.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::Value;

#[derive(Debug, Clone, PartialEq)]
pub enum Letter {
    /// A batch of stream records. The letter has their sequence numbers, not the records.
    Batch(Batch),
    /// An event that the function was invoked with.
    Event {
        /// ARN or name.
        function: String,
        event: Value,
    },
}

/// Consecutive records of a shard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Batch {
    /// The ARN of the function that failed.
    pub function: String,
    /// The stream's ARN.
    pub stream: String,
    pub shard: String,
    /// The sequence number of the first record.
    pub first: String,
    /// The sequence number of the last record.
    pub last: String,
    /// When the last record was written, as text. Empty when Lambda does not say.
    pub at: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Body {
    request_context: Option<Context>,
    #[serde(rename = "DDBStreamBatchInfo")]
    batch: Option<BatchInfo>,
    request_payload: Option<Value>,
    base64_original_payload: Option<String>,
    #[serde(default)]
    failures: Vec<RuleFailure>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Context {
    function_arn: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct BatchInfo {
    shard_id: String,
    start_sequence_number: String,
    end_sequence_number: String,
    stream_arn: String,
    #[serde(default)]
    approximate_arrival_of_last_record: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RuleFailure {
    #[serde(default)]
    failed_action: String,
    #[serde(default)]
    failed_resource: String,
}

impl Letter {
    /// Reads a letter of an event source mapping, an asynchronous invocation or an IoT rule. The error says why it cannot.
    pub fn read(text: &str) -> Result<Self, String> {
        let body: Body =
            serde_json::from_str(text).map_err(|error| format!("it is not valid JSON of a letter: {error}"))?;
        let function = body.request_context.map(|context| context.function_arn);
        match (function, body.batch, body.request_payload, body.base64_original_payload) {
            (Some(function), Some(batch), _, _) => Ok(Self::Batch(Batch {
                function,
                stream: batch.stream_arn,
                shard: batch.shard_id,
                first: batch.start_sequence_number,
                last: batch.end_sequence_number,
                at: batch.approximate_arrival_of_last_record,
            })),
            (Some(function), None, Some(event), _) => Ok(Self::Event { function, event }),
            (None, None, None, Some(payload)) => {
                let failed = body.failures.into_iter().find(|failure| failure.failed_action.starts_with("Lambda"));
                let function = failed.ok_or("the rule's error does not name a function")?.failed_resource;
                let event = STANDARD.decode(payload).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok());
                Ok(Self::Event { function, event: event.ok_or("the rule's payload is not JSON in base64")? })
            }
            _ => Err("it is not a letter of a stream, an invocation or an IoT rule".into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const FUNCTION: &str = "arn:aws:lambda:eu-central-1:123456789012:function:projector:live";

    #[test]
    fn a_streams_letter_says_which_records() {
        let stream = "arn:aws:dynamodb:eu-central-1:123456789012:table/events/stream/2024-01-01T00:00:00.000";
        let text = json!({
            "requestContext": { "requestId": "r", "functionArn": FUNCTION, "condition": "RetryAttemptsExhausted", "approximateInvokeCount": 5 },
            "responseContext": { "statusCode": 200, "executedVersion": "3", "functionError": "Unhandled" },
            "version": "1.0",
            "timestamp": "2024-01-01T00:05:00.000Z",
            "DDBStreamBatchInfo": {
                "shardId": "shardId-1", "startSequenceNumber": "800", "endSequenceNumber": "900",
                "approximateArrivalOfFirstRecord": "2024-01-01T00:00:00Z", "approximateArrivalOfLastRecord": "2024-01-01T00:01:00Z",
                "batchSize": 2, "streamArn": stream
            }
        });
        let Ok(Letter::Batch(batch)) = Letter::read(&text.to_string()) else { panic!("not read") };
        assert_eq!(
            (batch.function.as_str(), batch.stream.as_str(), batch.shard.as_str()),
            (FUNCTION, stream, "shardId-1")
        );
        assert_eq!(
            (batch.first.as_str(), batch.last.as_str(), batch.at.as_str()),
            ("800", "900", "2024-01-01T00:01:00Z")
        );
    }

    #[test]
    fn an_invocations_letter_holds_the_event() {
        let text = json!({
            "version": "1.0", "timestamp": "2024-01-01T00:05:00.000Z",
            "requestContext": { "requestId": "r", "functionArn": FUNCTION, "condition": "RetriesExhausted", "approximateInvokeCount": 3 },
            "requestPayload": { "clientId": "door1" },
            "responseContext": { "statusCode": 200, "functionError": "Unhandled" }, "responsePayload": null
        });
        let event = Letter::Event { function: FUNCTION.into(), event: json!({ "clientId": "door1" }) };
        assert_eq!(Letter::read(&text.to_string()), Ok(event));
    }

    #[test]
    fn a_rules_letter_holds_the_message() {
        let rule = |action: &str| {
            let payload = STANDARD.encode(r#"{"clientId":"door1"}"#);
            let failures = json!([{ "failedAction": action, "failedResource": FUNCTION, "errorMessage": "no" }]);
            json!({ "ruleName": "presence", "topic": "t", "base64OriginalPayload": payload, "failures": failures })
                .to_string()
        };
        let event = Letter::Event { function: FUNCTION.into(), event: json!({ "clientId": "door1" }) };
        assert_eq!(Letter::read(&rule("LambdaAction")), Ok(event));
        assert!(Letter::read(&rule("SqsAction")).unwrap_err().contains("does not name a function"));
    }

    #[test]
    fn what_is_not_a_letter_is_refused() {
        assert!(Letter::read("hello").unwrap_err().contains("not valid JSON of a letter"));
        assert!(Letter::read(r#"{"call_id":"call_a_b_1"}"#).unwrap_err().contains("not a letter of"));
    }
}
