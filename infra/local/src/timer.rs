//! The ring timer's local twin: tasks that sleep, for alarms that are kept until they have gone off. On AWS this is a queue whose
//! messages are delayed.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use futures::future::BoxFuture;
use ilock_env::Clock;
use ilock_events::Millis;
use ilock_functions::service::calls::Calls;
use ilock_functions::triggers::expire_call::expire;
use ilock_notify::{Alarm, QueueError, RingTimer};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use crate::dynamodb::KeptAlarms;

/// An alarm that failed goes off again after this.
const AGAIN: Duration = Duration::from_millis(500);

/// How often an alarm is tried; then it is left to the next start.
const TRIES: u32 = 240;

/// How many alarms are tried at once. A start may find those of thousands of calls due, and whoever asks for something then is not to
/// wait for all of them.
const AT_ONCE: usize = 8;

/// Sleeps until a call has rung for long enough.
#[derive(Clone)]
pub struct LocalTimer {
    calls: Arc<OnceLock<Calls>>,
    kept: KeptAlarms,
    clock: Clock,
    stop: CancellationToken,
    trying: Arc<Semaphore>,
}

impl LocalTimer {
    /// A timer that ends with `stop`, and keeps its alarms there. It is of use once [`LocalTimer::connect`] was called.
    pub(crate) fn new(kept: KeptAlarms, clock: Clock, stop: CancellationToken) -> Self {
        Self { calls: Arc::new(OnceLock::new()), kept, clock, stop, trying: Arc::new(Semaphore::new(AT_ONCE)) }
    }

    /// Tells the timer whose calls end: the calls themselves hold the timer, so they come after it.
    pub fn connect(&self, calls: Calls) {
        if self.calls.set(calls).is_err() {
            tracing::warn!("the timer was connected twice");
        }
    }

    /// Sets the alarms that an earlier process kept.
    pub(crate) fn set_kept(&self) -> Result<(), String> {
        self.kept.all()?.into_iter().for_each(|(alarm, due)| self.set(alarm, due));
        Ok(())
    }

    fn set(&self, alarm: Alarm, due: Millis) {
        let (timer, stop) = (self.clone(), self.stop.clone());
        tokio::spawn(async move { stop.run_until_cancelled_owned(Box::pin(timer.sleep_and_expire(alarm, due))).await });
    }

    async fn sleep_and_expire(self, alarm: Alarm, due: Millis) {
        // The clock may be set back meanwhile.
        while let Ok(left @ 1..) = u64::try_from(due.since(self.clock.now())) {
            tokio::time::sleep(Duration::from_millis(left)).await;
        }
        let Some(calls) = self.calls.get() else { return };
        let call_id = &alarm.call_id;
        for _ in 0..TRIES {
            let permit = self.trying.acquire().await;
            let outcome = Box::pin(expire(calls, &alarm)).await;
            drop(permit);
            match outcome {
                Ok(()) => {
                    // One that stays goes off once more after the next start, on a call that is over.
                    if let Err(error) = self.kept.forget(call_id, due) {
                        tracing::warn!(%call_id, error, "an alarm that went off is kept");
                    }
                    return;
                }
                Err(error) => tracing::warn!(%call_id, %error, "the ring could not be ended yet"),
            }
            tokio::time::sleep(AGAIN).await;
        }
    }
}

impl RingTimer for LocalTimer {
    fn arm(&self, alarm: Alarm, deadline: Millis) -> BoxFuture<'_, Result<(), QueueError>> {
        Box::pin(async move {
            self.kept.keep(&alarm, deadline).map_err(QueueError)?;
            self.set(alarm, deadline);
            Ok(())
        })
    }
}
