//! What a phone was given about a call, and what its app made of that: noted beside the app, which knows nothing of it.

use serde_json::Value;
use tokio::time::Instant;

/// What the app shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Shown {
    #[default]
    Nothing,
    /// It rings; its place among the facts.
    Ringing(usize),
    /// It fell silent by time alone: a finger may still be on its way.
    TimedOut,
    Declined,
    Answering,
    InRoom,
    Over,
}

#[derive(Debug, Clone, Copy, Default)]
pub struct Heard {
    pub shown: Shown,
    /// When what came last about its ringing was handed over.
    pub handed: Option<Instant>,
    /// Its deadline, as that said.
    pub expires_at: Option<i64>,
    /// Whether the person has made up their mind.
    pub decided: bool,
}

/// Whether a message on `topic` makes a phone ring.
pub fn calls(topic: &str) -> bool {
    topic.ends_with("/calls/incoming")
}

/// Whether a message says to the phone `client` that it need not ring: not if it did that itself.
pub fn ends(client: &str, payload: &Value) -> bool {
    let word = payload["action"].as_str();
    payload["device_id"] != client && matches!(word, Some("accepted" | "rejected" | "cancelled" | "hangup"))
}

/// As [`ends`], of a push.
pub fn push_ends(client: &str, payload: &Value) -> bool {
    payload["device_id"] != client && matches!(payload["type"].as_str(), Some("CALL_ENDED" | "MISSED_CALL"))
}

/// Numbers stand as text in pushes.
pub fn millis(value: &Value) -> Option<i64> {
    value.as_i64().or_else(|| value.as_str().and_then(|text| text.parse().ok()))
}
