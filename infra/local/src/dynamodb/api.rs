//! The HTTP API of the embedded DynamoDB. It checks no signature, so it is for programs of this machine only: it listens
//! on loopback, and refuses what a web page sends.

use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::header::{CONTENT_TYPE, HOST, ORIGIN};
use axum::http::{HeaderMap, StatusCode};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use dynoxide::actions::query::QueryRequest;
use dynoxide::actions::scan::ScanRequest;
use dynoxide::{Database, DynoxideError};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::checkpoints::keep_log_short;
use crate::error::NotStarted;
use crate::http::network::is_loopback_host;
use crate::http::{Served, serve as serve_http};
use crate::listening::listen;

/// The same as DynamoDB's.
const MAX_BODY: usize = 16 * 1024 * 1024;
/// The crate reads all items behind a page's beginning, unless it is told how many: a walk through a table would take as
/// long as the square of its length. DynamoDB ends a page at 1 MB; here it ends after so many items too, of which few make less.
const ITEMS_OF_A_PAGE: usize = 2_000;
/// The SDK keeps idle connections for longer than this API's other clients.
const HEADER_TIMEOUT: Duration = Duration::from_mins(2);

/// Binds `address`, which must be a loopback address. Answers where it listens.
///
/// # Errors
/// [`NotStarted`].
pub async fn bind(address: SocketAddr) -> Result<(TcpListener, SocketAddr), NotStarted> {
    if !address.ip().is_loopback() {
        return Err(NotStarted::NotLoopback(address));
    }
    listen("DynamoDB", address).await
}

/// Serves `database` on `listener` until `stop`.
pub fn serve(listener: TcpListener, database: Database, stop: CancellationToken) -> JoinHandle<()> {
    let path = database.db_path().ok().flatten();
    let router = Router::new()
        .route("/", post(answer))
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .layer(from_fn(programs_of_this_machine))
        .with_state(database);
    let served = serve_http(Served { listener, router, header_timeout: HEADER_TIMEOUT }, stop.clone());
    tokio::spawn(async { tokio::join!(served, keep_log_short(path, stop)).0 })
}

/// A page sends its origin with every POST. A page whose name was made to resolve to this machine sends that name.
async fn programs_of_this_machine(request: Request, next: Next) -> Response {
    let headers = request.headers();
    let host = headers.get(HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let host = host
        .rsplit_once(':')
        .filter(|(_, port)| port.bytes().all(|b| b.is_ascii_digit()))
        .map_or(host, |(host, _)| host);
    if headers.contains_key(ORIGIN) || !is_loopback_host(host) {
        return (StatusCode::FORBIDDEN, "the embedded DynamoDB is for programs of this machine, not for pages\n")
            .into_response();
    }
    next.run(request).await
}

async fn answer(State(database): State<Database>, headers: HeaderMap, body: String) -> Response {
    let target = headers.get("x-amz-target").and_then(|target| target.to_str().ok()).unwrap_or_default();
    let operation = target.split_once('.').map(|(_, operation)| operation.to_owned()).unwrap_or_default();
    // A write to a file waits for the disk.
    let run = tokio::task::spawn_blocking(move || run(&database, &operation, &body)).await;
    let answered = run.unwrap_or_else(|error| Err(DynoxideError::InternalServerError(error.to_string())));
    let (status, json) = match answered {
        Ok(json) => (StatusCode::OK, json),
        Err(error) => {
            let status = StatusCode::from_u16(error.status_code()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            (status, error.to_json())
        }
    };
    (status, [(CONTENT_TYPE, "application/x-amz-json-1.0")], json).into_response()
}

/// Runs one operation: its request and its answer are JSON.
fn run(database: &Database, operation: &str, body: &str) -> Result<String, DynoxideError> {
    macro_rules! operations {
        ($($name:literal => $method:ident,)*) => {
            match operation {
                "Query" => {
                    let request: QueryRequest = from_json(body)?;
                    let limit = request.limit.or(Some(ITEMS_OF_A_PAGE));
                    to_json(&database.query(QueryRequest { limit, ..request })?)
                }
                "Scan" => {
                    let request: ScanRequest = from_json(body)?;
                    let limit = request.limit.or(Some(ITEMS_OF_A_PAGE));
                    to_json(&database.scan(ScanRequest { limit, ..request })?)
                }
                $($name => to_json(&database.$method(from_json(body)?)?),)*
                other => Err(DynoxideError::ValidationException(format!("x-amz-target: unknown operation {other:?}"))),
            }
        };
    }
    operations! {
        "PutItem" => put_item,
        "GetItem" => get_item,
        "UpdateItem" => update_item,
        "DeleteItem" => delete_item,
        "BatchGetItem" => batch_get_item,
        "BatchWriteItem" => batch_write_item,
        "TransactGetItems" => transact_get_items,
        "TransactWriteItems" => transact_write_items,
        "CreateTable" => create_table,
        "DescribeTable" => describe_table,
        "ListTables" => list_tables,
        "UpdateTable" => update_table,
        "DeleteTable" => delete_table,
        "UpdateTimeToLive" => update_time_to_live,
        "DescribeTimeToLive" => describe_time_to_live,
        "ListStreams" => list_streams,
        "DescribeStream" => describe_stream,
        "GetShardIterator" => get_shard_iterator,
        "GetRecords" => get_records,
        "ExecuteStatement" => execute_statement,
    }
}

fn from_json<T: DeserializeOwned>(body: &str) -> Result<T, DynoxideError> {
    serde_json::from_str(body).map_err(|error| DynoxideError::ValidationException(error.to_string()))
}

fn to_json(answer: &impl Serialize) -> Result<String, DynoxideError> {
    serde_json::to_string(answer).map_err(|error| DynoxideError::InternalServerError(error.to_string()))
}
