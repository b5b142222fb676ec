//! Until when the person has seen their list of calls.

use serde_json::json;

use crate::client::Client;
use crate::output::Method;
use crate::requests::{Purpose, Request};

/// How long it is worth trying: whoever waits longer looks at the list again.
const WORTH_MS: u64 = 600_000;

impl Client {
    /// Tells the backend. A later time holds for an earlier one, too, so that one request is under way at most.
    pub(crate) fn calls_seen(&mut self, until: i64) {
        let holds = |purpose: &Purpose| matches!(purpose, Purpose::Seen { until: sent } if *sent >= until);
        if self.requests.pending.iter().any(|pending| holds(&pending.request.purpose)) {
            return;
        }
        self.requests.drop_where(|purpose| matches!(purpose, Purpose::Seen { .. }));
        self.send(Request {
            purpose: Purpose::Seen { until },
            method: Method::Put,
            path: "/api/calls/seen".into(),
            body: Some(json!({ "until": until }).to_string()),
            key: None,
            worth_ms: Some(WORTH_MS),
        });
    }
}
