//! The ring timer by SQS: a message that is delayed until the deadline.

use aws_sdk_sqs::Client;
use aws_sdk_sqs::error::DisplayErrorContext;
use futures::future::BoxFuture;
use ilock_events::{CallId, Millis};

use crate::{Alarm, CarrierError, RingTimer};

/// SQS delays a message for 15 minutes at most; the longest ring is two.
const MOST_SECONDS: i64 = 900;

/// A queue whose consumer is `expire-call`.
pub struct DelayQueue {
    client: Client,
    queue_url: String,
    clock: Box<dyn Fn() -> Millis + Send + Sync>,
}

impl DelayQueue {
    /// The queue at `queue_url`; `clock` tells how far away a deadline is.
    #[must_use]
    pub fn new(client: Client, queue_url: String, clock: Box<dyn Fn() -> Millis + Send + Sync>) -> Self {
        Self { client, queue_url, clock }
    }
}

/// Rounded up: an alarm that comes too early would have to be sent again.
fn delay_seconds(left_ms: i64) -> i32 {
    let seconds = (left_ms.max(0) + 999) / 1000;
    i32::try_from(seconds.min(MOST_SECONDS)).unwrap_or(0)
}

impl RingTimer for DelayQueue {
    fn arm(&self, call_id: CallId, deadline: Millis) -> BoxFuture<'_, Result<(), CarrierError>> {
        Box::pin(async move {
            let failed = |why: String| CarrierError { carrier: "timer", why };
            let body = serde_json::to_string(&Alarm { call_id }).map_err(|error| failed(error.to_string()))?;
            self.client
                .send_message()
                .queue_url(&self.queue_url)
                .message_body(body)
                .delay_seconds(delay_seconds(deadline.since((self.clock)())))
                .send()
                .await
                .map(drop)
                .map_err(|error| failed(DisplayErrorContext(error).to_string()))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_alarm_never_comes_early_and_never_asks_for_more_than_sqs_gives() {
        assert_eq!(delay_seconds(30_000), 30);
        assert_eq!(delay_seconds(29_001), 30);
        assert_eq!(delay_seconds(1), 1);
        assert_eq!(delay_seconds(-5), 0);
        assert_eq!(delay_seconds(i64::from(i32::MAX)), 900);
    }
}
