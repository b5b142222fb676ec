//! AWS at one address, which records every request: those to DynamoDB go to the embedded one, KMS signs, IoT Core and SQS
//! answer with success, S3 holds the ledger.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_config::{BehaviorVersion, Region, SdkConfig};
use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use futures::future::BoxFuture;
use ilock_functions::settings::Settings;
use ilock_lambda::aws::{OnAws, RetryPolicy, request_timeouts};
use ilock_proof::SignKey;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use crate::bucket::{self, LEDGER_BUCKET, Objects, ledger_key};

/// The platform application for Android.
pub const PUSH_APP: &str = "arn:aws:sns:local:000000000000:app/GCM/app";

/// The entry of Secrets Manager that keeps the service account for FCM.
pub const FCM_ACCOUNT: &str = "arn:aws:secretsmanager:local:000000000000:secret:fcm-AbCdEf";

/// The setting `name` of functions that push to Android.
fn push_app(name: &str) -> Option<String> {
    (name == "PUSH_GCM").then(|| PUSH_APP.into())
}

/// One request to AWS as IAM sees it: an action on a resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// `dynamodb:PutItem` …
    pub action: String,
    /// The table, topic, client or queue.
    pub resource: String,
    /// DynamoDB's partition key.
    pub leading_key: Option<String>,
    /// When the request arrived.
    pub begun: Instant,
    /// When the answer was sent.
    pub ended: Instant,
}

/// The length of the longest chain of `requests` in which each began after the one before it was answered.
#[must_use]
pub fn in_turn(requests: &[Request]) -> usize {
    let mut by_end: Vec<&Request> = requests.iter().collect();
    by_end.sort_by_key(|request| request.ended);
    let mut rows: Vec<usize> = vec![];
    for (index, request) in by_end.iter().enumerate() {
        let before = by_end[..index].iter().zip(&rows).filter(|(earlier, _)| earlier.ended <= request.begun);
        rows.push(1 + before.map(|(_, row)| *row).max().unwrap_or(0));
    }
    rows.into_iter().max().unwrap_or(0)
}

/// The largest number of `requests` that were in flight at the same time.
#[must_use]
pub fn max_concurrent(requests: &[Request]) -> usize {
    let begun = requests.iter().map(|request| (request.begun, true));
    let mut moments: Vec<(Instant, bool)> =
        begun.chain(requests.iter().map(|request| (request.ended, false))).collect();
    // A request that ends just when another begins is not concurrent with it.
    moments.sort_unstable();
    let (mut now, mut most) = (0_i32, 0);
    for (_, begins) in moments {
        now += if begins { 1 } else { -1 };
        most = most.max(now);
    }
    usize::try_from(most).unwrap()
}

/// How long AWS takes for an action, such as `dynamodb:PutItem`.
type Takes = Box<dyn Fn(&str) -> Duration + Send + Sync>;

type Before = Box<dyn FnOnce() -> BoxFuture<'static, ()> + Send>;

struct Recorder {
    dynamodb: String,
    takes: Takes,
    http: reqwest::Client,
    requests: Mutex<Vec<Request>>,
    /// When the first message on a topic was there, by topic as IAM names it.
    first_published: Mutex<BTreeMap<String, Instant>>,
    objects: Objects,
    /// What Secrets Manager keeps, by name.
    secrets: Mutex<BTreeMap<String, String>>,
    before_commit: Mutex<Option<Before>>,
}

/// A server that stands for AWS.
pub struct Aws {
    url: String,
    recorder: Arc<Recorder>,
    server: JoinHandle<()>,
}

impl Aws {
    /// Starts it before the embedded DynamoDB at `dynamodb`; each request takes at least `takes`.
    pub async fn before(dynamodb: std::net::SocketAddr, takes: Duration) -> Self {
        Self::taking(dynamodb, Box::new(move |_| takes)).await
    }

