//! A proxy between an SDK and AWS that injects faults into chosen requests.
//!
//! It speaks HTTP/1.1 by itself, one request per connection: a library would not let it cut a connection midway.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::{CancellationToken, DropGuard};

/// What goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    /// AWS throttles the request.
    Throttled,
    /// AWS answers with this status and has done nothing.
    Status(u16),
    /// No answer ever comes; nothing was done.
    Hangs,
    /// The request was carried out; the connection closes before the answer.
    AnswerLost,
    /// The request was carried out; the answer's JSON is cut off.
    AnswerCut,
    /// AWS answers that the iterator has expired.
    IteratorExpired,
}

/// Which requests the fault hits. Requests are counted from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// Only the request with this number.
    Once(usize),
    /// Every request from this number on.
    From(usize),
}

#[derive(Debug, Default)]
struct Plan {
    fault: Option<(Fault, When)>,
    only: Option<&'static str>,
    seen: Vec<String>,
    counted: usize,
}

/// The proxy; it stops when this is dropped.
pub struct Faults {
    /// The address that an SDK is given.
    pub at: SocketAddr,
    plan: Arc<Mutex<Plan>>,
    _stop: DropGuard,
}

impl Faults {
    /// A proxy before `upstream` (host and port), without faults yet.
    pub async fn before(upstream: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let at = listener.local_addr().unwrap();
        let stop = CancellationToken::new();
        let plan = Arc::<Mutex<Plan>>::default();
        let (stopped, planned, upstream) = (stop.clone(), plan.clone(), upstream.to_owned());
        tokio::spawn(stopped.clone().run_until_cancelled_owned(async move {
            while let Ok((client, _)) = listener.accept().await {
                let carried = carry(client, upstream.clone(), planned.clone());
                tokio::spawn(stopped.clone().run_until_cancelled_owned(carried));
            }
        }));
        Self { at, plan, _stop: stop.drop_guard() }
    }

    /// Its address as an endpoint.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.at)
    }

    /// Injects `fault` into the requests that `when` names; counting starts at 0 again.
    pub fn plan(&self, fault: Fault, when: When) {
        *self.plan.lock().unwrap() = Plan { fault: Some((fault, when)), ..Plan::default() };
    }

    /// As [`Faults::plan`], counting only requests of `operation`.
    pub fn plan_for(&self, operation: &'static str, fault: Fault, when: When) {
        *self.plan.lock().unwrap() = Plan { fault: Some((fault, when)), only: Some(operation), ..Plan::default() };
    }

    /// Stops injecting faults. Returns the operations since the last plan, in order.
    pub fn off(&self) -> Vec<String> {
        std::mem::take(&mut *self.plan.lock().unwrap()).seen
    }
}

impl Plan {
    /// The fault for the next request, which is one of `operation`.
    fn next(&mut self, operation: &str) -> Option<Fault> {
        self.seen.push(operation.to_owned());
        if self.only.is_some_and(|only| only != operation) {
            return None;
        }
        let number = self.counted;
        self.counted += 1;
        let (fault, when) = self.fault?;
        let due = match when {
            When::Once(at) => number == at,
            When::From(at) => number >= at,
        };
        due.then_some(fault)
    }
}

async fn carry(mut client: TcpStream, upstream: String, plan: Arc<Mutex<Plan>>) {
    let Some(request) = read_request(&mut client).await else { return };
    let target = request.header("x-amz-target").unwrap_or_default();
    let action = request.action();
    let fault = {
        let operation = action.as_deref().or(target.rsplit('.').next()).unwrap_or_default();
        plan.lock().unwrap().next(operation)
    };
    let answer = match fault {
        None => request.forward(&upstream).await,
        Some(Fault::Throttled) if action.is_some() => Some(answer(400, SNS_THROTTLES)),
        Some(Fault::Throttled) => Some(throttled(&target)),
        Some(Fault::Status(status)) => Some(answer(status, r#"{"message":"in trouble"}"#)),
        Some(Fault::Hangs) => {
            tokio::time::sleep(Duration::from_mins(10)).await;
            None
        }
        Some(Fault::AnswerLost) => {
            request.forward(&upstream).await;
            None
        }
        Some(Fault::AnswerCut) => {
            request.forward(&upstream).await;
            Some(answer(200, r#"{"Items":[{"pk":{"S":"ca"#))
        }
        Some(Fault::IteratorExpired) => {
            let kind = "com.amazonaws.dynamodb.v20120810#ExpiredIteratorException";
            Some(answer(400, &format!(r#"{{"__type":"{kind}","message":"Iterator expired."}}"#)))
        }
    };
    if let Some(answer) = answer {
        let _ = client.write_all(&answer).await;
    }
    let _ = client.shutdown().await;
}

/// SNS speaks XML.
const SNS_THROTTLES: &str = "<ErrorResponse xmlns=\"http://sns.amazonaws.com/doc/2010-03-31/\"><Error>\
    <Type>Sender</Type><Code>Throttling</Code><Message>Rate exceeded</Message></Error></ErrorResponse>";

fn throttled(target: &str) -> Vec<u8> {
    let (status, kind) = match target {
        // IoT Core's data plane has no target: it is REST.
        "" => (429, "ThrottlingException"),
        queue if queue.starts_with("AmazonSQS") => (400, "com.amazonaws.sqs#RequestThrottled"),
        _ => (400, "com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException"),
    };
    answer(status, &format!(r#"{{"__type":"{kind}","message":"slow down"}}"#))
}

fn answer(status: u16, body: &str) -> Vec<u8> {
    format!(
        "HTTP/1.1 {status} -\r\ncontent-type: application/x-amz-json-1.0\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

struct Request {
    head: String,
    body: Vec<u8>,
}

impl Request {
    fn header(&self, name: &str) -> Option<String> {
        let mut lines = self.head.lines().skip(1).filter_map(|line| line.split_once(':'));
        lines.find_map(|(is, value)| is.eq_ignore_ascii_case(name).then(|| value.trim().to_owned()))
    }

    /// The operation, where the body is a form that names it (SNS).
    fn action(&self) -> Option<String> {
        let form = self.header("content-type")?.starts_with("application/x-www-form-urlencoded");
        let mut fields = form_urlencoded::parse(if form { &self.body } else { &[] });
        fields.find_map(|(name, value)| (name == "Action").then(|| value.into_owned()))
    }

    /// Forwards the request on a connection of its own and returns the whole answer.
    async fn forward(&self, upstream: &str) -> Option<Vec<u8>> {
        let mut server = TcpStream::connect(upstream).await.ok()?;
        let (line, headers) = self.head.split_once("\r\n")?;
        server.write_all(format!("{line}\r\nconnection: close\r\n{headers}").as_bytes()).await.ok()?;
        server.write_all(&self.body).await.ok()?;
        let mut answer = vec![];
        server.read_to_end(&mut answer).await.ok()?;
        Some(answer)
    }
}

/// Reads one request; its head includes the empty line.
async fn read_request(client: &mut TcpStream) -> Option<Request> {
    let mut read = vec![];
    let head_ends = loop {
        if let Some(at) = read.windows(4).position(|four| four == b"\r\n\r\n") {
            break at + 4;
        }
        if client.read_buf(&mut read).await.ok()? == 0 {
            return None;
        }
    };
    let body = read.split_off(head_ends);
    let mut request = Request { head: String::from_utf8(read).ok()?, body };
    let length: usize = request.header("content-length").and_then(|length| length.parse().ok()).unwrap_or_default();
    while request.body.len() < length {
        if client.read_buf(&mut request.body).await.ok()? == 0 {
            return None;
        }
    }
    Some(request)
}
