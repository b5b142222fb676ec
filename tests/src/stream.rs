//! The stream of a table, read as Lambda reads it: shard by shard, parents before their children, each from its
//! beginning, on where an iterator expired; and its records as Lambda hands them to a function.

use std::collections::BTreeSet;
use std::time::Duration;

use aws_lambda_events::dynamodb::Event;
use aws_sdk_dynamodbstreams::Client;
use aws_sdk_dynamodbstreams::operation::get_records::GetRecordsError;
use aws_sdk_dynamodbstreams::types::{AttributeValue, OperationType, Record, Shard, ShardIteratorType, StreamViewType};
use serde_json::{Map, Value, json};

/// An open shard has no end: after so many empty looks in a row, all of it was read.
const EMPTY_READS: u32 = 6;

/// Between two looks at an open shard; Lambda looks four times a second.
const PAUSE: Duration = Duration::from_millis(250);

/// So few records a page that a test has several.
const PAGE: i32 = 3;

/// A stream that gives nothing for so long gives nothing any more.
const MAX_ROUNDS: u32 = 400;

/// How far one shard was read.
struct Place {
    shard: String,
    parent: Option<String>,
    iterator: Option<String>,
    last: Option<String>,
    ended: bool,
}

impl Place {
    fn at_the_beginning(shard: Shard) -> Self {
        let Shard { shard_id, parent_shard_id: parent, .. } = shard;
        Self { shard: shard_id.unwrap(), parent, iterator: None, last: None, ended: false }
    }
}

/// The stream of one table.
pub struct Stream {
    client: Client,
    arn: String,
}

/// What was read.
#[derive(Debug, Default)]
pub struct Read {
    /// The records, each shard's in order.
    pub records: Vec<Value>,
    /// How many shards there were.
    pub shards: usize,
    /// How often an iterator had expired and a new one was made.
    pub expired: usize,
}

impl Stream {
    /// The stream of `table`.
    pub async fn of(dynamodb: &aws_sdk_dynamodb::Client, client: Client, table: &str) -> Self {
        let described = dynamodb.describe_table().table_name(table).send().await.unwrap();
        let arn = described.table.unwrap().latest_stream_arn.expect("the table has a stream");
        Self { client, arn }
    }

    /// Every shard, parents first. Pages have one shard each, so that paging is seen to.
    pub async fn shards(&self) -> Vec<Shard> {
        let mut shards = vec![];
        let mut after = None;
        loop {
            let describe = self.client.describe_stream().stream_arn(&self.arn).limit(1);
            let page = describe.set_exclusive_start_shard_id(after).send().await.unwrap();
            let page = page.stream_description.unwrap();
            shards.extend(page.shards().iter().cloned());
            after = page.last_evaluated_shard_id;
            if after.is_none() {
                return parents_first(shards);
            }
        }
    }

    /// Reads all of it, until `enough` records were seen and no more come. A child is not begun before its parent ended.
    pub async fn read(&self, enough: usize) -> Read {
        let mut read = Read::default();
        let mut places: Vec<Place> = self.shards().await.into_iter().map(Place::at_the_beginning).collect();
        read.shards = places.len();
        let mut quiet = 0;
        for _ in 0..MAX_ROUNDS {
            let before = read.records.len();
            for at in 0..places.len() {
                let waits = places.iter().any(|other| !other.ended && places[at].parent.as_ref() == Some(&other.shard));
                if !places[at].ended && !waits {
                    self.look(&mut places[at], &mut read).await;
                }
            }
            if read.records.len() == before {
                quiet += 1;
                tokio::time::sleep(PAUSE).await;
            } else {
                quiet = 0;
            }
            if read.records.len() >= enough && (quiet >= EMPTY_READS || places.iter().all(|place| place.ended)) {
                return read;
            }
        }
        panic!("{} of {enough} records came", read.records.len());
    }

    /// One look at one shard.
    async fn look(&self, place: &mut Place, read: &mut Read) {
        let iterator = match place.iterator.take() {
            Some(iterator) => iterator,
            None => self.iterator(&place.shard, place.last.as_deref()).await,
        };
        let page = self.client.get_records().shard_iterator(iterator).limit(PAGE).send().await;
        match page.map_err(aws_sdk_dynamodbstreams::error::SdkError::into_service_error) {
            Ok(page) => {
                for record in page.records() {
                    let number = record.dynamodb().and_then(|change| change.sequence_number()).map(ToOwned::to_owned);
                    assert_ne!(number, place.last, "the stream shows its last record again");
                    place.last = number;
                    read.records.push(as_lambda_has_it(record));
                }
                place.ended = page.next_shard_iterator.is_none();
                place.iterator = page.next_shard_iterator;
            }
            // The next look makes a new one, after what was read last.
            Err(GetRecordsError::ExpiredIteratorException(_)) => read.expired += 1,
            Err(other) => panic!("{other:?}"),
        }
    }

