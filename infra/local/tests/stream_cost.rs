//! What a write and a poll cost does not grow with what the stream was given before, in memory and in a kept data
//! directory.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "what goes wrong here is a broken test")]

use std::collections::HashMap;
use std::time::{Duration, Instant};

use dynoxide::actions::get_records::GetRecordsRequest;
use dynoxide::actions::get_shard_iterator::GetShardIteratorRequest;
use dynoxide::actions::put_item::PutItemRequest;
use dynoxide::streams::{shard_id, stream_arn};
use dynoxide::{AttributeValue, Database, ImportOptions, Item};
use ilock_local::dynamodb;
use serde_json::json;

const TABLE: &str = "log";
/// What some 5,000 calls leave in the stream.
const MANY: usize = 40_000;
const SAMPLES: usize = 101;
/// Before there was an index, a write behind so many records cost 30 times what the first ones did.
const AT_MOST: f64 = 2.5;

fn open(data_dir: Option<&std::path::Path>) -> Database {
    let database = dynamodb::open(data_dir).unwrap();
    let definition = json!({
        "TableName": TABLE,
        "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": [{ "AttributeName": "pk", "AttributeType": "S" }],
        "KeySchema": [{ "AttributeName": "pk", "KeyType": "HASH" }],
        "StreamSpecification": { "StreamEnabled": true, "StreamViewType": "NEW_IMAGE" },
    });
    database.create_table(serde_json::from_value(definition).unwrap()).unwrap();
    database
}

fn item(name: &str, n: usize) -> Item {
    let text = |text: String| AttributeValue::S(text);
    HashMap::from([("pk".to_owned(), text(format!("{name}-{n}"))), ("body".to_owned(), text("x".repeat(400)))])
}

fn fill(database: &Database) {
    let items = (0..MANY).map(|n| item("filled", n)).collect();
    database.import_items(TABLE, items, ImportOptions { record_streams: true, set_cached_at: false }).unwrap();
}

fn median(mut step: impl FnMut(usize)) -> Duration {
    let mut times: Vec<Duration> = (0..SAMPLES)
        .map(|n| {
            let start = Instant::now();
            step(n);
            start.elapsed()
        })
        .collect();
    times.sort();
    times[SAMPLES / 2]
}

fn write_cost(database: &Database, name: &str) -> Duration {
    median(|n| {
        let request = PutItemRequest { table_name: TABLE.into(), item: item(name, n), ..PutItemRequest::default() };
        database.put_item(request).unwrap();
    })
}

/// The cost of a poll that finds nothing new.
fn poll_cost(database: &Database) -> Duration {
    let latest = GetShardIteratorRequest {
        stream_arn: stream_arn(TABLE, ""),
        shard_id: shard_id(TABLE),
        shard_iterator_type: "LATEST".into(),
        sequence_number: None,
    };
    let iterator = database.get_shard_iterator(latest).unwrap().shard_iterator.unwrap();
    median(|_| {
        let request = GetRecordsRequest { shard_iterator: iterator.clone(), limit: None };
        assert!(database.get_records(request).unwrap().records.is_empty());
    })
}

/// The lower of two medians: what else runs on this machine makes a measurement longer, never shorter.
fn twice(mut cost: impl FnMut(&str) -> Duration) -> Duration {
    cost("a").min(cost("b"))
}

fn does_not_grow(data_dir: Option<&std::path::Path>) {
    let database = open(data_dir);
    let write = twice(|name| write_cost(&database, &format!("fresh-{name}")));
    let poll = twice(|_| poll_cost(&database));
    fill(&database);
    let late_write = twice(|name| write_cost(&database, &format!("late-{name}")));
    let late_poll = twice(|_| poll_cost(&database));
    println!("write {write:?}, behind {MANY} records {late_write:?}; poll {poll:?}, {late_poll:?}");
    let ratio = late_write.as_secs_f64() / write.as_secs_f64();
    assert!(ratio < AT_MOST, "a write costs {ratio:.1} times as much behind {MANY} records: {write:?}, {late_write:?}");
    let ratio = late_poll.as_secs_f64() / poll.as_secs_f64();
    assert!(ratio < AT_MOST, "a poll costs {ratio:.1} times as much behind {MANY} records: {poll:?}, {late_poll:?}");
}

#[test]
fn in_memory_a_write_costs_the_same_behind_many_records() {
    does_not_grow(None);
}

#[test]
fn in_a_data_directory_a_write_costs_the_same_behind_many_records() {
    let dir = tempfile::tempdir().unwrap();
    does_not_grow(Some(dir.path()));
}
