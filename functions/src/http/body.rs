//! What comes in beside the token: the JSON body, and ids in the address.

use std::time::Duration;

use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{FromRequest, Request};
use axum::http::HeaderMap;
use axum::http::header::CONTENT_ENCODING;
use ilock_events::app_json::normalize;
use ilock_events::{BadId, CallId};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::error::ApiError;
use crate::http::body_error::{self, MAX_DEPTH};

/// The largest body that is read, in bytes. Two texts of 4 KB fit in, with every character escaped: `\ud83d\ude00` for the four
/// bytes of an emoji.
pub const MAX_BODY: usize = 32 * 1024;

/// How long a body may take, in seconds. It ends before the time of the whole request does, which is ours to keep.
const BODY_SECONDS: u64 = 5;

/// The whole body, as it was written.
///
/// # Errors
/// 415 where it is encoded, 413 where it is too large, 408 where it does not come to its end (RFC 9110, 15.5.9).
pub async fn read_body(headers: &HeaderMap, body: Body) -> Result<Bytes, ApiError> {
    if !is_plain(headers) {
        return Err(ApiError::Encoded);
    }
    match tokio::time::timeout(Duration::from_secs(BODY_SECONDS), to_bytes(body, MAX_BODY)).await {
        Ok(read) => read.map_err(|_| ApiError::TooLarge { most: MAX_BODY }),
        Err(_) => Err(ApiError::TooSlow { seconds: BODY_SECONDS }),
    }
}

/// What a broken id in `field` is answered with.
#[must_use]
pub fn bad_id(field: &str, bad: &BadId) -> ApiError {
    ApiError::field(field, bad.to_string())
}

/// A call id out of the address.
///
/// # Errors
/// 400 when it cannot be one.
pub fn call_id(text: &str) -> Result<CallId, ApiError> {
    CallId::new(text).map_err(|bad| bad_id("call_id", &bad))
}

const DEFAULT_PAGE: u16 = 20;
const MAX_PAGE: u16 = 100;

/// How many entries a page may have: what `limit` says.
///
/// # Errors
/// 400.
pub fn page_limit(text: Option<&str>) -> Result<u16, ApiError> {
    let Some(text) = text else { return Ok(DEFAULT_PAGE) };
    text.parse()
        .ok()
        .filter(|limit| (1..=MAX_PAGE).contains(limit))
        .ok_or_else(|| ApiError::field("limit", format!("must be 1 to {MAX_PAGE}")))
}

/// The body, as JSON of type `T`, as apps' languages write it ([`normalize`]). What is wrong is answered with the path of the
/// field that it is wrong in.
#[derive(Debug)]
pub struct JsonBody<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for JsonBody<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, _: &S) -> Result<Self, ApiError> {
        let (parts, body) = request.into_parts();
        let body = read_body(&parts.headers, body).await?;
        // RFC 4627, 3: in UTF-16 and UTF-32 one of the first four bytes is zero.
        let other = body.iter().take(4).any(|byte| *byte == 0);
        let text = normalize(&body).ok().filter(|_| !other);
        let text = text.ok_or_else(|| ApiError::field("body", "must be JSON in UTF-8"))?;
        // serde would take an array for an object whose fields have no names.
        if !text.trim_ascii_start().starts_with('{') {
            return Err(ApiError::field("body", "must be a JSON object"));
        }
        let mut json = serde_json::Deserializer::from_str(&text);
        let asked: T = serde_path_to_error::deserialize(&mut json)
            .map_err(|error| body_error::refused(&error.path().to_string(), error.inner()))?;
        json.end().map_err(|error| body_error::refused(".", &error))?;
        Ok(Self(asked))
    }
}

/// Whether the body is as it was written, and not compressed (RFC 9110, 8.4).
fn is_plain(headers: &HeaderMap) -> bool {
    let mut encodings =
        headers.get_all(CONTENT_ENCODING).iter().flat_map(|value| value.as_bytes().split(|b| *b == b','));
    encodings.all(|one| matches!(one.trim_ascii(), b"") || one.trim_ascii().eq_ignore_ascii_case(b"identity"))
}

/// That `text` in `field` has at most `most` characters, none of them a control character.
///
/// # Errors
/// 400.
pub fn short(field: &str, text: Option<&String>, most: usize) -> Result<(), ApiError> {
    match text {
        Some(text) if text.chars().count() > most => {
            Err(ApiError::field(field, format!("must have at most {most} characters")))
        }
        Some(text) if text.chars().any(char::is_control) => {
            Err(ApiError::field(field, "must not contain control characters"))
        }
        _ => Ok(()),
    }
}

/// That no value of `fields` in `field` has more levels than phones read.
///
/// # Errors
/// 400.
pub fn shallow(field: &str, fields: Option<&Map<String, Value>>) -> Result<(), ApiError> {
    let depth = 1 + fields.map_or(0, |fields| fields.values().map(levels).max().unwrap_or(0));
    if depth > MAX_DEPTH { Err(ApiError::field(field, body_error::too_deep())) } else { Ok(()) }
}

/// `serde_json` has refused what has more than 128.
fn levels(value: &Value) -> usize {
    match value {
        Value::Array(items) => 1 + items.iter().map(levels).max().unwrap_or(0),
        Value::Object(fields) => 1 + fields.values().map(levels).max().unwrap_or(0),
        _ => 0,
    }
}
