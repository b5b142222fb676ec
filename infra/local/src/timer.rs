//! The ring timer's local twin: tasks that sleep. On AWS this is a queue whose messages are delayed.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use futures::future::BoxFuture;
use ilock_env::Clock;
use ilock_events::{CallId, Millis};
use ilock_functions::service::calls::Calls;
use ilock_functions::triggers::expire_call::expire;
use ilock_notify::{Alarm, QueueError, RingTimer};
use tokio_util::sync::CancellationToken;

/// An alarm that failed goes off again after this.
const AGAIN: Duration = Duration::from_millis(500);

/// So often; then the call is left to the next start.
const TRIES: u32 = 240;

/// Sleeps until a call has rung for long enough.
#[derive(Clone)]
pub struct LocalTimer {
    calls: Arc<OnceLock<Calls>>,
    clock: Clock,
    stop: CancellationToken,
}

impl LocalTimer {
    /// A timer that ends with `stop`. It is of use once [`LocalTimer::connect`] was called.
    #[must_use]
    pub fn new(clock: Clock, stop: CancellationToken) -> Self {
        Self { calls: Arc::new(OnceLock::new()), clock, stop }
    }

    /// Tells the timer whose calls end: the calls themselves hold the timer, so they come after it.
    pub fn connect(&self, calls: Calls) {
        if self.calls.set(calls).is_err() {
            tracing::warn!("the timer was connected twice");
        }
    }

    async fn sleep_and_expire(self, call_id: CallId, deadline: Millis) {
        let left = u64::try_from(deadline.since(self.clock.now())).unwrap_or(0);
        tokio::time::sleep(Duration::from_millis(left)).await;
        let Some(calls) = self.calls.get() else { return };
        for _ in 0..TRIES {
            match expire(calls, &Alarm { call_id: call_id.clone() }).await {
                Ok(()) => return,
                Err(error) => tracing::warn!(%call_id, %error, "the ring could not be ended yet"),
            }
            tokio::time::sleep(AGAIN).await;
        }
    }
}

impl RingTimer for LocalTimer {
    fn arm(&self, call_id: CallId, deadline: Millis) -> BoxFuture<'_, Result<(), QueueError>> {
        let (timer, stop) = (self.clone(), self.stop.clone());
        tokio::spawn(async move {
            stop.run_until_cancelled_owned(Box::pin(timer.sleep_and_expire(call_id, deadline))).await
        });
        Box::pin(async { Ok(()) })
    }
}
