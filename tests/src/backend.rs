//! The functions over a DynamoDB of the test's choice, served as they are on Lambda; carriers that write down what
//! they were given.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_sdk_dynamodb::config::timeout::TimeoutConfig;
use aws_sdk_dynamodb::config::{BehaviorVersion, Credentials, Region};
use futures::future::BoxFuture;
use ilock_auth::Role;
use ilock_env::Clock;
use ilock_events::{CallId, ClientId, Millis};
use ilock_functions::app::App;
use ilock_functions::projector::Projector;
use ilock_functions::serve::{all_routes, service};
use ilock_functions::settings::Settings;
use ilock_functions::wiring::Wiring;
use ilock_notify::push::PushCarrier;
use ilock_notify::sqs::DelayQueue;
use ilock_notify::{CarrierError, Mqtt, Publish, RingTimer};
use tokio::net::TcpListener;
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::parties::{Party, token};

/// The patience that the functions have with AWS on Lambda: with one try, and with all tries of one request.
pub const TRY: Duration = Duration::from_secs(1);
/// See [`TRY`].
pub const ALL_TRIES: Duration = Duration::from_secs(3);

/// What the functions are put on.
pub struct Ground {
    /// DynamoDB.
    pub dynamodb: aws_sdk_dynamodb::Client,
    /// The log's table.
    pub events: String,
    /// The directory's table.
    pub directory: String,
    /// What ends the ringing.
    pub timer: Arc<dyn RingTimer>,
    /// What wakes phones, where pushes are used.
    pub push: Option<Arc<dyn PushCarrier>>,
    /// Whether functions tell at once what they committed.
    pub fast_path: bool,
    /// The time.
    pub clock: Clock,
}

/// The functions, served on a port of their own until this is dropped.
pub struct Backend {
    /// Their state.
    pub app: App,
    /// The projector.
    pub projector: Projector,
    /// What the broker was given.
    pub told: Told,
    at: std::net::SocketAddr,
    _stop: DropGuard,
}

impl Backend {
    /// Serves all functions.
    pub async fn on(ground: Ground) -> Self {
        let Ground { dynamodb, events, directory, timer, push, fast_path, clock } = ground;
        let settings = Settings::for_dev(move |name| match name {
            "EVENTS_TABLE" => Some(events.clone()),
            "DIRECTORY_TABLE" => Some(directory.clone()),
            "FAST_PATH" if !fast_path => Some("off".into()),
            _ => None,
        });
        let wiring = Wiring { settings, dynamodb, push, clock };
        let told = Told::default();
        let app = wiring.app(Arc::new(told.clone()), timer).unwrap();
        let projector = wiring.projector(Arc::new(told.clone())).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let at = listener.local_addr().unwrap();
        let stop = CancellationToken::new();
        let router = service(all_routes(), app.clone());
        let served = async move { axum::serve(listener, router).await.unwrap() };
        tokio::spawn(stop.clone().run_until_cancelled_owned(served));
        Self { app, projector, told, at, _stop: stop.drop_guard() }
    }

    /// A person.
    #[must_use]
    pub fn user(&self, id: &str) -> Party {
        Party::at(self.at, id, token(id, Role::User, "default"))
    }

    /// An auditor.
    #[must_use]
    pub fn auditor(&self, id: &str) -> Party {
        Party::at(self.at, id, token(id, Role::Auditor, "default"))
    }

    /// A door station.
    #[must_use]
    pub fn door(&self, id: &str) -> Party {
        Party::at(self.at, id, token(id, Role::Device, "default"))
    }
}

fn patience() -> TimeoutConfig {
    TimeoutConfig::builder().operation_attempt_timeout(TRY).operation_timeout(ALL_TRIES).build()
}

/// A client of the DynamoDB at `url`, as patient as on Lambda.
#[must_use]
pub fn dynamodb(url: &str) -> aws_sdk_dynamodb::Client {
    let config = aws_sdk_dynamodb::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .endpoint_url(url)
        .region(Region::new("eu-central-1"))
        .credentials_provider(Credentials::new("test", "test", None, None, "test"))
        .timeout_config(patience());
    aws_sdk_dynamodb::Client::from_conf(config.build())
}

/// The ring timer on queue `queue_url`, whose SQS is at `url`; as patient as on Lambda.
#[must_use]
pub fn delay_queue(url: &str, queue_url: String, clock: Clock) -> DelayQueue {
    let config = aws_sdk_sqs::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .endpoint_url(url)
        .region(Region::new("eu-central-1"))
        .credentials_provider(Credentials::new("test", "test", None, None, "test"))
        .timeout_config(patience());
    DelayQueue::new(aws_sdk_sqs::Client::from_conf(config.build()), queue_url, clock)
}

/// A broker that takes everything, or nothing, and keeps what it took.
#[derive(Clone, Default)]
pub struct Told {
    taken: Arc<Mutex<Vec<Publish>>>,
    down: Arc<AtomicBool>,
}

impl Told {
    /// What was taken so far.
    #[must_use]
    pub fn all(&self) -> Vec<Publish> {
        self.taken.lock().unwrap().clone()
    }

    /// From now on nothing is taken; or everything again.
    pub fn down(&self, down: bool) {
        self.down.store(down, Ordering::SeqCst);
    }
}

impl Mqtt for Told {
    fn publish(&self, message: Publish) -> BoxFuture<'_, Result<Option<String>, CarrierError>> {
        Box::pin(async move {
            if self.down.load(Ordering::SeqCst) {
                return Err(CarrierError { carrier: "mqtt", why: "down".into() });
            }
            self.taken.lock().unwrap().push(message);
            Ok(None)
        })
    }

    fn end_session(&self, _: ClientId) -> BoxFuture<'_, Result<(), CarrierError>> {
        Box::pin(async { Ok(()) })
    }
}

/// A timer that only writes down what it was armed for.
#[derive(Clone, Default)]
pub struct Armed(Arc<Mutex<Vec<(CallId, Millis)>>>);

impl Armed {
    /// What it was armed for.
    #[must_use]
    pub fn all(&self) -> Vec<(CallId, Millis)> {
        self.0.lock().unwrap().clone()
    }
}

impl RingTimer for Armed {
    fn arm(&self, call_id: CallId, deadline: Millis) -> BoxFuture<'_, Result<(), CarrierError>> {
        Box::pin(async move {
            self.0.lock().unwrap().push((call_id, deadline));
            Ok(())
        })
    }
}
