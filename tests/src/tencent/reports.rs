//! Tencent's reports about rooms, sent as Tencent sends them: signed, and repeated until the answer is 200.

use std::time::Duration;

use base64::{Engine, engine::general_purpose::STANDARD};
use hmac::{Hmac, KeyInit, Mac};
use ilock_env::Clock;
use reqwest::{Client, Response, StatusCode};
use serde_json::{Value, json};
use sha2::Sha256;

use super::SDK_APP_ID;

/// How long Tencent waits for an answer.
const TIMEOUT: Duration = Duration::from_secs(5);
/// How often it sends at most: at once, again at once, then every 10 seconds for a minute.
const MAX_ATTEMPTS: u32 = 8;

/// One event in a room.
#[derive(Debug, Clone)]
pub struct Report {
    group: u32,
    event_type: u32,
    info: Vec<(&'static str, Value)>,
}

impl Report {
    /// Any event. `room` is written as given: `12345` or `"12345"`.
    pub fn new(group: u32, event_type: u32, room: impl Into<Value>) -> Self {
        let at = now_ms();
        let info = vec![("RoomId", room.into()), ("EventTs", json!(at / 1000)), ("EventMsTs", json!(at))];
        Self { group, event_type, info }
    }

    /// `room` was created by `user`.
    pub fn created(room: impl Into<Value>, user: &str) -> Self {
        Self::new(1, 101, room).with("UserId", user)
    }

    /// `room` was dismissed.
    pub fn dismissed(room: impl Into<Value>) -> Self {
        Self::new(1, 102, room)
    }

    /// `user` entered `room`.
    pub fn entered(room: impl Into<Value>, user: &str) -> Self {
        Self::new(1, 103, room)
            .with("UserId", user)
            .with("Role", 20)
            .with("TerminalType", 2)
            .with("UserType", 3)
            .with("Reason", 1)
    }

    /// `user` left `room`.
    pub fn left(room: impl Into<Value>, user: &str) -> Self {
        Self::new(1, 104, room).with("UserId", user).with("Role", 20).with("Reason", 1)
    }

    /// Sets `field` of the `EventInfo` to `value`.
    #[must_use]
    pub fn with(mut self, field: &'static str, value: impl Into<Value>) -> Self {
        self.info.retain(|(name, _)| *name != field);
        self.info.push((field, value.into()));
        self
    }

    /// The body as Tencent writes it: with tabs, and in its own order.
    pub fn raw(&self, sent_at_ms: u64) -> Vec<u8> {
        let info: Vec<_> = self.info.iter().map(|(name, value)| format!("\t\t\"{name}\":\t{value}")).collect();
        let (group, event_type, info) = (self.group, self.event_type, info.join(",\n"));
        format!(
            "{{\n\t\"EventGroupId\":\t{group},\n\t\"EventType\":\t{event_type},\n\t\"CallbackTs\":\t{sent_at_ms},\n\t\"EventInfo\":\t{{\n{info}\n\t}}\n}}"
        )
        .into_bytes()
    }
}

/// Tencent, reporting to a URL.
#[derive(Clone)]
pub struct Reports {
    http: Client,
    url: String,
    key: String,
}

impl Reports {
    /// To `url`, signed with `key`.
    pub fn to(url: impl Into<String>, key: impl Into<String>) -> Self {
        let http = Client::builder().no_proxy().timeout(TIMEOUT).build().unwrap();
        Self { http, url: url.into(), key: key.into() }
    }

    /// The header `Sign` for `raw`.
    pub fn sign(&self, raw: &[u8]) -> String {
        let mut mac = Hmac::<Sha256>::new_from_slice(self.key.as_bytes()).unwrap();
        mac.update(raw);
        STANDARD.encode(mac.finalize().into_bytes())
    }

    /// Sends `report` once.
    pub async fn send(&self, report: &Report) -> Response {
        let raw = report.raw(now_ms());
        let sign = self.sign(&raw);
        self.send_raw(raw, &sign).await.unwrap()
    }

    /// Sends any bytes with any signature.
    pub async fn send_raw(&self, raw: Vec<u8>, sign: &str) -> reqwest::Result<Response> {
        let request = self.http.post(&self.url).header("content-type", "application/json");
        request.header("sign", sign).header("sdkappid", SDK_APP_ID).body(raw).send().await
    }

    /// Sends `report` until the answer is 200, `wait` (Tencent: 10 seconds) after every failure but the first. Returns how
    /// often it was sent; None when Tencent would have given up.
    pub async fn deliver(&self, report: &Report, wait: Duration) -> Option<u32> {
        for sending in 1..=MAX_ATTEMPTS {
            if sending > 2 {
                tokio::time::sleep(wait).await;
            }
            let raw = report.raw(now_ms());
            let sign = self.sign(&raw);
            if self.send_raw(raw, &sign).await.is_ok_and(|answer| answer.status() == StatusCode::OK) {
                return Some(sending);
            }
        }
        None
    }
}

fn now_ms() -> u64 {
    Clock::system().now().0.unsigned_abs()
}
