//! Firebase Cloud Messaging by its HTTP v1 API.
//!
//! From Google's pages: "Send a Message using FCM HTTP v1 API" (the request), "REST Resource: projects.messages" and "Method:
//! projects.messages.send" (its forms), "ErrorCode" and "FCM Error Codes" (the answers), "Best practices when sending FCM
//! messages at scale" (`retry-after`), "Manage FCM registration tokens" (which tokens are stale).

use std::sync::Arc;
use std::time::Duration;

use ilock_events::PushService;
use ilock_notify::push::{PushError, PushRequest};
use serde_json::{Value, json};

use super::access::{AccessIssuer, AccessToken};
use super::provider::{HttpAnswer, PushProvider, Verdict, Wait};

/// Where FCM is.
pub const FCM_URL: &str = "https://fcm.googleapis.com";

/// "If no retry-after header is set, default to 60 seconds": "Best practices when sending FCM messages at scale", of 429.
const QUOTA_PAUSE: Duration = Duration::from_mins(1);

pub struct Fcm {
    url: String,
    issuer: Arc<dyn AccessIssuer>,
}

impl Fcm {
    /// FCM at `url`, with the access tokens of `issuer`.
    #[must_use]
    pub fn new(url: impl Into<String>, issuer: Arc<dyn AccessIssuer>) -> Self {
        Self { url: url.into(), issuer }
    }
}

impl PushProvider for Fcm {
    fn service(&self) -> PushService {
        PushService::Gcm
    }

    fn issuer(&self) -> Arc<dyn AccessIssuer> {
        self.issuer.clone()
    }

    /// `POST /v1/projects/{project_id}/messages:send`, `{"message": {"token": …}}`. What SNS is given has the same message.
    fn request(&self, token: &str, push: &PushRequest, access: &AccessToken) -> Result<(String, Value), PushError> {
        let refused = |error: serde_json::Error| PushError::Refused(error.to_string());
        let mut payload: Value = serde_json::from_str(&push.payload).map_err(refused)?;
        let mut message = payload["fcmV1Message"]["message"].take();
        if !message.is_object() {
            return Err(PushError::Refused("no message for FCM".into()));
        }
        message["token"] = token.into();
        Ok((format!("{}/v1/projects/{}/messages:send", self.url, access.project), json!({ "message": message })))
    }

    fn verdict(&self, answer: &HttpAnswer) -> Verdict {
        if answer.status == 200 {
            return Verdict::Taken(answer.body["name"].as_str().map(str::to_owned));
        }
        let error = &answer.body["error"];
        let code = error_code(error);
        let why = match (code, error["status"].as_str()) {
            (Some(code), _) => code.to_owned(),
            (None, Some(status)) => format!("{} {status}", answer.status),
            (None, None) => format!("HTTP status {}", answer.status),
        };
        match (answer.status, code) {
            (404, Some("UNREGISTERED")) => Verdict::Retired(why),
            (400, Some("INVALID_ARGUMENT")) if is_about_the_token(error) => Verdict::Retired(why),
            // That of Apple, which the operator gave to Firebase: another access token would not help.
            (401, Some("THIRD_PARTY_AUTH_ERROR")) => Verdict::Refused(why),
            (401, _) => Verdict::Unauthorized(why),
            // The quota of this phone, or of all messages: each finds out by itself, and a phone that is rung too often does
            // not silence the others.
            (429, _) => Verdict::Busy(why, Wait::Phone(answer.retry_after.unwrap_or(QUOTA_PAUSE))),
            (500.., _) => Verdict::Busy(why, answer.retry_after.map_or(Wait::Unsaid, Wait::Service)),
            // SENDER_ID_MISMATCH too: the token is of another project than the account, and which of the two is wrong only the
            // operator knows. Where it is the account, all tokens would be retired.
            _ => Verdict::Refused(why),
        }
    }
}

/// FCM's own code, in the details of an error.
fn error_code(error: &Value) -> Option<&str> {
    let details = error["details"].as_array()?;
    details.iter().find(|detail| is_of(detail, "google.firebase.fcm.v1.FcmError"))?["errorCode"].as_str()
}

fn is_of(detail: &Value, kind: &str) -> bool {
    detail["@type"].as_str().and_then(|name| name.strip_prefix("type.googleapis.com/")) == Some(kind)
}

/// `INVALID_ARGUMENT` is a bad message as well as a bad token. "FCM Error Codes" shows one example of each: a bad message is
/// named in a `BadRequest`, a bad token in the text.
fn is_about_the_token(error: &Value) -> bool {
    let details = error["details"].as_array();
    let names_a_field = details.is_some_and(|all| all.iter().any(|detail| is_of(detail, "google.rpc.BadRequest")));
    !names_a_field && error["message"].as_str().is_some_and(|text| text.contains("registration token"))
}