    /// The same; each request takes at least what `takes` says of its action.
    pub async fn taking(dynamodb: std::net::SocketAddr, takes: Takes) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let recorder = Arc::new(Recorder {
            dynamodb: format!("http://{dynamodb}"),
            takes,
            http: reqwest::Client::new(),
            requests: Mutex::default(),
            first_published: Mutex::default(),
            before_commit: Mutex::default(),
            objects: Objects::default(),
            secrets: Mutex::default(),
        });
        let app = Router::new().fallback(answer).with_state(recorder.clone());
        let server = tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        Self { url, recorder, server }
    }

    /// The parts that a function's binary makes, with this server as AWS and without pushes.
    pub fn parts(&self) -> OnAws {
        self.parts_with(false)
    }

    /// The same parts, with pushes, and with every request bounded in time as on AWS.
    pub fn parts_as_deployed(&self, retry: RetryPolicy) -> OnAws {
        let sdk = self.sdk().into_builder().timeout_config(request_timeouts()).build();
        OnAws::new(Self::settings(&self.url, push_app), sdk, retry)
    }

    /// The same parts, with or without pushes.
    pub fn parts_with(&self, pushes: bool) -> OnAws {
        self.parts_where(move |name| push_app(name).filter(|_| pushes))
    }

    /// The same parts, with FCM asked by the service account `account`.
    pub fn parts_with_fcm(&self, account: &str) -> OnAws {
        self.keeps(FCM_ACCOUNT, account);
        self.parts_where(|name| (name == "PUSH_FCM_ACCOUNT").then(|| FCM_ACCOUNT.into()))
    }

    /// The parts that a function's binary makes, with AWS behind a proxy at `url`.
    pub fn parts_through(&self, url: &str) -> OnAws {
        Self::parts_at(url, |_| None)
    }

    /// Host and port.
    pub fn at(&self) -> &str {
        self.url.trim_start_matches("http://")
    }

    fn parts_where(&self, set: impl Fn(&str) -> Option<String> + Send + Sync + 'static) -> OnAws {
        Self::parts_at(&self.url, set)
    }

    fn parts_at(url: &str, set: impl Fn(&str) -> Option<String> + Send + Sync + 'static) -> OnAws {
        OnAws::new(Self::settings(url, set), Self::sdk_at(url), RetryPolicy::Background)
    }

    fn settings(url: &str, set: impl Fn(&str) -> Option<String> + Send + Sync + 'static) -> Settings {
        let (iot, queue) = (url.to_owned(), format!("{url}/000000000000/expire"));
        Settings::for_dev(move |name| match name {
            "IOT_ENDPOINT" => Some(iot.clone()),
            "EXPIRE_QUEUE_URL" => Some(queue.clone()),
            "PRESENCE_QUEUE_URL" => Some(queue.replace("expire", "presence")),
            "PROJECTOR_QUEUE_URL" => Some(queue.replace("expire", "projector")),
            "LEDGER_BUCKET" => Some(LEDGER_BUCKET.into()),
            "LEDGER_ORIGIN" => Some("ilock.test/ledger".into()),
            "TRTC_CALLBACK_KEY" => Some("key".into()),
            "LIMIT_REGISTRATIONS_AN_HOUR" => Some("1000".into()),
            _ => set(name),
        })
    }

    /// The SDK's configuration, with this server as AWS.
    pub fn sdk(&self) -> SdkConfig {
        Self::sdk_at(&self.url)
    }

    fn sdk_at(url: &str) -> SdkConfig {
        let credentials = aws_sdk_dynamodb::config::Credentials::new("a", "b", None, None, "test");
        SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new("local"))
            .credentials_provider(aws_sdk_dynamodb::config::SharedCredentialsProvider::new(credentials))
            .endpoint_url(url)
            .build()
    }

    /// Keeps `text` as the secret `name`.
    pub fn keeps(&self, name: &str, text: &str) {
        self.recorder.secrets.lock().unwrap().insert(name.to_owned(), text.to_owned());
    }

    /// Runs `what` just before the next commit is forwarded.
    pub fn before_the_next_commit(&self, what: impl FnOnce() -> BoxFuture<'static, ()> + Send + 'static) {
        *self.recorder.before_commit.lock().unwrap() = Some(Box::new(what));
    }

    /// When the broker had the first message on `topic`.
    pub fn first_published(&self, topic: &str) -> Option<Instant> {
        self.recorder.first_published.lock().unwrap().get(&format!("topic/{topic}")).copied()
    }

    /// The requests since the last call.
    pub fn asked(&self) -> Vec<Request> {
        std::mem::take(&mut self.recorder.requests.lock().unwrap())
    }
}

impl Drop for Aws {
    fn drop(&mut self) {
        self.server.abort();
    }
}

/// The actions of a DynamoDB request as IAM sees them: a transaction counts as its steps.
fn parts_of(operation: &str, body: &Value) -> Vec<(String, String, Option<String>)> {
    let one = |action: String, operation: &str, body: &Value| {
        let index = body["IndexName"].as_str().map(|index| format!("/index/{index}")).unwrap_or_default();
        let table = format!("{}{index}", body["TableName"].as_str().unwrap());
        (action, table, leading_key(operation, body))
    };
    if operation == "BatchGetItem" {
        let tables = body["RequestItems"].as_object().unwrap().iter();
        let keys =
            tables.flat_map(|(table, asked)| asked["Keys"].as_array().unwrap().iter().map(move |key| (table, key)));
        let action = || format!("dynamodb:{operation}");
        return keys
            .map(|(table, key)| (action(), table.clone(), key["pk"]["S"].as_str().map(str::to_owned)))
            .collect();
    }
    if operation != "TransactWriteItems" {
        return vec![one(format!("dynamodb:{operation}"), operation, body)];
    }
    let steps = body["TransactItems"].as_array().unwrap().iter().flat_map(|step| step.as_object().unwrap());
    steps.map(|(step, body)| one(format!("dynamodb:{step}Item"), step, body)).collect()
}

