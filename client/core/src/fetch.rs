//! What happened while the client was away.

use ilock_events::{CallState, Direction};
use serde_json::Value;

use crate::client::Client;
use crate::config::Role;
use crate::output::Method;
use crate::requests::{Purpose, Request};
use crate::wire::Listed;

/// How long the list of calls is worth asking for.
const LIST_WORTH_MS: u64 = 30_000;

impl Client {
    /// Asks about every call that is not over; a phone asks for calls that it has not heard of, too.
    pub(crate) fn fetch_state(&mut self) {
        // An answer that was asked for earlier may be older than the subscription.
        self.requests.drop_where(|purpose| matches!(purpose, Purpose::List | Purpose::Get { preview: false, .. }));
        for call_id in self.calls.to_ask() {
            self.ask_about(&call_id);
        }
        if self.config.role == Role::Phone {
            self.send(Request {
                purpose: Purpose::List,
                method: Method::Get,
                path: "/api/calls?limit=20".into(),
                body: None,
                key: None,
                worth_ms: Some(LIST_WORTH_MS),
            });
        }
    }

    /// A call that rings and is not known here is asked about.
    pub(crate) fn listed(&mut self, data: Value) {
        let Ok(history) = serde_json::from_value::<Listed>(data) else { return };
        for entry in history.calls {
            let rings = entry.direction == Some(Direction::Incoming)
                && entry.state == Some(CallState::Ringing)
                && entry.remaining_ms.is_none_or(|left| left > 0);
            let call_id = entry.call_id.as_str();
            if rings && self.calls.position(call_id).is_none() {
                let index = self.announced(call_id);
                if self.is_asking(index) {
                    self.ask_about(call_id);
                }
            }
        }
    }
}
