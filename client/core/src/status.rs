//! How the client is doing, as it was last reported.

use serde_json::json;

use crate::client::Client;
use crate::output::Method;
use crate::requests::{Purpose, Request};

/// How long a report is worth trying; the next one replaces it.
const WORTH_MS: u64 = 600_000;
/// How long after a registration the backend may still not know the client without that being worth another.
const REGISTER_AGAIN_MS: u64 = 60_000;

impl Client {
    /// Sends the newest status, once the client is registered and the backend's time is known.
    pub(crate) fn status_due(&mut self) {
        if self.link.registered.is_none() || self.link.is_off() {
            return;
        }
        let Some((status, priority, at)) = self.status.wanted else { return };
        let Some(last_active) = self.time.now(at) else { return };
        self.status.last = self.status.wanted.take();
        self.requests.drop_where(|purpose| *purpose == Purpose::Status);
        let client_id = self.link.client_id().unwrap_or_default();
        let body = json!({
            "client_id": client_id, "status": status, "priority": priority, "last_active": last_active,
        });
        self.send(Request {
            purpose: Purpose::Status,
            method: Method::Put,
            path: "/api/mqtt/clients/status".into(),
            body: Some(body.to_string()),
            key: None,
            worth_ms: Some(WORTH_MS),
        });
    }

    /// The backend does not know this client any more. It is registered again, unless nobody is logged in here.
    pub(crate) fn client_unknown(&mut self) {
        if self.is_logged_out() {
            return;
        }
        let again = |since: u64| self.now.saturating_sub(since) >= REGISTER_AGAIN_MS;
        if self.status.unknown_since.is_none_or(again) {
            self.status.unknown_since = Some(self.now);
            self.status.lost = true;
            self.register();
        }
    }

    /// The same; whether it is being registered now.
    pub(crate) fn registers_again(&mut self) -> bool {
        self.client_unknown();
        self.requests.has(&Purpose::Register)
    }
}
