//! What comes in beside the token: the JSON body, and ids in the address.

use axum::body::to_bytes;
use axum::extract::{FromRequest, Request};
use ilock_events::{BadId, CallId};
use serde::de::DeserializeOwned;

use crate::error::ApiError;

/// The largest body that is read, in bytes.
pub const MAX_BODY: usize = 16 * 1024;

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

/// The body, as JSON of type `T`. What is wrong is answered with the path of the field that it is wrong in.
#[derive(Debug)]
pub struct JsonBody<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for JsonBody<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, _: &S) -> Result<Self, ApiError> {
        let body = to_bytes(request.into_body(), MAX_BODY).await.map_err(|_| ApiError::TooLarge { most: MAX_BODY })?;
        // serde would take an array for an object whose fields have no names.
        if body.trim_ascii_start().first() != Some(&b'{') {
            return Err(ApiError::field("body", "must be a JSON object"));
        }
        let mut json = serde_json::Deserializer::from_slice(&body);
        let asked: T = serde_path_to_error::deserialize(&mut json).map_err(|error| {
            let path = error.path().to_string();
            named(&path, &error.into_inner())
        })?;
        json.end().map_err(|error| named(".", &error))?;
        Ok(Self(asked))
    }
}

fn named(path: &str, error: &serde_json::Error) -> ApiError {
    let said = error.to_string();
    let rule = said.split(" at line ").next().unwrap_or_default().to_owned();
    if !error.is_data() {
        return ApiError::field("body", format!("must be JSON: {rule}"));
    }
    if let Some(missing) = rule.strip_prefix("missing field `").and_then(|rest| rest.strip_suffix('`')) {
        return ApiError::field(missing, "is missing");
    }
    ApiError::field(if path == "." { "body" } else { path }, rule)
}

/// That `text` in `field` has at most `most` bytes and no control characters.
///
/// # Errors
/// 400.
pub fn short(field: &str, text: Option<&String>, most: usize) -> Result<(), ApiError> {
    match text {
        Some(text) if text.len() > most => Err(ApiError::field(field, format!("must have at most {most} bytes"))),
        Some(text) if text.chars().any(char::is_control) => {
            Err(ApiError::field(field, "must not contain control characters"))
        }
        _ => Ok(()),
    }
}
