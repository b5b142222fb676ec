//! The functions over a DynamoDB of the test's choice, served as on Lambda, with carriers that record what they are given.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_sdk_dynamodb::config::timeout::TimeoutConfig;
use aws_sdk_dynamodb::config::{BehaviorVersion, Credentials, Region};
use futures::future::BoxFuture;
use ilock_auth::Role;
use ilock_directory::Directory;
use ilock_env::Clock;
use ilock_events::{Carrier, ClientName, Millis};
use ilock_functions::http::router::{all_routes, service};
use ilock_functions::service::calls::Calls;
use ilock_functions::settings::Settings;
use ilock_functions::triggers::projector::Projector;
use ilock_functions::triggers::retry_queue::{Retry, RetryQueue};
use ilock_functions::wiring::{InProcess, Wiring};
use ilock_lambda::aws::DelayQueue;
use ilock_notify::push::PushCarrier;
use ilock_notify::{Alarm, CarrierError, Mqtt, Publish, QueueError, RingTimer};
use tokio::net::TcpListener;
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::parties::{Party, token};

/// The timeout that the functions set on Lambda for one attempt of an AWS request.
pub const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(1);
/// The timeout for all attempts of one AWS request.
pub const OPERATION_TIMEOUT: Duration = Duration::from_secs(3);

/// What a backend is made of.
pub struct BackendParts {
    pub dynamodb: aws_sdk_dynamodb::Client,
    pub events: String,
    pub directory: String,
    /// Ends the ringing when nobody answers.
    pub timer: Arc<dyn RingTimer>,
    /// Sends pushes, where they are used.
    pub push: Option<Arc<dyn PushCarrier>>,
    /// Whether the functions themselves send the messages of what they commit.
    pub fast_path: bool,
    pub clock: Clock,
}

/// The functions, served on a port of their own until this is dropped.
pub struct Backend {
    pub calls: Calls,
    pub directory: Directory,
    pub projector: Projector,
    /// The broker; it records what was published.
    pub broker: RecordingBroker,
    at: std::net::SocketAddr,
    _stop: DropGuard,
}

impl Backend {
    /// Serves all functions.
    pub async fn on(parts: BackendParts) -> Self {
        let BackendParts { dynamodb, events, directory, timer, push, fast_path, clock } = parts;
        let settings = Settings::for_dev(move |name| match name {
            "EVENTS_TABLE" => Some(events.clone()),
            "DIRECTORY_TABLE" => Some(directory.clone()),
            "FAST_PATH" if !fast_path => Some("off".into()),
            "LIMIT_PRESSES_A_MINUTE" => Some("off".into()),
            _ => None,
        });
        let broker = RecordingBroker::default();
        let carriers = Arc::new(InProcess { mqtt: Arc::new(broker.clone()), timer, push });
        let wiring = Wiring { settings, dynamodb, carriers, clock };
        let (calls, directory) = (wiring.calls_that_ring().unwrap(), wiring.directory().unwrap());
        let projector = Projector::new(&wiring).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let at = listener.local_addr().unwrap();
        let stop = CancellationToken::new();
        let router = service(all_routes(&wiring).unwrap());
        let served = async move { axum::serve(listener, router).await.unwrap() };
        tokio::spawn(stop.clone().run_until_cancelled_owned(served));
        Self { calls, directory, projector, broker, at, _stop: stop.drop_guard() }
    }

    #[must_use]
    pub fn user(&self, id: &str) -> Party {
        Party::at(self.at, id, token(id, Role::User, "default"))
    }

    #[must_use]
    pub fn auditor(&self, id: &str) -> Party {
        Party::at(self.at, id, token(id, Role::Auditor, "default"))
    }

    #[must_use]
    pub fn door(&self, id: &str) -> Party {
        Party::at(self.at, id, token(id, Role::Device, "default"))
    }
}

fn timeouts() -> TimeoutConfig {
    TimeoutConfig::builder().operation_attempt_timeout(ATTEMPT_TIMEOUT).operation_timeout(OPERATION_TIMEOUT).build()
}

/// A client of the DynamoDB at `url`, with the timeouts of Lambda.
#[must_use]
pub fn dynamodb(url: &str) -> aws_sdk_dynamodb::Client {
    let config = aws_sdk_dynamodb::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .endpoint_url(url)
        .region(Region::new("eu-central-1"))
        .credentials_provider(Credentials::new("test", "test", None, None, "test"))
        .timeout_config(timeouts());
    aws_sdk_dynamodb::Client::from_conf(config.build())
}

/// The ring timer on queue `queue_url`, whose SQS is at `url`, with the timeouts of Lambda.
#[must_use]
pub fn delay_queue(url: &str, queue_url: String, clock: Clock) -> DelayQueue {
    let config = aws_sdk_sqs::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .endpoint_url(url)
        .region(Region::new("eu-central-1"))
        .credentials_provider(Credentials::new("test", "test", None, None, "test"))
        .timeout_config(timeouts());
    DelayQueue::new(aws_sdk_sqs::Client::from_conf(config.build()), queue_url, clock)
}

/// A broker that records every message, or refuses all of them while it is down.
#[derive(Clone, Default)]
pub struct RecordingBroker {
    published: Arc<Mutex<Vec<Publish>>>,
    down: Arc<AtomicBool>,
}

impl RecordingBroker {
    /// Every message so far.
    #[must_use]
    pub fn all(&self) -> Vec<Publish> {
        self.published.lock().unwrap().clone()
    }

    /// Whether it refuses messages from now on.
    pub fn down(&self, down: bool) {
        self.down.store(down, Ordering::SeqCst);
    }
}

impl Mqtt for RecordingBroker {
    fn publish(&self, message: Publish) -> BoxFuture<'_, Result<Option<String>, CarrierError>> {
        Box::pin(async move {
            if self.down.load(Ordering::SeqCst) {
                return Err(CarrierError { carrier: Carrier::Mqtt, why: "down".into() });
            }
            self.published.lock().unwrap().push(message);
            Ok(None)
        })
    }

    fn end_session(&self, _: ClientName) -> BoxFuture<'_, Result<(), CarrierError>> {
        Box::pin(async { Ok(()) })
    }
}

/// A timer that only records what it was armed for.
#[derive(Clone, Default)]
pub struct RecordingTimer(Arc<Mutex<Vec<(Alarm, Millis)>>>);

impl RecordingTimer {
    /// The alarms and deadlines that it was armed for.
    #[must_use]
    pub fn all(&self) -> Vec<(Alarm, Millis)> {
        self.0.lock().unwrap().clone()
    }
}

impl RingTimer for RecordingTimer {
    fn arm(&self, alarm: Alarm, deadline: Millis) -> BoxFuture<'_, Result<(), QueueError>> {
        Box::pin(async move {
            self.0.lock().unwrap().push((alarm, deadline));
            Ok(())
        })
    }
}

/// What the projector left for later, and after how many seconds it is to come back.
#[derive(Default, Clone)]
pub struct RecordingRetries(Arc<Mutex<Vec<(Retry, i32)>>>);

impl RecordingRetries {
    /// Takes what was left until now.
    #[must_use]
    pub fn take(&self) -> Vec<(Retry, i32)> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

impl RetryQueue for RecordingRetries {
    fn retry_later(&self, retry: Retry, seconds: i32) -> BoxFuture<'_, Result<(), QueueError>> {
        Box::pin(async move {
            self.0.lock().unwrap().push((retry, seconds));
            Ok(())
        })
    }
}
