//! DynamoDB: the embedded one, called in the process. It also notes every commit that it wrote, so that the log at the end
//! can be held against it.

use std::sync::Mutex;

use dynoxide::actions::describe_stream::DescribeStreamRequest;
use dynoxide::actions::get_records::{GetRecordsRequest, Record};
use dynoxide::actions::get_shard_iterator::GetShardIteratorRequest;
use dynoxide::actions::list_streams::ListStreamsRequest;
use dynoxide::{Database, DynoxideError};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::sync::watch;
use tokio::time::Instant;

/// A commit, as it was put.
#[derive(Debug, Clone)]
pub struct Written {
    pub at: Instant,
    /// Its call, from the partition key.
    pub call_id: String,
    pub n: u32,
    pub item: Value,
}

pub struct Tables {
    database: Database,
    written: Mutex<Vec<Written>>,
    /// Goes up with every write.
    writes: watch::Sender<u64>,
}

/// Where a reader of the stream is.
#[derive(Debug, Clone, Default)]
pub struct Position(Option<String>);

impl Tables {
    pub fn new() -> Self {
        Self { database: Database::memory().unwrap(), written: Mutex::default(), writes: watch::Sender::new(0) }
    }

    /// The answer's status and JSON.
    pub fn answer(&self, operation: &str, body: &Value) -> (u16, String) {
        let db = &self.database;
        let answer = match operation {
            "CreateTable" => answered(body, |request| db.create_table(request)),
            "PutItem" => answered(body, |request| db.put_item(request)),
            "GetItem" => answered(body, |request| db.get_item(request)),
            "UpdateItem" => answered(body, |request| db.update_item(request)),
            "DeleteItem" => answered(body, |request| db.delete_item(request)),
            "BatchGetItem" => answered(body, |request| db.batch_get_item(request)),
            "Query" => answered(body, |request| db.query(request)),
            "Scan" => answered(body, |request| db.scan(request)),
            "TransactWriteItems" => answered(body, |request| db.transact_write_items(request)),
            "TransactGetItems" => answered(body, |request| db.transact_get_items(request)),
            other => panic!("no {other} in the simulation"),
        };
        match answer {
            Ok(text) => {
                self.note(operation, body);
                (200, text)
            }
            Err(error) => (error.status_code(), error.to_json()),
        }
    }

    fn note(&self, operation: &str, body: &Value) {
        match operation {
            "PutItem" => self.note_put(body),
            "TransactWriteItems" => {
                let steps = body["TransactItems"].as_array().into_iter().flatten();
                steps.filter_map(|step| step.get("Put")).for_each(|put| self.note_put(put));
            }
            "UpdateItem" | "DeleteItem" => {}
            _ => return,
        }
        self.writes.send_modify(|writes| *writes += 1);
    }

    fn note_put(&self, put: &Value) {
        let item = &put["Item"];
        let (pk, sk) = (item["pk"]["S"].as_str().unwrap_or_default(), item["sk"]["S"].as_str().unwrap_or_default());
        if let (Some(call_id), Some(n)) = (pk.strip_prefix("call#"), sk.strip_prefix("commit#")) {
            self.written.lock().unwrap().push(Written {
                at: Instant::now(),
                call_id: call_id.to_owned(),
                n: n.parse().unwrap(),
                item: item.clone(),
            });
        }
    }

    /// Every commit that was ever written, in order.
    pub fn written(&self) -> Vec<Written> {
        self.written.lock().unwrap().clone()
    }

    /// Wakes whoever waits for the stream.
    pub fn writes(&self) -> watch::Receiver<u64> {
        self.writes.subscribe()
    }

    /// What the stream of `table` shows after `position`, which moves on.
    pub fn read_stream(&self, table: &str, position: &mut Position) -> Vec<Record> {
        let shard_iterator = position.0.take().unwrap_or_else(|| self.first_iterator(table));
        let page = self.database.get_records(GetRecordsRequest { shard_iterator, limit: None }).unwrap();
        position.0 = page.next_shard_iterator;
        page.records
    }

    fn first_iterator(&self, table: &str) -> String {
        let db = &self.database;
        let ask = ListStreamsRequest { table_name: Some(table.into()), ..ListStreamsRequest::default() };
        let stream_arn = db.list_streams(ask).unwrap().streams.remove(0).stream_arn;
        let ask = DescribeStreamRequest { stream_arn: stream_arn.clone(), ..DescribeStreamRequest::default() };
        let shard_id = db.describe_stream(ask).unwrap().stream_description.shards.remove(0).shard_id;
        let shard_iterator_type = "TRIM_HORIZON".to_owned();
        let ask = GetShardIteratorRequest { stream_arn, shard_id, shard_iterator_type, sequence_number: None };
        db.get_shard_iterator(ask).unwrap().shard_iterator.unwrap()
    }
}

fn answered<Q: DeserializeOwned, R: Serialize>(
    body: &Value,
    act: impl FnOnce(Q) -> Result<R, DynoxideError>,
) -> Result<String, DynoxideError> {
    let request = serde_json::from_value(body.clone()).unwrap_or_else(|error| panic!("{error}: {body}"));
    act(request).map(|answer| serde_json::to_string(&answer).unwrap())
}
