//! Lambda's Runtime API, with the times of the function's requests and answers.

use std::net::SocketAddr;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use ilock_env::Clock;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;
use tokio_util::sync::{CancellationToken, DropGuard};

const ARN: &str = "arn:aws:lambda:eu-central-1:123456789012:function:bench-get-call";

/// The Runtime API of one function process; it stops when this is dropped.
pub struct RuntimeApi {
    /// The value of `AWS_LAMBDA_RUNTIME_API`.
    pub at: SocketAddr,
    requests: mpsc::UnboundedReceiver<Request>,
    events: usize,
    _stop: DropGuard,
}

/// A function that is waiting for its next event.
pub struct Waiting {
    pub since: Instant,
    hand_over: oneshot::Sender<Response>,
}

enum Request {
    Next(Waiting),
    Answered { id: String, at: Instant, answer: Bytes },
    Failed(String),
}

type Sender = State<mpsc::UnboundedSender<Request>>;

impl RuntimeApi {
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let at = listener.local_addr().unwrap();
        let (sender, requests) = mpsc::unbounded_channel();
        let router = Router::new()
            .route("/2018-06-01/runtime/invocation/next", get(next))
            .route("/2018-06-01/runtime/invocation/{id}/response", post(answered))
            .route("/2018-06-01/runtime/invocation/{id}/error", post(failed))
            .route("/2018-06-01/runtime/init/error", post(failed))
            .with_state(sender);
        let stop = CancellationToken::new();
        let served = async move { axum::serve(listener, router).await.unwrap() };
        tokio::spawn(stop.clone().run_until_cancelled_owned(served));
        Self { at, requests, events: 0, _stop: stop.drop_guard() }
    }

    /// Waits until the function requests an event.
    pub async fn next(&mut self) -> Waiting {
        match self.requests.recv().await.unwrap() {
            Request::Next(waiting) => waiting,
            Request::Answered { id, .. } => panic!("it answered {id} when it had no event"),
            Request::Failed(why) => panic!("it could not start: {why}"),
        }
    }

    /// Delivers `event`. Returns when that was, when the answer came, and the answer.
    pub async fn invoke(&mut self, waiting: Waiting, event: &Value) -> (Instant, Instant, Value) {
        self.events += 1;
        let id = format!("8476a536-e9f4-11e8-9739-{:012}", self.events);
        let deadline = Clock::system().now().0 + 10_000;
        let headers = [
            ("content-type", "application/json".to_owned()),
            ("lambda-runtime-aws-request-id", id.clone()),
            ("lambda-runtime-deadline-ms", deadline.to_string()),
            ("lambda-runtime-invoked-function-arn", ARN.to_owned()),
            (
                "lambda-runtime-trace-id",
                "Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700;Parent=9a9197af755a6419;Sampled=0".into(),
            ),
        ];
        let handed = Instant::now();
        let heard = waiting.hand_over.send((axum::response::AppendHeaders(headers), event.to_string()).into_response());
        assert!(heard.is_ok(), "it hung up while it waited for an event");
        match self.requests.recv().await.unwrap() {
            Request::Answered { id: answered, at, answer } if answered == id => {
                (handed, at, serde_json::from_slice(&answer).unwrap())
            }
            Request::Answered { id: other, .. } => panic!("it answered {other}, and was asked {id}"),
            Request::Next(_) => panic!("it asked for an event when it had one to answer"),
            Request::Failed(why) => panic!("it failed: {why}"),
        }
    }
}

async fn next(State(sender): Sender) -> Response {
    let (hand_over, event) = oneshot::channel();
    let _ = sender.send(Request::Next(Waiting { since: Instant::now(), hand_over }));
    // Without another event the function waits, as on Lambda.
    event.await.unwrap_or_else(|_| StatusCode::GONE.into_response())
}

async fn answered(State(sender): Sender, Path(id): Path<String>, answer: Bytes) -> StatusCode {
    let _ = sender.send(Request::Answered { id, at: Instant::now(), answer });
    StatusCode::ACCEPTED
}

async fn failed(State(sender): Sender, why: String) -> StatusCode {
    let _ = sender.send(Request::Failed(why));
    StatusCode::ACCEPTED
}
