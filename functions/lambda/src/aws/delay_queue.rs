//! Messages for later, by SQS; above all the ring timer, whose message is delayed until the deadline.

use aws_sdk_sqs::Client;
use aws_sdk_sqs::error::DisplayErrorContext;
use aws_sdk_sqs::types::QueueAttributeName;
use futures::future::BoxFuture;
use ilock_env::Clock;
use ilock_events::Millis;
use serde::Serialize;

use ilock_functions::triggers::presence::{AWAY_SECONDS, PresenceEvent, RecheckQueue};
use ilock_functions::triggers::retry_queue::{Retry, RetryQueue};
use ilock_notify::{Alarm, QueueError, RingTimer};

/// SQS delays a message for 15 minutes at most; the longest ring is two.
const MOST_SECONDS: i64 = 900;

/// A queue that gives back later what it is given: alarms to `expire-call`, second looks to `presence`, commits to `projector`.
pub struct DelayQueue {
    client: Client,
    queue_url: String,
    clock: Clock,
}

impl DelayQueue {
    /// The queue at `queue_url`; `clock` tells how far away a deadline is.
    #[must_use]
    pub fn new(client: Client, queue_url: String, clock: Clock) -> Self {
        Self { client, queue_url, clock }
    }

    /// Opens the connection, by asking for the queue's name.
    ///
    /// # Errors
    /// [`QueueError`].
    pub async fn warm(&self) -> Result<(), QueueError> {
        let ask = self.client.get_queue_attributes().queue_url(&self.queue_url);
        let asked = ask.attribute_names(QueueAttributeName::QueueArn).send().await;
        asked.map(drop).map_err(|error| QueueError(DisplayErrorContext(error).to_string()))
    }

    /// Sends `message` as JSON; it comes out after `delay_seconds`.
    ///
    /// # Errors
    /// [`QueueError`].
    pub async fn send(&self, message: &impl Serialize, delay_seconds: i32) -> Result<(), QueueError> {
        let body = serde_json::to_string(message).map_err(|error| QueueError(error.to_string()))?;
        let send = self.client.send_message().queue_url(&self.queue_url).message_body(body);
        let sent = send.delay_seconds(delay_seconds).send().await;
        sent.map(drop).map_err(|error| QueueError(DisplayErrorContext(error).to_string()))
    }
}

/// Rounded up: an alarm that comes too early would have to be sent again.
fn delay_seconds(left_ms: i64) -> i32 {
    let seconds = (left_ms.max(0) + 999) / 1000;
    i32::try_from(seconds.min(MOST_SECONDS)).unwrap_or(0)
}

impl RingTimer for DelayQueue {
    fn arm(&self, alarm: Alarm, deadline: Millis) -> BoxFuture<'_, Result<(), QueueError>> {
        Box::pin(async move {
            let delay = delay_seconds(deadline.since(self.clock.now()));
            self.send(&alarm, delay).await
        })
    }
}

impl RecheckQueue for DelayQueue {
    fn recheck_later(&self, event: PresenceEvent) -> BoxFuture<'_, Result<(), QueueError>> {
        Box::pin(async move { self.send(&event, AWAY_SECONDS).await })
    }
}

impl RetryQueue for DelayQueue {
    fn retry_later(&self, retry: Retry, seconds: i32) -> BoxFuture<'_, Result<(), QueueError>> {
        Box::pin(async move { self.send(&retry, seconds).await })
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
