//! What goes out: one envelope for every answer, in the language of whoever asks.

use axum::body::Body;
use axum::extract::Request;
use axum::http::header::{ACCEPT_LANGUAGE, CACHE_CONTROL, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use ilock_events::{Envelope, Language};
use serde::Serialize;
use serde_json::Value;

use crate::error::ApiError;

/// A good answer: `code` 0 and this as `data`.
#[derive(Debug)]
pub struct Reply<T>(pub T);

/// On an answer that tells of something done before, by a request under the same key or by an earlier press: `true`.
pub const REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");

/// A good answer, and whether it repeats what was done before: then a header says so.
#[derive(Debug)]
pub struct Repeatable<T> {
    pub data: T,
    pub replayed: bool,
}

impl<T: Serialize> IntoResponse for Repeatable<T> {
    fn into_response(self) -> Response {
        let mut response = Reply(self.data).into_response();
        if self.replayed {
            response.headers_mut().insert(REPLAYED, HeaderValue::from_static("true"));
        }
        response
    }
}

/// An answer that has no language yet; [`in_language`] gives it one.
#[derive(Clone)]
pub(super) struct PendingReply {
    pub code: u32,
    pub zh: String,
    pub en: String,
    pub data: Value,
}

impl PendingReply {
    pub(super) fn into_response_with(self, status: StatusCode) -> Response {
        let mut response = status.into_response();
        response.extensions_mut().insert(self);
        response
    }
}

impl<T: Serialize> IntoResponse for Reply<T> {
    fn into_response(self) -> Response {
        match serde_json::to_value(self.0) {
            Ok(data) => {
                PendingReply { code: 0, zh: "成功".into(), en: "OK".into(), data }.into_response_with(StatusCode::OK)
            }
            Err(error) => ApiError::Internal(error.to_string()).into_response(),
        }
    }
}

/// Writes the envelope of every answer in the language that was asked for: Chinese, unless English is preferred.
pub async fn in_language(request: Request, next: Next) -> Response {
    let english = prefers_english(request.headers());
    let mut response = next.run(request).await;
    let Some(answer) = response.extensions_mut().remove::<PendingReply>() else { return response };
    let message = if english { answer.en } else { answer.zh };
    let envelope = Envelope { code: answer.code, message, data: answer.data };
    match serde_json::to_vec(&envelope) {
        Ok(body) => {
            let (mut parts, _) = response.into_parts();
            parts.headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
            // Passwords, keys and room credentials are in many of them: none is to lie in a cache.
            parts.headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
            parts.headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
            Response::from_parts(parts, Body::from(body))
        }
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

/// The language of whoever asks.
#[must_use]
pub fn language_of(headers: &HeaderMap) -> Language {
    if prefers_english(headers) { Language::En } else { Language::Zh }
}

/// Whether English stands before Chinese in `Accept-Language` (RFC 9110, 12.5.4).
fn prefers_english(headers: &HeaderMap) -> bool {
    let wanted = headers.get(ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let weight = |language: &str| {
        wanted
            .split(',')
            .filter_map(|range| {
                let mut parts = range.trim().split(';');
                let tag = parts.next()?.trim().to_ascii_lowercase();
                let named = tag == language || tag.strip_prefix(language).is_some_and(|rest| rest.starts_with('-'));
                let q = parts.find_map(|part| part.trim().strip_prefix("q=")).map_or(Ok(1.0), str::parse::<f32>);
                named.then_some(q.unwrap_or(0.0))
            })
            .fold(0.0, f32::max)
    };
    weight("en") > weight("zh")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chinese_unless_english_is_preferred() {
        for (header, english) in [
            ("", false),
            ("en", true),
            ("en-GB,en;q=0.9", true),
            ("zh-CN,zh;q=0.9,en;q=0.8", false),
            ("zh;q=0.2, en;q=0.7", true),
            ("fr", false),
            ("en;q=nonsense", false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(ACCEPT_LANGUAGE, HeaderValue::from_static(header));
            assert_eq!(prefers_english(&headers), english, "{header:?}");
        }
    }
}