fn leading_key(operation: &str, body: &Value) -> Option<String> {
    let key = match operation {
        "Put" | "PutItem" => &body["Item"]["pk"],
        "Query" => &body["ExpressionAttributeValues"][":pk"],
        _ => &body["Key"]["pk"],
    };
    key["S"].as_str().map(str::to_owned)
}

/// The fields of a form, which SNS is asked in.
type Form = BTreeMap<String, String>;

/// The actions of a request, each with its resource and DynamoDB's partition key.
fn actions(request: &Incoming<'_>) -> Vec<(String, String, Option<String>)> {
    let Incoming { service, operation, json, form, method, path, headers } = request;
    match *service {
        "DynamoDB_20120810" => parts_of(operation, json),
        "AmazonSQS" => {
            let queue = json["QueueUrl"].as_str().unwrap().rsplit('/').next().unwrap().to_owned();
            vec![(format!("sqs:{operation}"), queue, None)]
        }
        "secretsmanager" => {
            vec![(format!("secretsmanager:{operation}"), json["SecretId"].as_str().unwrap().to_owned(), None)]
        }
        "TrentService" => vec![(format!("kms:{operation}"), json["KeyId"].as_str().unwrap().to_owned(), None)],
        "" if ledger_key(path).is_some() => {
            let asked = bucket::actions(method, ledger_key(path).unwrap_or_default(), headers);
            asked.into_iter().map(|(action, resource)| (action, resource, None)).collect()
        }
        "" if form.contains_key("Action") => {
            let named = ["PlatformApplicationArn", "EndpointArn", "TargetArn"].iter().find_map(|name| form.get(*name));
            vec![(format!("sns:{}", form["Action"]), named.unwrap().clone(), None)]
        }
        "" => vec![iot_core_action(method, &path.replace("%2F", "/"))],
        other => panic!("a request to {other}"),
    }
}

fn iot_core_action(method: &Method, path: &str) -> (String, String, Option<String>) {
    if let Some(topic) = path.strip_prefix("/topics/") {
        return ("iot:Publish".to_owned(), format!("topic/{topic}"), None);
    }
    assert_eq!(method, Method::DELETE, "{path}");
    let client = path.strip_prefix("/connections/").unwrap();
    ("iot:DeleteConnection".to_owned(), format!("client/{client}"), None)
}

/// A request as it arrived, parsed.
struct Incoming<'a> {
    /// From `X-Amz-Target`; empty for REST.
    service: &'a str,
    operation: &'a str,
    json: Value,
    form: Form,
    method: &'a Method,
    path: &'a str,
    headers: &'a HeaderMap,
}

impl Incoming<'_> {
    fn is_commit(&self) -> bool {
        let sort_key = self.json["Item"]["sk"]["S"].as_str();
        self.operation == "PutItem" && sort_key.is_some_and(|sk| sk.starts_with("commit#"))
    }
}

async fn answer(
    State(recorder): State<Arc<Recorder>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let begun = Instant::now();
    let target = headers.get("x-amz-target").and_then(|target| target.to_str().ok()).unwrap_or_default();
    let (service, operation) = target.split_once('.').unwrap_or_default();
    let json = serde_json::from_slice(&body).unwrap_or_default();
    let form =
        if service.is_empty() { form_urlencoded::parse(&body).into_owned().collect() } else { BTreeMap::default() };
    let request = Incoming { service, operation, json, form, method: &method, path: uri.path(), headers: &headers };
    let actions = actions(&request);
    if request.is_commit() {
        let before = recorder.before_commit.lock().unwrap().take();
        if let Some(before) = before {
            before().await;
        }
    }
    tokio::time::sleep((recorder.takes)(&actions[0].0)).await;
    let answer = if service == "DynamoDB_20120810" {
        forward(&recorder, &headers, body).await
    } else if service == "TrentService" {
        kms(operation, &request.json)
    } else if service == "secretsmanager" {
        secret(&recorder, &request.json)
    } else if service.is_empty() && ledger_key(uri.path()).is_some() {
        recorder.objects.answer(&method, &uri, &headers, body)
    } else if let Some(action) = request.form.get("Action") {
        sns(action, &request.form)
    } else {
        success()
    };
    let ended = Instant::now();
    if let Some((_, topic, _)) = actions.iter().find(|(action, ..)| action == "iot:Publish") {
        recorder.first_published.lock().unwrap().entry(topic.clone()).or_insert(ended);
    }
    let requests = actions.into_iter().map(|(action, resource, leading_key)| Request {
        action,
        resource,
        leading_key,
        begun,
        ended,
    });
    recorder.requests.lock().unwrap().extend(requests);
    answer
}

