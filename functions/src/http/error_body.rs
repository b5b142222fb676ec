//! What an error is answered with: a status, a stable number, and words in Chinese and English.

use axum::http::header::{RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use ilock_call::Refusal;
use ilock_directory::{DirectoryError, MAX_BLOCKS};
use ilock_events::Day;
use ilock_log::LogError;
use ilock_log::ledger::LedgerError;
use serde_json::{Value, json};

use super::response::PendingReply;
use crate::error::{ApiError, TooMany};
use crate::metrics;

/// Stable numbers, HTTP status first, and what to say, in Chinese and English.
struct ErrorBody {
    status: StatusCode,
    code: u32,
    zh: String,
    en: String,
    data: Value,
}

fn body(status: StatusCode, code: u32, zh: impl Into<String>, en: impl Into<String>, data: Value) -> ErrorBody {
    ErrorBody { status, code, zh: zh.into(), en: en.into(), data }
}

/// How long a client waits before it asks again, in seconds.
const RETRY_SECONDS: u32 = 1;

impl ApiError {
    fn body(&self) -> ErrorBody {
        use StatusCode as S;
        match self {
            Self::Field { field, rule } => body(
                S::BAD_REQUEST,
                40_001,
                format!("参数 {field} 有误"),
                format!("{field}: {rule}"),
                json!({ "field": field, "rule": rule }),
            ),
            Self::TooLarge { most } => {
                let zh = format!("请求体超过 {most} 字节");
                of_body(S::PAYLOAD_TOO_LARGE, 41_301, zh, &format!("at most {most} bytes"))
            }
            Self::TooSlow { seconds } => {
                let zh = format!("请求体未在 {seconds} 秒内全部到达");
                of_body(S::REQUEST_TIMEOUT, 40_801, zh, &format!("must arrive within {seconds} seconds"))
            }
            Self::Encoded => body(
                S::UNSUPPORTED_MEDIA_TYPE,
                41_501,
                "请求体不得压缩或以其他方式编码",
                "Content-Encoding: the body must not be compressed",
                json!({ "field": "Content-Encoding", "rule": "must be absent: the body is not compressed" }),
            ),
            Self::Unauthenticated(why) => {
                body(S::UNAUTHORIZED, 40_101, "未通过身份验证", "Not authenticated", json!({ "reason": why }))
            }
            Self::Forbidden(why) => body(S::FORBIDDEN, 40_301, "无权执行此操作", "Forbidden", json!({ "reason": why })),
            Self::LoggedOut => body(
                S::FORBIDDEN,
                40_302,
                "登录已失效，请重新登录",
                "Logged out: log in again",
                json!({ "reason": "the login that this token comes from was ended" }),
            ),
            Self::TooOften(what) => too_often(*what),
            Self::TooManyBlocks => too_many_blocks(),
            Self::NotFound(what) => {
                let (zh, code) = if *what == "call" { ("通话不存在", 40_401) } else { ("不存在", 40_402) };
                body(S::NOT_FOUND, code, zh, format!("No such {what}"), Value::Null)
            }
            Self::Archived(day) => archived(day),
            Self::NoRoute => body(S::NOT_FOUND, 40_400, "接口不存在", "No such route", Value::Null),
            Self::WrongMethod => {
                let en = "This route takes another method: see the header Allow";
                body(S::METHOD_NOT_ALLOWED, 40_500, "此接口不支持该请求方法，请见响应头 Allow", en, Value::Null)
            }
            Self::Refused(refusal) => refused(refusal),
            Self::CallsSelf { field } => calls_self(field),
            Self::Busy => busy(50_301),
            Self::Log(LogError::Store { .. })
            | Self::Directory(DirectoryError::Store { .. })
            | Self::Ledger(LedgerError::Store(_)) => busy(50_302),
            Self::Timer(_) => busy(50_303),
            Self::Log(_) | Self::Directory(_) | Self::Ledger(_) | Self::Internal(_) => {
                body(S::INTERNAL_SERVER_ERROR, 50_001, "服务器内部错误", "Internal error", Value::Null)
            }
        }
    }
}

/// What is wrong with a body as a whole.
fn of_body(status: StatusCode, code: u32, zh: String, rule: &str) -> ErrorBody {
    body(status, code, zh, format!("body: {rule}"), json!({ "field": "body", "rule": rule }))
}

fn archived(day: &Day) -> ErrorBody {
    let reason = format!("it is in the archive of {day}: `ilock replay --file DIR/{day}.jsonl.zst` reads it");
    let en = format!("The call was moved into the archive of its day, {day}");
    body(StatusCode::GONE, 41_001, format!("通话已移入 {day} 的归档"), en, json!({ "reason": reason }))
}

fn busy(code: u32) -> ErrorBody {
    let data = json!({ "retry_after": RETRY_SECONDS });
    body(StatusCode::SERVICE_UNAVAILABLE, code, "服务繁忙，请稍后重试", "Busy, please try again", data)
}

fn too_often(what: TooMany) -> ErrorBody {
    let (code, zh, en, retry_after_ms) = match what {
        TooMany::Presses { retry_after_ms } => (42_901, "呼叫过于频繁，请稍后再试", "Too many calls", retry_after_ms),
        TooMany::PressesForOne { retry_after_ms } => {
            (42_902, "对同一人呼叫过于频繁，请稍后再试", "Too many calls to the same person", retry_after_ms)
        }
        TooMany::Strangers { retry_after_ms } => {
            (42_903, "对方正在被多人呼叫，请稍后再试", "Too many strangers are calling this person", retry_after_ms)
        }
        TooMany::Registrations { retry_after_ms } => {
            (42_904, "注册过于频繁，请稍后重试", "Too many registrations", retry_after_ms)
        }
    };
    let seconds = retry_after_ms.max(1).unsigned_abs().div_ceil(1000);
    body(StatusCode::TOO_MANY_REQUESTS, code, zh, en, json!({ "retry_after": seconds }))
}

fn too_many_blocks() -> ErrorBody {
    let zh = format!("最多屏蔽 {MAX_BLOCKS} 个来电者，请先解除一个屏蔽");
    let en = format!("At most {MAX_BLOCKS} callers can be blocked: let one through again first");
    let reason = format!("at most {MAX_BLOCKS} blocks: DELETE /api/blocks?caller_id= ends one");
    body(StatusCode::CONFLICT, 40_906, zh, en, json!({ "reason": reason }))
}

fn calls_self(field: &str) -> ErrorBody {
    let rule = "must not be the caller itself";
    let en = Refusal::CallsSelf.to_string();
    body(StatusCode::BAD_REQUEST, 40_001, "不能呼叫自己", en, json!({ "field": field, "rule": rule }))
}

fn refused(refusal: &Refusal) -> ErrorBody {
    use StatusCode as S;
    let en = refusal.to_string();
    match refusal {
        Refusal::NoSuchCall => body(S::NOT_FOUND, 40_401, "通话不存在", "No such call", Value::Null),
        Refusal::NotYours => body(S::FORBIDDEN, 40_301, "无权执行此操作", en.clone(), json!({ "reason": en })),
        Refusal::TooLate { state, winner } => {
            let data = winner
                .as_ref()
                .map_or_else(|| json!({ "state": state }), |winner| json!({ "state": state, "winner": winner }));
            body(S::CONFLICT, 40_901, "通话状态已改变", en, data)
        }
        Refusal::NotAnswered => body(S::CONFLICT, 40_902, "通话尚未接听", en, json!({ "state": "ringing" })),
        Refusal::StillRinging { ends } => {
            body(S::CONFLICT, 40_903, "通话仍在响铃", en, json!({ "state": "ringing", "expires_at": ends }))
        }
        Refusal::StillActive { ends_by } => {
            body(S::CONFLICT, 40_904, "通话仍在进行", en, json!({ "state": "active", "expires_at": ends_by }))
        }
        Refusal::NobodyThere => body(S::NOT_FOUND, 40_402, "对方没有可呼叫的设备", en, Value::Null),
        Refusal::Callees => {
            let rule = "must be 1 to 20 people, each once";
            body(
                S::BAD_REQUEST,
                40_001,
                "参数 callee_ids 有误：1 到 20 人",
                en,
                json!({ "field": "callee_ids", "rule": rule }),
            )
        }
        Refusal::WhichClient => {
            let rule = "must say which phone declines";
            body(
                S::BAD_REQUEST,
                40_001,
                "参数 client_id 有误：须指明设备",
                en,
                json!({ "field": "client_id", "rule": rule }),
            )
        }
        Refusal::AlreadyPlaced => body(S::CONFLICT, 40_905, "通话已存在", en, Value::Null),
        Refusal::CallsSelf => calls_self("callee_id"),
        Refusal::RingSeconds => body(
            S::BAD_REQUEST,
            40_001,
            "参数 ring_seconds 有误：5 到 120",
            en,
            json!({ "field": "ring_seconds", "rule": "5 to 120" }),
        ),
        Refusal::KeyReused => body(
            S::UNPROCESSABLE_ENTITY,
            42_201,
            "Idempotency-Key 已用于其他请求",
            en,
            json!({ "field": "Idempotency-Key" }),
        ),
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let ErrorBody { status, code, zh, en, data } = self.body();
        if matches!(self, Self::Refused(_) | Self::CallsSelf { .. }) {
            ::metrics::counter!(metrics::REFUSALS, "Code" => code.to_string()).increment(1);
        }
        if status.is_server_error() {
            ::metrics::counter!(metrics::SERVER_ERRORS).increment(1);
            let cause = std::error::Error::source(&self).map(ToString::to_string);
            tracing::error!(code, cause, "{self}");
        } else {
            tracing::info!(code, "{self}");
        }
        let retry_after = data["retry_after"].as_u64();
        let mut response = PendingReply { code, zh, en, data }.into_response_with(status);
        if let Some(seconds) = retry_after {
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        // RFC 9110, 11.6.1.
        if status == StatusCode::UNAUTHORIZED {
            response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}
