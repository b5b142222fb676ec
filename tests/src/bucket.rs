//! The ledger's bucket, as far as a sequencer asks for it: S3's answers, in memory.

use std::collections::BTreeMap;
use std::sync::Mutex;

use axum::body::Bytes;
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use ilock_proof::digest;

/// The bucket's name.
pub const LEDGER_BUCKET: &str = "ledger";

/// Objects by their keys.
#[derive(Default)]
pub struct Objects(Mutex<BTreeMap<String, Bytes>>);

/// The key in the ledger's bucket that a path names; empty for the bucket itself.
pub fn ledger_key(path: &str) -> Option<&str> {
    let rest = path.strip_prefix('/')?.strip_prefix(LEDGER_BUCKET)?;
    if rest.is_empty() { Some("") } else { rest.strip_prefix('/') }
}

/// The actions of a request as IAM sees them, each with its resource.
pub fn actions(method: &Method, key: &str, headers: &HeaderMap) -> Vec<(String, String)> {
    let resource = format!("{LEDGER_BUCKET}/{key}");
    let action = match *method {
        Method::PUT => "s3:PutObject",
        Method::DELETE => "s3:DeleteObject",
        _ if key.is_empty() => "s3:ListBucket",
        _ => "s3:GetObject",
    };
    let mut actions = vec![(action.to_owned(), resource.clone())];
    if headers.contains_key("x-amz-object-lock-mode") {
        actions.push(("s3:PutObjectRetention".to_owned(), resource));
    }
    actions
}

fn error(status: StatusCode, code: &str) -> Response {
    let body = format!("<Error><Code>{code}</Code><Message>{code}</Message></Error>");
    (status, [("content-type", "application/xml")], body).into_response()
}

fn tag(bytes: &[u8]) -> String {
    format!("\"{}\"", &digest(bytes)[..32])
}

impl Objects {
    pub fn answer(&self, method: &Method, uri: &Uri, headers: &HeaderMap, body: Bytes) -> Response {
        let key = ledger_key(uri.path()).unwrap().to_owned();
        let mut objects = self.0.lock().unwrap();
        let there = objects.get(&key).cloned();
        let header = |name: &str| headers.get(name).map(|value| value.to_str().unwrap().to_owned());
        match *method {
            Method::PUT => {
                let fits = match (header("if-match"), header("if-none-match")) {
                    (Some(tagged), None) => there.is_some_and(|bytes| tag(&bytes) == tagged),
                    (None, Some(any)) => any == "*" && there.is_none(),
                    other => panic!("an object is written without knowing what stands there: {other:?}"),
                };
                if !fits {
                    return error(StatusCode::PRECONDITION_FAILED, "PreconditionFailed");
                }
                let tag = tag(&body);
                objects.insert(key, body);
                (StatusCode::OK, [("etag", tag)]).into_response()
            }
            Method::DELETE => {
                objects.remove(&key);
                StatusCode::NO_CONTENT.into_response()
            }
            _ if key.is_empty() => {
                let query: BTreeMap<String, String> =
                    form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes()).into_owned().collect();
                let listed = objects.keys().filter(|key| key.starts_with(&query["prefix"]));
                let listed =
                    listed.flat_map(|key| ["<Contents><Key>", key.as_str(), "</Key></Contents>"]).collect::<String>();
                let body = format!("<ListBucketResult><IsTruncated>false</IsTruncated>{listed}</ListBucketResult>");
                (StatusCode::OK, [("content-type", "application/xml")], body).into_response()
            }
            _ => match there {
                Some(bytes) => (StatusCode::OK, [("etag", tag(&bytes))], bytes).into_response(),
                None => error(StatusCode::NOT_FOUND, "NoSuchKey"),
            },
        }
    }
}