/// Answers as SNS does: every token becomes an endpoint that is not enabled; the endpoint `stale` always fails.
fn sns(action: &str, form: &Form) -> Response {
    let result = match action {
        "CreatePlatformEndpoint" => {
            let app = form["PlatformApplicationArn"].replace(":app/", ":endpoint/");
            format!("<EndpointArn>{app}/{}</EndpointArn>", form["Token"])
        }
        "GetEndpointAttributes" => {
            "<Attributes><entry><key>Enabled</key><value>false</value></entry></Attributes>".into()
        }
        "Publish" if form["TargetArn"].ends_with("/stale") => {
            let error = "<Error><Type>Sender</Type><Code>EndpointDisabled</Code><Message>Endpoint is disabled</Message></Error>";
            let body =
                format!("<ErrorResponse xmlns=\"http://sns.amazonaws.com/doc/2010-03-31/\">{error}</ErrorResponse>");
            return (StatusCode::BAD_REQUEST, [("content-type", "text/xml")], body).into_response();
        }
        "Publish" => "<MessageId>1</MessageId>".into(),
        _ => String::new(),
    };
    let body = format!(
        "<{action}Response xmlns=\"http://sns.amazonaws.com/doc/2010-03-31/\"><{action}Result>{result}</{action}Result></{action}Response>"
    );
    (StatusCode::OK, [("content-type", "text/xml")], body).into_response()
}

/// Answers as KMS does, with one Ed25519 key.
pub fn kms(operation: &str, request: &Value) -> Response {
    let key = SignKey::new("kms", &[7; 32]).unwrap();
    let sent = |text: &Value| STANDARD.decode(text.as_str().unwrap()).unwrap();
    let answer = if operation == "GetPublicKey" {
        let mut der = hex::decode("302a300506032b6570032100").unwrap();
        let public = key.verify_key().to_string();
        der.extend_from_slice(&STANDARD.decode(public.rsplit('+').next().unwrap()).unwrap()[1..]);
        json!({ "KeyId": request["KeyId"], "PublicKey": STANDARD.encode(der) })
    } else {
        assert_eq!((&request["SigningAlgorithm"], &request["MessageType"]), (&json!("ED25519_SHA_512"), &json!("RAW")));
        let signed = key.sign(std::str::from_utf8(&sent(&request["Message"])).unwrap());
        json!({ "KeyId": request["KeyId"], "Signature": STANDARD.encode(&signed.bytes) })
    };
    axum::Json(answer).into_response()
}

/// Answers as Secrets Manager does.
fn secret(recorder: &Recorder, request: &Value) -> Response {
    let kept = recorder.secrets.lock().unwrap().get(request["SecretId"].as_str().unwrap()).cloned();
    if let Some(text) = kept {
        return axum::Json(json!({ "Name": request["SecretId"], "SecretString": text })).into_response();
    }
    let error = json!({ "__type": "ResourceNotFoundException", "Message": "Secrets Manager can't find it." });
    (StatusCode::BAD_REQUEST, axum::Json(error)).into_response()
}

fn success() -> Response {
    axum::Json(json!({ "MessageId": "1", "MD5OfMessageBody": "", "Attributes": {} })).into_response()
}

async fn forward(recorder: &Recorder, headers: &HeaderMap, body: Bytes) -> Response {
    let mut request = recorder.http.post(&recorder.dynamodb).body(body.to_vec());
    for name in ["x-amz-target", "content-type", "authorization", "x-amz-date"] {
        if let Some(value) = headers.get(name) {
            request = request.header(name, value.as_bytes());
        }
    }
    let answered = request.send().await.unwrap();
    let status = StatusCode::from_u16(answered.status().as_u16()).unwrap();
    (status, [("content-type", "application/x-amz-json-1.0")], answered.bytes().await.unwrap()).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_that_follow_each_other_are_not_on_their_way_at_once() {
        let start = Instant::now();
        let request = |begun: u64, ended: u64| Request {
            action: "sns:Publish".into(),
            resource: "endpoint".into(),
            leading_key: None,
            begun: start + Duration::from_millis(begun),
            ended: start + Duration::from_millis(ended),
        };
        assert_eq!(max_concurrent(&[]), 0);
        assert_eq!(max_concurrent(&[request(0, 20), request(20, 40)]), 1);
        assert_eq!(max_concurrent(&[request(0, 20), request(30, 50), request(10, 40), request(15, 16)]), 3);
    }
}
