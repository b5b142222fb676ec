//! What goes out: one envelope for every answer, one error type for every refusal and failure.

use axum::body::Body;
use axum::extract::Request;
use axum::http::header::{ACCEPT_LANGUAGE, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use ilock_auth::TokenRefused;
use ilock_call::Refusal;
use ilock_directory::DirectoryError;
use ilock_env::NoRandomness;
use ilock_events::{Envelope, Language};
use ilock_log::LogError;
use ilock_notify::CarrierError;
use serde::Serialize;
use serde_json::{Value, json};

use crate::metrics;

/// A good answer: `code` 0 and this as `data`.
#[derive(Debug)]
pub struct Reply<T>(pub T);

/// Every way in which an answer is not what was asked for.
#[derive(Debug, thiserror::Error)]
pub enum ApiError {
    /// A field is missing, of the wrong type, or breaks its rule.
    /// The rule may quote what was sent, so it goes into the answer and never into a log.
    #[error("{field} breaks its rule")]
    Field {
        /// Which: a path in the body, a header, or a part of the address.
        field: String,
        /// What would be right.
        rule: String,
    },
    /// The body is larger than is ever needed.
    #[error("the body is larger than {most} bytes")]
    TooLarge {
        /// The most that is taken.
        most: usize,
    },
    /// No token, or one that does not count.
    #[error("not authenticated: {0}")]
    Unauthenticated(String),
    /// The token is good, but not for this.
    #[error("forbidden: {0}")]
    Forbidden(&'static str),
    /// There is no such thing, or none that the asker may know of.
    #[error("no such {0}")]
    NotFound(&'static str),
    /// There is no such route, or it takes another method.
    #[error("no such route")]
    NoRoute(StatusCode),
    /// The domain's own answer.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The id belongs to another tenant.
    #[error("this id belongs to another tenant")]
    IdTaken,
    /// Others are at it; asking again is right.
    #[error("busy")]
    Busy,
    /// The log.
    #[error(transparent)]
    Log(LogError),
    /// The directory.
    #[error(transparent)]
    Directory(#[from] DirectoryError),
    /// The ring timer: without it no call is placed.
    #[error(transparent)]
    Timer(CarrierError),
    /// Something that cannot be, was.
    #[error("internal: {0}")]
    Internal(String),
}

impl ApiError {
    /// A field that breaks its rule.
    pub fn field(field: impl Into<String>, rule: impl Into<String>) -> Self {
        Self::Field { field: field.into(), rule: rule.into() }
    }
}

impl From<LogError> for ApiError {
    fn from(error: LogError) -> Self {
        match error {
            LogError::Contended { .. } => Self::Busy,
            other => Self::Log(other),
        }
    }
}

impl From<NoRandomness> for ApiError {
    fn from(error: NoRandomness) -> Self {
        Self::Internal(error.to_string())
    }
}

impl From<TokenRefused> for ApiError {
    fn from(refused: TokenRefused) -> Self {
        match refused {
            TokenRefused::KeysUnavailable => Self::Busy,
            other => Self::Unauthenticated(other.to_string()),
        }
    }
}

/// Stable numbers, HTTP status first, and what to say, in Chinese and English.
struct Wording {
    status: StatusCode,
    code: u32,
    zh: String,
    en: String,
    data: Value,
}

fn wording(status: StatusCode, code: u32, zh: impl Into<String>, en: impl Into<String>, data: Value) -> Wording {
    Wording { status, code, zh: zh.into(), en: en.into(), data }
}

/// So long a client waits before it asks again, in seconds.
const RETRY_SECONDS: u32 = 1;

impl ApiError {
    fn wording(&self) -> Wording {
        use StatusCode as S;
        match self {
            Self::Field { field, rule } => wording(
                S::BAD_REQUEST,
                40_001,
                format!("参数 {field} 有误"),
                format!("{field}: {rule}"),
                json!({ "field": field, "rule": rule }),
            ),
            Self::TooLarge { most } => wording(
                S::BAD_REQUEST,
                40_002,
                format!("请求体超过 {most} 字节"),
                format!("body: at most {most} bytes"),
                json!({ "field": "body", "rule": format!("at most {most} bytes") }),
            ),
            Self::Unauthenticated(why) => {
                wording(S::UNAUTHORIZED, 40_101, "未通过身份验证", "Not authenticated", json!({ "reason": why }))
            }
            Self::Forbidden(why) => {
                wording(S::FORBIDDEN, 40_301, "无权执行此操作", "Forbidden", json!({ "reason": why }))
            }
            Self::NotFound(what) => {
                let (zh, code) = if *what == "call" { ("通话不存在", 40_401) } else { ("不存在", 40_402) };
                wording(S::NOT_FOUND, code, zh, format!("No such {what}"), Value::Null)
            }
            Self::NoRoute(status) => {
                wording(*status, u32::from(status.as_u16()) * 100, "接口不存在", "No such route", Value::Null)
            }
            Self::Refused(refusal) => refused(refusal),
            Self::IdTaken => wording(
                S::CONFLICT,
                40_904,
                "该标识已属于其他租户",
                "This id belongs to another tenant",
                json!({ "field": "sub" }),
            ),
            Self::Busy => busy(50_301),
            Self::Log(LogError::Store { .. }) | Self::Directory(DirectoryError::Store { .. }) => busy(50_302),
            Self::Timer(_) => busy(50_303),
            Self::Log(_) | Self::Directory(_) | Self::Internal(_) => {
                wording(S::INTERNAL_SERVER_ERROR, 50_001, "服务器内部错误", "Internal error", Value::Null)
            }
        }
    }
}

fn busy(code: u32) -> Wording {
    let data = json!({ "retry_after": RETRY_SECONDS });
    wording(StatusCode::SERVICE_UNAVAILABLE, code, "服务繁忙，请稍后重试", "Busy, please try again", data)
}

fn refused(refusal: &Refusal) -> Wording {
    use StatusCode as S;
    let en = refusal.to_string();
    match refusal {
        Refusal::NoSuchCall => wording(S::NOT_FOUND, 40_401, "通话不存在", "No such call", Value::Null),
        Refusal::NotYours => wording(S::FORBIDDEN, 40_301, "无权执行此操作", en.clone(), json!({ "reason": en })),
        Refusal::TooLate { state, winner } => {
            wording(S::CONFLICT, 40_901, "通话状态已改变", en, json!({ "state": state, "winner": winner }))
        }
        Refusal::NotAnswered => wording(S::CONFLICT, 40_902, "通话尚未接听", en, json!({ "state": "ringing" })),
        Refusal::StillRinging { deadline } => {
            wording(S::CONFLICT, 40_903, "通话仍在响铃", en, json!({ "state": "ringing", "expires_at": deadline }))
        }
        Refusal::AlreadyPlaced => wording(S::CONFLICT, 40_905, "通话已存在", en, Value::Null),
        Refusal::CallsSelf => {
            let rule = "must not be the caller itself";
            wording(S::BAD_REQUEST, 40_001, "不能呼叫自己", en, json!({ "field": "callee_id", "rule": rule }))
        }
        Refusal::RingSeconds => wording(
            S::BAD_REQUEST,
            40_001,
            "参数 ring_seconds 有误：5 到 120",
            en,
            json!({ "field": "ring_seconds", "rule": "5 to 120" }),
        ),
        Refusal::KeyReused => wording(
            S::UNPROCESSABLE_ENTITY,
            42_201,
            "Idempotency-Key 已用于其他请求",
            en,
            json!({ "field": "Idempotency-Key" }),
        ),
    }
}

/// An answer that has no language yet; [`in_language`] gives it one.
#[derive(Clone)]
struct Unworded {
    code: u32,
    zh: String,
    en: String,
    data: Value,
}

fn unworded(status: StatusCode, answer: Unworded) -> Response {
    let mut response = status.into_response();
    response.extensions_mut().insert(answer);
    response
}

impl<T: Serialize> IntoResponse for Reply<T> {
    fn into_response(self) -> Response {
        match serde_json::to_value(self.0) {
            Ok(data) => unworded(StatusCode::OK, Unworded { code: 0, zh: "成功".into(), en: "OK".into(), data }),
            Err(error) => ApiError::Internal(error.to_string()).into_response(),
        }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let Wording { status, code, zh, en, data } = self.wording();
        if matches!(self, Self::Refused(_)) {
            ::metrics::counter!(metrics::REFUSALS, "Code" => code.to_string()).increment(1);
        }
        if status.is_server_error() {
            let cause = std::error::Error::source(&self).map(ToString::to_string);
            tracing::error!(code, cause, "{self}");
        } else {
            tracing::info!(code, "{self}");
        }
        let mut response = unworded(status, Unworded { code, zh, en, data });
        match status {
            StatusCode::SERVICE_UNAVAILABLE => {
                response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(RETRY_SECONDS));
            }
            // RFC 9110, 11.6.1.
            StatusCode::UNAUTHORIZED => {
                response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
            }
            _ => {}
        }
        response
    }
}

/// Writes the envelope of every answer in the language that was asked for: Chinese, unless English is preferred.
pub async fn in_language(request: Request, next: Next) -> Response {
    let english = prefers_english(request.headers());
    let mut response = next.run(request).await;
    let Some(answer) = response.extensions_mut().remove::<Unworded>() else { return response };
    let message = if english { answer.en } else { answer.zh };
    let envelope = Envelope { code: answer.code, message, data: answer.data };
    match serde_json::to_vec(&envelope) {
        Ok(body) => {
            let (mut parts, _) = response.into_parts();
            parts.headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
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
