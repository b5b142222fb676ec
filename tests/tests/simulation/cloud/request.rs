//! A request of an AWS SDK, read.

use std::collections::BTreeMap;

use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use axum::body::Bytes;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, Uri};
use ilock_tests::bucket::LEDGER_BUCKET;
use serde_json::Value;

#[derive(Debug)]
pub enum AwsRequest {
    /// DynamoDB: the operation and its body.
    DynamoDb { operation: String, body: Value },
    /// SQS: a message, for which queue, and after how many seconds it is to come out.
    Send { queue: String, body: String, delay_seconds: u64 },
    /// IoT Core: a message for a topic, and how long it is of use.
    Publish { topic: String, payload: Vec<u8>, expiry_seconds: u64 },
    /// IoT Core: the end of a client's connection.
    EndSession { client: String },
    /// S3: a request for the ledger's bucket.
    S3 { method: Method, uri: Uri, headers: HeaderMap, body: Bytes },
    /// KMS: the operation and its body.
    Kms { operation: String, body: Value },
    /// SNS: the fields of its form.
    Sns(BTreeMap<String, String>),
}

impl AwsRequest {
    pub fn read(request: &HttpRequest) -> Self {
        let body = request.body().bytes().unwrap_or_default();
        let target = request.headers().get("x-amz-target").unwrap_or_default();
        match target.split_once('.') {
            Some(("DynamoDB_20120810", operation)) => {
                Self::DynamoDb { operation: operation.to_owned(), body: serde_json::from_slice(body).unwrap() }
            }
            Some(("AmazonSQS", "SendMessage")) => {
                let sent: Value = serde_json::from_slice(body).unwrap();
                let (_, queue) = sent["QueueUrl"].as_str().unwrap().rsplit_once('/').unwrap();
                Self::Send {
                    queue: queue.to_owned(),
                    body: sent["MessageBody"].as_str().unwrap().to_owned(),
                    delay_seconds: sent["DelaySeconds"].as_u64().unwrap(),
                }
            }
            Some(("TrentService", operation)) => {
                Self::Kms { operation: operation.to_owned(), body: serde_json::from_slice(body).unwrap() }
            }
            Some((service, operation)) => panic!("no {operation} of {service} in the simulation"),
            None => Self::read_untargeted(request, body),
        }
    }

    fn read_untargeted(request: &HttpRequest, body: &[u8]) -> Self {
        let (_, after_scheme) = request.uri().split_once("://").unwrap();
        if let Some(bucket) = after_scheme.strip_prefix("ledger.") {
            return Self::read_s3(request, &bucket[bucket.find('/').unwrap_or(bucket.len())..], body);
        }
        let path = after_scheme.find('/').map_or("", |at| &after_scheme[at..]);
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        let path = path.replace("%2F", "/");
        if let Some(topic) = path.strip_prefix("/topics/") {
            let mut fields = form_urlencoded::parse(query.as_bytes());
            let expiry = fields.find(|(name, _)| name == "messageExpiry").map(|(_, seconds)| seconds.into_owned());
            return Self::Publish {
                topic: topic.to_owned(),
                payload: body.to_vec(),
                expiry_seconds: expiry.unwrap().parse().unwrap(),
            };
        }
        if let Some(client) = path.strip_prefix("/connections/") {
            return Self::EndSession { client: client.to_owned() };
        }
        Self::Sns(form_urlencoded::parse(body).into_owned().collect())
    }

    fn read_s3(request: &HttpRequest, path: &str, body: &[u8]) -> Self {
        let headers = request
            .headers()
            .iter()
            .map(|(name, value)| (HeaderName::try_from(name).unwrap(), HeaderValue::try_from(value).unwrap()));
        Self::S3 {
            method: request.method().parse().unwrap(),
            uri: format!("/{LEDGER_BUCKET}{path}").parse().unwrap(),
            headers: headers.collect(),
            body: body.to_vec().into(),
        }
    }

    /// Who is asked for what, in one word or two.
    pub fn name(&self) -> String {
        match self {
            Self::DynamoDb { operation, .. } | Self::Kms { operation, .. } => operation.clone(),
            Self::Send { .. } => "SendMessage".to_owned(),
            Self::Publish { topic, .. } => format!("Publish {topic}"),
            Self::EndSession { client } => format!("DeleteConnection {client}"),
            Self::S3 { method, uri, .. } => format!("{method} {}", uri.path()),
            Self::Sns(form) => form.get("Action").cloned().unwrap_or_default(),
        }
    }

    /// The sort key of the item that is put, where one is.
    pub fn put_sort_key(&self) -> Option<&str> {
        match self {
            Self::DynamoDb { operation, body } if operation == "PutItem" => body["Item"]["sk"]["S"].as_str(),
            _ => None,
        }
    }

    /// What AWS answers when it throttles this.
    pub fn throttled(&self) -> (u16, String) {
        let json = |kind: &str| format!(r#"{{"__type":"{kind}","message":"slow down"}}"#);
        match self {
            Self::DynamoDb { .. } => {
                (400, json("com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException"))
            }
            Self::Send { .. } => (400, json("com.amazonaws.sqs#RequestThrottled")),
            Self::Publish { .. } | Self::EndSession { .. } => (429, json("ThrottlingException")),
            Self::S3 { .. } => (503, "<Error><Code>SlowDown</Code><Message>slow down</Message></Error>".to_owned()),
            Self::Kms { .. } => (400, json("ThrottlingException")),
            Self::Sns(_) => (
                400,
                "<ErrorResponse xmlns=\"http://sns.amazonaws.com/doc/2010-03-31/\"><Error><Type>Sender</Type>\
                 <Code>Throttling</Code><Message>Rate exceeded</Message></Error></ErrorResponse>"
                    .to_owned(),
            ),
        }
    }
}
