//! What an HTTP answer means, before anybody looks at what it was asked for.

use ilock_events::{CallState, ErrorData};
use serde::Deserialize;
use serde_json::Value;

use crate::codes::{BACKEND_FAULT, LEAST_OF_BACKEND, NO_ANSWER, TOKEN_REFUSED, UNREADABLE};

/// The most that a `Retry-After` is believed: an hour.
const LONGEST_WAIT_S: u64 = 3_600;

/// A refusal, with what the backend said.
#[derive(Debug, Clone, Default)]
pub(crate) struct Refused {
    pub code: u32,
    pub message: String,
    /// What is wrong and what would be right, of a 40001.
    pub rule: Option<String>,
    /// Whether that is the name of the client that asks: the backend does not know it, or not any more.
    pub client_unknown: bool,
    /// Where the call stands, of a 40901.
    pub state: Option<CallState>,
    pub winner: Option<String>,
}

/// What to do with an answer.
#[derive(Debug, Clone)]
pub(crate) enum Verdict {
    /// It was done; this is the answer's `data`.
    Done(Value),
    /// It was not done, or that is not known: the same again, after so many milliseconds at least.
    Again { after_ms: Option<u64>, code: u32 },
    /// The access token is not accepted.
    Token,
    /// This client was logged out.
    LoggedOut,
    /// It was refused for good.
    Refused(Refused),
}

#[derive(Deserialize)]
struct Envelope {
    code: u32,
    #[serde(default)]
    message: String,
    #[serde(default)]
    data: Value,
}

/// Whether `body` is the backend's own. Nobody else's `Date` is believed.
pub(crate) fn is_ours(body: &str) -> bool {
    serde_json::from_str::<Envelope>(body).is_ok()
}

/// Judges an answer by its status first, because a gateway answers in its own form.
pub(crate) fn classify(status: u16, retry_after: Option<&str>, body: &str) -> Verdict {
    let seconds = retry_after.and_then(|text| text.trim().parse::<u64>().ok());
    let after_ms = seconds.map(|seconds| seconds.min(LONGEST_WAIT_S).saturating_mul(1_000));
    let Ok(envelope) = serde_json::from_str::<Envelope>(body) else {
        return if status == 401 { Verdict::Token } else { Verdict::Again { after_ms, code: NO_ANSWER } };
    };
    let code = envelope.code;
    match code {
        0 if (200..300).contains(&status) => Verdict::Done(envelope.data),
        TOKEN_REFUSED => Verdict::Token,
        40302 => Verdict::LoggedOut,
        BACKEND_FAULT => refused(envelope),
        // 408: the network was too slow for the body.
        _ if status == 408 || status == 429 || status >= 500 => {
            Verdict::Again { after_ms, code: of_backend(code, NO_ANSWER) }
        }
        _ => refused(envelope),
    }
}

/// `code`, where it is one of the backend's. What stands between may answer in the same form, with numbers of its own.
fn of_backend(code: u32, otherwise: u32) -> u32 {
    if code < LEAST_OF_BACKEND { otherwise } else { code }
}

fn refused(Envelope { code, message, data }: Envelope) -> Verdict {
    let data: ErrorData = serde_json::from_value(data).unwrap_or_default();
    let client_unknown = code == 40001 && data.field.as_deref() == Some("client_id");
    let rule = data.field.zip(data.rule).map(|(field, rule)| sentence(&field, &rule));
    let code = of_backend(code, UNREADABLE);
    Verdict::Refused(Refused { code, message, rule, client_unknown, state: data.state, winner: data.winner })
}

/// What is wrong with `field`, as a sentence. A rule comes without its subject, `must be there once`; as a sentence of its own,
/// `a client id must be 1 to 52 of …`; or it says only what would be right, `5 to 120`.
fn sentence(field: &str, rule: &str) -> String {
    const VERBS: [&str; 4] = ["must", "is", "has", "does"];
    let mut words = rule.split_whitespace();
    if words.next().is_some_and(|first| VERBS.contains(&first)) {
        format!("{field} {rule}")
    } else if words.any(|word| VERBS.contains(&word)) {
        format!("{field}: {rule}")
    } else {
        format!("{field} must be {rule}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gateway_that_refuses_is_asked_again() {
        let gateway = r#"{"message":"Too Many Requests"}"#;
        for (status, body) in [(429, gateway), (500, gateway), (504, ""), (200, "<html>log in to the Wi-Fi</html>")] {
            assert!(matches!(classify(status, None, body), Verdict::Again { after_ms: None, code: 0 }), "{status}");
        }
        let busy = r#"{"code":50302,"message":"","data":{"retry_after":3}}"#;
        assert!(matches!(classify(503, Some("3"), busy), Verdict::Again { after_ms: Some(3_000), code: 50302 }));
        let stranger = r#"{"code":3,"message":"upstream connect error"}"#;
        assert!(matches!(classify(503, None, stranger), Verdict::Again { after_ms: None, code: NO_ANSWER }));
        let slow = r#"{"code":40801,"message":"","data":{"field":"body","rule":"must arrive within 5 seconds"}}"#;
        assert!(matches!(classify(408, None, slow), Verdict::Again { after_ms: None, code: 40801 }));
        let limit = r#"{"code":42901,"message":"","data":null}"#;
        assert!(matches!(classify(429, Some("x"), limit), Verdict::Again { after_ms: None, code: 42901 }));
    }

    #[test]
    fn refusals_say_what_would_be_right() {
        let body = r#"{"code":40001,"message":"m","data":{"field":"ring_seconds","rule":"5 to 120"}}"#;
        let Verdict::Refused(refused) = classify(400, None, body) else { panic!() };
        assert_eq!(refused.rule.as_deref(), Some("ring_seconds must be 5 to 120"));
        for (field, rule, said) in [
            ("limit", "must be 1 to 100", "limit must be 1 to 100"),
            ("callee_id", "is missing", "callee_id is missing"),
            ("voip_token", "is for iOS only", "voip_token is for iOS only"),
            ("client_id", "a client id must be 1 to 52 of A-Z", "client_id: a client id must be 1 to 52 of A-Z"),
            ("push_token", "fcm does not take it", "push_token: fcm does not take it"),
            ("state", "ringing, or active", "state must be ringing, or active"),
        ] {
            let body = format!(r#"{{"code":40001,"message":"m","data":{{"field":"{field}","rule":"{rule}"}}}}"#);
            let Verdict::Refused(refused) = classify(400, None, &body) else { panic!() };
            assert_eq!(refused.rule.as_deref(), Some(said));
        }
        let lost = r#"{"code":40901,"message":"m","data":{"state":"active","winner":"w"}}"#;
        let Verdict::Refused(refused) = classify(409, None, lost) else { panic!() };
        assert_eq!((refused.state, refused.winner.as_deref()), (Some(CallState::Active), Some("w")));
        assert!(matches!(classify(401, None, "no"), Verdict::Token));
        assert!(matches!(classify(403, None, r#"{"code":40302,"message":"","data":null}"#), Verdict::LoggedOut));
        assert!(matches!(classify(500, None, r#"{"code":50001,"message":"","data":null}"#), Verdict::Refused(_)));
        let Verdict::Refused(refused) = classify(404, None, r#"{"code":5,"message":"Not Found"}"#) else { panic!() };
        assert_eq!(refused.code, UNREADABLE, "a stranger's number is none of ours");
    }
}
