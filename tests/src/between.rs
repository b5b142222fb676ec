//! What can be put between the functions and what carries for them.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use futures::future::BoxFuture;
use ilock_events::ClientId;
use ilock_local::stack::Between;
use ilock_notify::{CarrierError, Mqtt, Publish};

/// A broker that can be made slow, and counts.
#[derive(Clone)]
pub struct SlowBroker {
    inner: Arc<dyn Mqtt>,
    dial: Dial,
}

/// How slow, and how often it was asked.
#[derive(Clone, Default)]
pub struct Dial {
    delay_ms: Arc<AtomicU64>,
    asked: Arc<AtomicUsize>,
}

impl Dial {
    /// From now on every publish takes so much longer.
    pub fn set(&self, delay: Duration) {
        self.delay_ms.store(u64::try_from(delay.as_millis()).unwrap(), Ordering::SeqCst);
    }

    /// How many publishes were tried.
    #[must_use]
    pub fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }

    /// Puts this dial between.
    #[must_use]
    pub fn between(&self) -> Between {
        let dial = self.clone();
        Box::new(move |inner| Arc::new(SlowBroker { inner, dial }))
    }
}

impl Mqtt for SlowBroker {
    fn publish(&self, message: Publish) -> BoxFuture<'_, Result<Option<String>, CarrierError>> {
        Box::pin(async move {
            self.dial.asked.fetch_add(1, Ordering::SeqCst);
            tokio::time::sleep(Duration::from_millis(self.dial.delay_ms.load(Ordering::SeqCst))).await;
            self.inner.publish(message).await
        })
    }

    fn end_session(&self, client: ClientId) -> BoxFuture<'_, Result<(), CarrierError>> {
        self.inner.end_session(client)
    }
}
