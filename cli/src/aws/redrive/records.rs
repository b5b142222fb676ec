//! Reads the records of a letter from the DynamoDB stream.

use aws_config::SdkConfig;
use aws_sdk_dynamodbstreams::Client;
use aws_sdk_dynamodbstreams::types::{OperationType, Record, ShardIteratorType, StreamViewType};
use serde_json::{Value, json};

use crate::aws::account::AwsError;
use crate::aws::redrive::image::image;
use crate::aws::redrive::letter::Batch;

/// After so many empty pages in a row the reader gives up: a shard that is still open never ends. There may be many before the next
/// record.
const MOST_EMPTY_PAGES: usize = 300;

pub struct StreamReader {
    client: Client,
}

/// What the stream still has of a letter's range.
#[derive(Debug)]
pub struct RecordsInRange {
    /// In the form of Lambda's stream events, also those that no function is given.
    pub records: Vec<Value>,
    /// Whether the stream has trimmed the first record of the range, and maybe more.
    pub trimmed: bool,
    /// Whether it was read to the end of the range, or of the shard.
    pub complete: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StreamReadError {
    /// The stream no longer has any of the records, or does not exist any more.
    Gone,
    /// Any other error.
    Failed(String),
}

impl From<AwsError> for StreamReadError {
    fn from(error: AwsError) -> Self {
        if error.is_not_found() { Self::Gone } else { Self::Failed(error.message) }
    }
}

impl StreamReader {
    pub fn new(sdk: &SdkConfig) -> Self {
        Self { client: Client::new(sdk) }
    }

    /// The records from the first to the last of `batch`. A batch may span the limit of 24 hours: where the stream has trimmed the
    /// first record, these are what it has left of the others.
    pub async fn records(&self, batch: &Batch) -> Result<RecordsInRange, StreamReadError> {
        let found = match self.read(batch, Some(&batch.first)).await {
            Err(error) if is_trimmed(&error) => self.read(batch, None).await?,
            read => read?,
        };
        // A letter is about records that the stream had. When it has none in the range, it has dropped them.
        if found.records.is_empty() && (found.trimmed || found.complete) {
            return Err(StreamReadError::Gone);
        }
        Ok(found)
    }

    /// Reads the range of `batch` from the record `first` on, or from the oldest that the shard has.
    async fn read(&self, batch: &Batch, first: Option<&str>) -> Result<RecordsInRange, AwsError> {
        let mut found = RecordsInRange { records: vec![], trimmed: first.is_none(), complete: false };
        let (mut iterator, mut empty_pages) = (self.iterator(batch, first).await?, 0);
        while let Some(from) = iterator {
            let page = self.client.get_records().shard_iterator(from).send().await;
            let page = page.map_err(|error| AwsError::from_sdk(&error))?;
            empty_pages = if page.records().is_empty() { empty_pages + 1 } else { 0 };
            if empty_pages == MOST_EMPTY_PAGES {
                return Ok(found);
            }
            for record in page.records() {
                let number = record.dynamodb().and_then(|change| change.sequence_number()).unwrap_or_default();
                if !is_after(&batch.first, number) && !is_after(number, &batch.last) {
                    found.records.push(lambda_record(record, &batch.stream));
                }
                if !is_after(&batch.last, number) {
                    found.complete = true;
                    return Ok(found);
                }
            }
            iterator = page.next_shard_iterator;
        }
        found.complete = true;
        Ok(found)
    }

    async fn iterator(&self, batch: &Batch, first: Option<&str>) -> Result<Option<String>, AwsError> {
        let get = self.client.get_shard_iterator().stream_arn(&batch.stream).shard_id(&batch.shard);
        let get = match first {
            Some(first) => get.shard_iterator_type(ShardIteratorType::AtSequenceNumber).sequence_number(first),
            None => get.shard_iterator_type(ShardIteratorType::TrimHorizon),
        };
        let start = get.send().await.map_err(|error| AwsError::from_sdk(&error))?;
        Ok(start.shard_iterator)
    }
}

/// Whether the stream has trimmed the record that it was to begin with.
fn is_trimmed(error: &AwsError) -> bool {
    error.code.as_deref() == Some("TrimmedDataAccessException")
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
        let error = |code: &str| AwsError { code: Some(code.into()), message: "no".into() };
        assert!(is_trimmed(&error("TrimmedDataAccessException")) && !is_trimmed(&error("ResourceNotFoundException")));
        assert_eq!(StreamReadError::from(error("ResourceNotFoundException")), StreamReadError::Gone);
        // What is trimmed while the oldest records are read is read from the new oldest ones the next time.
        for refused in ["AccessDeniedException", "TrimmedDataAccessException"] {
            assert_eq!(StreamReadError::from(error(refused)), StreamReadError::Failed("no".into()));
        }
    }
}
