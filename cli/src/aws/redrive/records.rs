//! Reads the records of a letter from the DynamoDB stream.

use aws_config::SdkConfig;
use aws_sdk_dynamodbstreams::Client;
use aws_sdk_dynamodbstreams::types::{OperationType, Record, ShardIteratorType, StreamViewType};
use serde_json::{Value, json};

use crate::aws::account::AwsError;
use crate::aws::redrive::image::image;
use crate::aws::redrive::letter::Batch;

pub struct StreamReader {
    client: Client,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StreamReadError {
    /// The stream no longer has the records, or does not exist any more.
    Gone,
    /// Any other error.
    Failed(String),
}

impl From<AwsError> for StreamReadError {
    fn from(error: AwsError) -> Self {
        let trimmed = error.code.as_deref() == Some("TrimmedDataAccessException");
        if trimmed || error.is_not_found() { Self::Gone } else { Self::Failed(error.message) }
    }
}

impl StreamReader {
    pub fn new(sdk: &SdkConfig) -> Self {
        Self { client: Client::new(sdk) }
    }

    /// All records from the first to the last of `batch`, in the form of Lambda's stream events, also those that no function is
    /// given.
    pub async fn records(&self, batch: &Batch) -> Result<Vec<Value>, StreamReadError> {
        let start = self
            .client
            .get_shard_iterator()
            .stream_arn(&batch.stream)
            .shard_id(&batch.shard)
            .shard_iterator_type(ShardIteratorType::AtSequenceNumber)
            .sequence_number(&batch.first)
            .send()
            .await
            .map_err(|error| AwsError::from_sdk(&error))?;
        let mut iterator = start.shard_iterator;
        let mut records = vec![];
        while let Some(from) = iterator {
            let page = self
                .client
                .get_records()
                .shard_iterator(from)
                .send()
                .await
                .map_err(|error| AwsError::from_sdk(&error))?;
            for record in page.records() {
                let number = record.dynamodb().and_then(|change| change.sequence_number()).unwrap_or_default();
                if is_after(number, &batch.last) {
                    return not_empty(records);
                }
                records.push(lambda_record(record, &batch.stream));
                if number == batch.last {
                    return not_empty(records);
                }
            }
            iterator = page.next_shard_iterator;
        }
        not_empty(records)
    }
}

/// A letter is about records that the stream had. When it has none in the range, it has dropped them.
fn not_empty(records: Vec<Value>) -> Result<Vec<Value>, StreamReadError> {
    if records.is_empty() { Err(StreamReadError::Gone) } else { Ok(records) }
}

/// Compares sequence numbers, which are decimal and of any length.
fn is_after(one: &str, other: &str) -> bool {
    let (one, other) = (one.trim_start_matches('0'), other.trim_start_matches('0'));
    (one.len(), one) > (other.len(), other)
}

fn lambda_record(record: &Record, stream: &str) -> Value {
    let mut change = json!({});
    if let Some(found) = record.dynamodb() {
        for (name, item) in [("Keys", found.keys()), ("NewImage", found.new_image()), ("OldImage", found.old_image())] {
            if let Some(item) = item {
                change[name] = image(item);
            }
        }
        change["SequenceNumber"] = json!(found.sequence_number());
        change["SizeBytes"] = json!(found.size_bytes());
        change["StreamViewType"] = json!(found.stream_view_type().map(StreamViewType::as_str));
        // The functions accept a number or no field, but not null.
        if let Some(at) = found.approximate_creation_date_time() {
            change["ApproximateCreationDateTime"] = json!(at.secs());
        }
    }
    json!({
        "eventID": record.event_id(),
        "eventName": record.event_name().map(OperationType::as_str),
        "eventVersion": record.event_version(),
        "eventSource": record.event_source(),
        "awsRegion": record.aws_region(),
        "dynamodb": change,
        "eventSourceARN": stream,
    })
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use aws_sdk_dynamodbstreams::types::{AttributeValue, StreamRecord};

    use super::*;

    fn record(sk: &str) -> Record {
        let item = HashMap::from([
            ("pk".to_owned(), AttributeValue::S("call#c".into())),
            ("sk".to_owned(), AttributeValue::S(sk.into())),
        ]);
        let change = StreamRecord::builder()
            .set_keys(Some(item.clone()))
            .set_new_image(Some(item))
            .sequence_number("42")
            .size_bytes(7)
            .stream_view_type(StreamViewType::NewAndOldImages);
        Record::builder()
            .event_id("e")
            .event_name(OperationType::Insert)
            .event_version("1.1")
            .event_source("aws:dynamodb")
            .aws_region("eu-central-1")
            .dynamodb(change.build())
            .build()
    }

    #[test]
    fn sequence_numbers_are_compared_as_numbers() {
        assert!(is_after("1000", "999"));
        assert!(!is_after("999", "1000"));
        assert!(!is_after("42", "42"));
        assert!(!is_after("0042", "42"));
        assert!(is_after("800000000003126276363", "800000000003126276362"));
    }

    #[test]
    fn the_projector_can_read_a_record_that_is_sent_again() {
        let sent = lambda_record(&record("commit#000001"), "arn:stream");
        assert_eq!(sent["eventSourceARN"], "arn:stream");
        assert_eq!(sent["dynamodb"]["NewImage"]["sk"]["S"], "commit#000001");
        let event: aws_lambda_events::dynamodb::Event = serde_json::from_value(json!({ "Records": [sent] })).unwrap();
        let read = &event.records[0];
        assert_eq!((read.event_name.as_str(), read.change.sequence_number.as_deref()), ("INSERT", Some("42")));
        assert!(read.change.keys.contains_key("pk"));
    }

    #[test]
    fn what_the_stream_dropped_is_told_from_what_it_refuses() {
        let error = |code: &str| StreamReadError::from(AwsError { code: Some(code.into()), message: "no".into() });
        assert_eq!(error("TrimmedDataAccessException"), StreamReadError::Gone);
        assert_eq!(error("ResourceNotFoundException"), StreamReadError::Gone);
        assert_eq!(error("AccessDeniedException"), StreamReadError::Failed("no".into()));
    }
}
