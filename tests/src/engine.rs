//! A DynamoDB that the log contract is tested on: the embedded one, or LocalStack's.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::interceptors::BeforeSerializationInterceptorContextMut;
use aws_sdk_dynamodb::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_dynamodb::error::BoxError;
use aws_sdk_dynamodb::operation::put_item::PutItemInput;
use aws_sdk_dynamodb::types::TableStatus;
use ilock_env::Clock;
use ilock_local::dynamodb;
use ilock_log::EventLog;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio_util::sync::{CancellationToken, DropGuard};

/// A DynamoDB, and the tables that a test made in it.
pub struct Engine {
    pub client: Client,
    /// Its host and port.
    pub at: String,
    /// Whether there is SQS beside it.
    pub queues: bool,
    /// Whether a failed condition returns the item that was in the way, as DynamoDB does since 2023. None: not known.
    pub returns_conflict: Option<bool>,
    tables: Mutex<Vec<String>>,
    _stop: Option<DropGuard>,
}

impl Engine {
    /// The embedded DynamoDB, empty.
    pub async fn embedded() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let at = listener.local_addr().unwrap();
        let stop = CancellationToken::new();
        let _running = dynamodb::serve(listener, dynamodb::open(None).unwrap(), stop.clone());
        Self {
            client: dynamodb::client(at, None),
            at: at.to_string(),
            queues: false,
            returns_conflict: Some(true),
            tables: Mutex::default(),
            _stop: Some(stop.drop_guard()),
        }
    }

    /// A DynamoDB that runs already.
    #[must_use]
    pub fn running(client: Client, at: String, returns_conflict: Option<bool>) -> Self {
        Self { client, at, queues: true, returns_conflict, tables: Mutex::default(), _stop: None }
    }

    /// A new table made from `definition`, without its stream, which most tests do not read.
    pub async fn table(&self, definition: &str) -> String {
        let mut definition: Value = serde_json::from_str(definition).unwrap();
        definition.as_object_mut().unwrap().remove("StreamSpecification");
        self.table_with_stream(&definition.to_string()).await
    }

    /// A new table made from `definition`, with its stream.
    pub async fn table_with_stream(&self, definition: &str) -> String {
        let name = unique("table");
        dynamodb::create_table(&self.client, &name, definition).await.unwrap();
        self.tables.lock().unwrap().push(name.clone());
        while self.status(&name).await != Some(TableStatus::Active) {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        name
    }

    async fn status(&self, table: &str) -> Option<TableStatus> {
        self.client.describe_table().table_name(table).send().await.unwrap().table?.table_status
    }

    /// A log in a new table.
    pub async fn log(&self) -> Log {
        let table = self.table(ilock_log::TABLE).await;
        Log {
            log: EventLog::new(self.client.clone(), &table),
            legacy: EventLog::new(legacy_client(&self.client), &table),
            client: self.client.clone(),
            table,
        }
    }

    /// The end: its tables go, and if it is the embedded one, so does it.
    pub async fn end(self) {
        let tables = std::mem::take(&mut *self.tables.lock().unwrap());
        for table in tables {
            self.client.delete_table().table_name(table).send().await.unwrap();
        }
    }
}

/// A log in a table of its own.
pub struct Log {
    pub log: EventLog,
    /// The same log over an engine from before 2023, which does not return the item that failed a condition.
    pub legacy: EventLog,
    /// The table's client.
    pub client: Client,
    pub table: String,
}

/// A name that no other test uses, in this run or an earlier one.
#[must_use]
pub fn unique(what: &str) -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let at = Clock::system().now();
    format!("ilock-test-{what}-{}-{}-{}", at.0, std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed))
}

fn legacy_client(client: &Client) -> Client {
    Client::from_conf(client.config().to_builder().interceptor(ConflictNotReturned).build())
}

/// Removes `ReturnValuesOnConditionCheckFailure` from every request.
#[derive(Debug)]
struct ConflictNotReturned;

impl Intercept for ConflictNotReturned {
    fn name(&self) -> &'static str {
        "ConflictNotReturned"
    }

    fn modify_before_serialization(
        &self,
        context: &mut BeforeSerializationInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        if let Some(put) = context.input_mut().downcast_mut::<PutItemInput>() {
            put.return_values_on_condition_check_failure = None;
        }
        Ok(())
    }
}
