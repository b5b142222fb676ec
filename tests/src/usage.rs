//! What a call to a household's three phones uses of everything that AWS charges for, counted on the embedded stack.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use aws_sdk_dynamodb::config::SharedInterceptor;
use futures::future::BoxFuture;
use ilock_events::ClientName;
use ilock_local::Options;
use ilock_notify::{CarrierError, Mqtt, Publish};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::meter::Meter;
use crate::parties::{Party, call_id};
use crate::phone::{Phone, Version};
use crate::world::World;

/// How long everything behind a call takes, on a busy machine too: the projector writes both histories twice, the ledger every
/// commit. What comes later is not counted.
const SETTLED: Duration = Duration::from_secs(8);

/// The counts of one call: a door station rings three phones, all of them report it, one accepts, the door hangs up.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct CallUsage {
    pub http_requests: u32,
    pub commits: u32,
    /// DynamoDB's write units, by table.
    pub write_units: BTreeMap<String, f64>,
    pub read_units: f64,
    /// Messages that the functions publish.
    pub mqtt_published: u32,
    /// Messages that reach phones and door; each is acknowledged by one more.
    pub mqtt_delivered: u32,
    pub pushes: u32,
    /// Registering one client anew, with its push token.
    pub registration_write_units: f64,
    pub registration_read_units: f64,
}

/// Between what people do: the projector sees each commit before the next.
const A_WHILE: Duration = Duration::from_secs(1);

struct Counted {
    inner: Arc<dyn Mqtt>,
    published: Arc<AtomicU32>,
}

impl Mqtt for Counted {
    fn publish(&self, message: Publish) -> BoxFuture<'_, Result<Option<String>, CarrierError>> {
        self.published.fetch_add(1, Ordering::Relaxed);
        self.inner.publish(message)
    }

    fn end_session(&self, client: ClientName) -> BoxFuture<'_, Result<(), CarrierError>> {
        self.inner.end_session(client)
    }
}

async fn registers(user: &Party, name: &str) {
    let body = json!({ "client_id": name, "platform": "android", "push_token": format!("token-{name}") });
    user.posts("/api/mqtt/clients/register", body).await.ok();
}

/// Makes that call; `after_each` runs behind each request, as the end of an invocation.
pub async fn call_usage(after_each: impl Fn()) -> CallUsage {
    let (meter, published) = (Meter::default(), Arc::<AtomicU32>::default());
    let counting = published.clone();
    let layer = Box::new(move |inner| -> Arc<dyn Mqtt> { Arc::new(Counted { inner, published: counting }) });
    let watch = Some(SharedInterceptor::new(meter.clone()));
    let world = World::with(Options { watch, mqtt_layer: Some(layer), ..Options::anywhere() }).await;
    let (door, user) = (world.door("device123"), world.user("user456"));
    let mut phones = vec![Phone::connect(&door, "panel", Version::V5).await];
    for name in ["phone", "tablet", "watch"] {
        registers(&user, name).await;
        phones.push(Phone::connect(&user, name, Version::V5).await);
    }
    tokio::time::sleep(Duration::from_millis(500)).await;
    let _ = meter.take();
    registers(&user, "phone").await;
    let registration = meter.take();
    for phone in &mut phones {
        phone.all_within(Duration::from_millis(100)).await;
    }
    let pushed_before = world.stack.push.shown().len();
    published.store(0, Ordering::Relaxed);
    let _ = meter.take();
    after_each();

    let call = call_id(&door.rings("user456", 30).await);
    after_each();
    tokio::time::sleep(A_WHILE).await;
    for name in ["phone", "tablet", "watch"] {
        user.callee_action(&call, "ringing", Some(name)).await.ok();
        after_each();
    }
    tokio::time::sleep(A_WHILE).await;
    user.callee_action(&call, "accepted", Some("phone")).await.ok();
    after_each();
    tokio::time::sleep(A_WHILE).await;
    door.caller_action(&call, "hangup").await.ok();
    after_each();
    tokio::time::sleep(SETTLED).await;
    after_each();

    let used = meter.take();
    let mut delivered = 0;
    for phone in &mut phones {
        delivered += phone.all_within(Duration::from_millis(200)).await.len();
    }
    let count = |number: usize| u32::try_from(number).unwrap();
    let usage = CallUsage {
        http_requests: 6,
        commits: count(world.log(&call).await.commits.len()),
        write_units: used.by_table,
        read_units: used.rcu,
        mqtt_published: published.load(Ordering::Relaxed),
        mqtt_delivered: count(delivered),
        pushes: count(world.stack.push.shown().len() - pushed_before),
        registration_write_units: registration.by_table.values().sum(),
        registration_read_units: registration.rcu,
    };
    world.end().await;
    usage
}