    /// Where to go on: after record `last`, or at the beginning.
    async fn iterator(&self, shard: &str, last: Option<&str>) -> String {
        let get = self.client.get_shard_iterator().stream_arn(&self.arn).shard_id(shard);
        let get = match last {
            None => get.shard_iterator_type(ShardIteratorType::TrimHorizon),
            Some(last) => get.shard_iterator_type(ShardIteratorType::AfterSequenceNumber).sequence_number(last),
        };
        get.send().await.unwrap().shard_iterator.unwrap()
    }
}

/// `shards` so that each stands after its parent; one whose parent is gone is a beginning.
fn parents_first(mut shards: Vec<Shard>) -> Vec<Shard> {
    let mut ordered: Vec<Shard> = vec![];
    while !shards.is_empty() {
        let waiting: BTreeSet<String> = shards.iter().filter_map(|shard| shard.shard_id.clone()).collect();
        let (wait, ready): (Vec<_>, Vec<_>) = shards
            .into_iter()
            .partition(|shard| shard.parent_shard_id().is_some_and(|parent| waiting.contains(parent)));
        assert!(!ready.is_empty(), "shards that are each other's parents: {wait:?}");
        ordered.extend(ready);
        shards = wait;
    }
    ordered
}

/// Records as the event of a Lambda function.
#[must_use]
pub fn event(records: &[Value]) -> Event {
    serde_json::from_value(json!({ "Records": records })).unwrap()
}

fn as_lambda_has_it(record: &Record) -> Value {
    let change = record.dynamodb().unwrap();
    let image = |image: Option<&std::collections::HashMap<String, AttributeValue>>| {
        image.map(|image| Value::Object(image.iter().map(|(name, value)| (name.clone(), attribute(value))).collect()))
    };
    let mut body = Map::from_iter([
        ("ApproximateCreationDateTime".into(), json!(1.0)),
        ("SequenceNumber".into(), json!(change.sequence_number())),
        ("SizeBytes".into(), json!(change.size_bytes())),
        ("StreamViewType".into(), json!(change.stream_view_type().map(StreamViewType::as_str))),
    ]);
    for (name, found) in [
        ("Keys", image(change.keys())),
        ("NewImage", image(change.new_image())),
        ("OldImage", image(change.old_image())),
    ] {
        if let Some(found) = found {
            body.insert(name.into(), found);
        }
    }
    json!({
        "eventID": record.event_id(),
        "eventName": record.event_name().map(OperationType::as_str),
        "eventVersion": record.event_version(),
        "eventSource": record.event_source(),
        "awsRegion": record.aws_region(),
        "dynamodb": body,
    })
}

fn attribute(value: &AttributeValue) -> Value {
    match value {
        AttributeValue::S(text) => json!({ "S": text }),
        AttributeValue::N(number) => json!({ "N": number }),
        AttributeValue::Bool(yes) => json!({ "BOOL": yes }),
        AttributeValue::Null(_) => json!({ "NULL": true }),
        AttributeValue::L(items) => json!({ "L": items.iter().map(attribute).collect::<Vec<_>>() }),
        AttributeValue::M(fields) => {
            let fields: Map<String, Value> =
                fields.iter().map(|(name, value)| (name.clone(), attribute(value))).collect();
            json!({ "M": fields })
        }
        other => panic!("no item of ours has {other:?}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shard_is_read_after_its_parent_however_they_are_listed() {
        let shard = |id: &str, parent: Option<&str>| {
            Shard::builder().shard_id(id).set_parent_shard_id(parent.map(ToOwned::to_owned)).build()
        };
        let listed = vec![
            shard("grandchild", Some("child")),
            shard("child", Some("first")),
            shard("orphan", Some("trimmed away")),
            shard("second child", Some("first")),
            shard("first", None),
        ];
        let ordered = parents_first(listed);
        let at = |id: &str| ordered.iter().position(|shard| shard.shard_id() == Some(id)).unwrap();
        assert_eq!(ordered.len(), 5);
        assert!(at("first") < at("child") && at("first") < at("second child") && at("child") < at("grandchild"));
    }
}
