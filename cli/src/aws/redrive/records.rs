//! The records that a letter is about, read from the stream again.

use aws_config::SdkConfig;
use aws_sdk_dynamodbstreams::Client;
use aws_sdk_dynamodbstreams::types::{OperationType, Record, ShardIteratorType, StreamViewType};
use serde_json::{Value, json};

use crate::aws::account::AwsError;
use crate::aws::redrive::image::image;
use crate::aws::redrive::letter::Batch;

/// Streams, read again.
pub struct StreamReader {
    client: Client,
}

/// Why there are no records.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StreamReadError {
    /// The stream has dropped them, or is gone itself.
    Gone,
    /// It does not say.
    Refused(String),
}

impl From<AwsError> for StreamReadError {
    fn from(refusal: AwsError) -> Self {
        let trimmed = refusal.code.as_deref() == Some("TrimmedDataAccessException");
        if trimmed || refusal.is_not_found() { Self::Gone } else { Self::Refused(refusal.why) }
    }
}

impl StreamReader {
    /// Those of the account.
    pub fn new(sdk: &SdkConfig) -> Self {
        Self { client: Client::new(sdk) }
    }

    /// The commits from the first to the last record of `batch`, as Lambda hands them to a function.
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
            .map_err(|error| AwsError::of(&error))?;
        let mut iterator = start.shard_iterator;
        let mut records = vec![];
        while let Some(from) = iterator {
            let page =
                self.client.get_records().shard_iterator(from).send().await.map_err(|error| AwsError::of(&error))?;
            for record in page.records() {
                let number = record.dynamodb().and_then(|change| change.sequence_number()).unwrap_or_default();
                if later(number, &batch.last) {
                    return some(records);
                }
                if is_commit(record) {
                    records.push(as_lambda_has_it(record, &batch.stream));
                }
                if number == batch.last {
                    return some(records);
                }
            }
            iterator = page.next_shard_iterator;
        }
        some(records)
    }
}

/// A letter is written about commits: where there are none any more, they are gone.
fn some(records: Vec<Value>) -> Result<Vec<Value>, StreamReadError> {
    if records.is_empty() { Err(StreamReadError::Gone) } else { Ok(records) }
}

/// Sequence numbers are decimal and of any length.
fn later(one: &str, other: &str) -> bool {
    let (one, other) = (one.trim_start_matches('0'), other.trim_start_matches('0'));
    (one.len(), one) > (other.len(), other)
}

/// The projector is fed only these.
fn is_commit(record: &Record) -> bool {
    let key = record.dynamodb().and_then(|change| change.keys()).and_then(|keys| keys.get("sk"));
    key.and_then(|key| key.as_s().ok()).is_some_and(|sk| sk.starts_with("commit#"))
}

fn as_lambda_has_it(record: &Record, stream: &str) -> Value {
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
        // Absent, or a number: the functions do not take null.
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
    fn sequence_numbers_are_numbers_and_not_words() {
        assert!(later("1000", "999"));
        assert!(!later("999", "1000"));
        assert!(!later("42", "42"));
        assert!(!later("0042", "42"));
        assert!(later("800000000003126276363", "800000000003126276362"));
    }

    #[test]
    fn the_projector_can_read_a_record_that_is_shown_again() {
        let shown = as_lambda_has_it(&record("commit#000001"), "arn:stream");
        assert_eq!(shown["eventSourceARN"], "arn:stream");
        assert_eq!(shown["dynamodb"]["NewImage"]["sk"]["S"], "commit#000001");
        let event: aws_lambda_events::dynamodb::Event = serde_json::from_value(json!({ "Records": [shown] })).unwrap();
        let read = &event.records[0];
        assert_eq!((read.event_name.as_str(), read.change.sequence_number.as_deref()), ("INSERT", Some("42")));
        assert!(read.change.keys.contains_key("pk"));
    }

    #[test]
    fn only_commits_are_shown_again() {
        assert!(is_commit(&record("commit#000001")));
        assert!(!is_commit(&record("receipt#000001#0")));
    }

    #[test]
    fn what_the_stream_dropped_is_told_from_what_it_refuses() {
        let refusal = |code: &str| StreamReadError::from(AwsError { code: Some(code.into()), why: "no".into() });
        assert_eq!(refusal("TrimmedDataAccessException"), StreamReadError::Gone);
        assert_eq!(refusal("ResourceNotFoundException"), StreamReadError::Gone);
        assert_eq!(refusal("AccessDeniedException"), StreamReadError::Refused("no".into()));
    }
}
