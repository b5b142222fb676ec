//! A layer between the functions and the broker that makes publishing slow, and ends of sessions fail.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::future::BoxFuture;
use ilock_events::{Carrier, ClientName};
use ilock_local::MqttLayer;
use ilock_notify::{CarrierError, Mqtt, Publish};

/// A broker that can be made slow or refuse, and counts publishes.
#[derive(Clone)]
pub struct SlowBroker {
    inner: Arc<dyn Mqtt>,
    throttle: Throttle,
}

/// Sets the delay of a [`SlowBroker`] and counts its publishes.
#[derive(Clone, Default)]
pub struct Throttle {
    delay_ms: Arc<AtomicU64>,
    asked: Arc<AtomicUsize>,
    refused: Arc<Mutex<Vec<ClientName>>>,
}

impl Throttle {
    /// Delays every publish by `delay` from now on.
    pub fn set(&self, delay: Duration) {
        self.delay_ms.store(u64::try_from(delay.as_millis()).unwrap(), Ordering::SeqCst);
    }

    /// The next end of a session of each of `clients` fails.
    pub fn refuse_to_end(&self, clients: impl IntoIterator<Item = ClientName>) {
        self.refused.lock().unwrap().extend(clients);
    }

    /// Whether the end of this session fails; the next one does not.
    fn refuses(&self, client: &ClientName) -> bool {
        let mut refused = self.refused.lock().unwrap();
        refused.iter().position(|other| other == client).map(|index| refused.swap_remove(index)).is_some()
    }

    /// How many publishes were tried.
    #[must_use]
    pub fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }

    /// The layer to put before the stack's own broker.
    #[must_use]
    pub fn layer(&self) -> MqttLayer {
        let throttle = self.clone();
        Box::new(move |inner| Arc::new(SlowBroker { inner, throttle }))
    }
}

impl Mqtt for SlowBroker {
    fn publish(&self, message: Publish) -> BoxFuture<'_, Result<Option<String>, CarrierError>> {
        Box::pin(async move {
            self.throttle.asked.fetch_add(1, Ordering::SeqCst);
            tokio::time::sleep(Duration::from_millis(self.throttle.delay_ms.load(Ordering::SeqCst))).await;
            self.inner.publish(message).await
        })
    }

    fn end_session(&self, client: ClientName) -> BoxFuture<'_, Result<(), CarrierError>> {
        if self.throttle.refuses(&client) {
            return Box::pin(async { Err(CarrierError { carrier: Carrier::Mqtt, why: "throttled".into() }) });
        }
        self.inner.end_session(client)
    }
}
