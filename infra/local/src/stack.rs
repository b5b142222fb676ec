//! All of it, started and stopped together.

use std::fs::File;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use aws_sdk_dynamodb::config::SharedInterceptor;
use axum::Router;
use axum::routing::get;
use futures::FutureExt;
use futures::future::join_all;
use ilock_audit::seal::Hour;
use ilock_call::Call;
use ilock_env::Clock;
use ilock_functions::app::App;
use ilock_functions::ledger::LedgerKeeper;
use ilock_functions::seal_log::Sealer;
use ilock_functions::serve::{all_routes, service};
use ilock_functions::settings::{BadSetting, Settings};
use ilock_functions::wiring::Wiring;
use ilock_log::{History, Ledger, LogError};
use ilock_notify::{Mqtt, RingTimer};
use serde_json::json;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::broker::{Authority, BrokerAddresses, LocalBroker};
use crate::push::LocalPush;
use crate::stream::Poller;
use crate::timer::LocalTimer;
use crate::vault::Folder;
use crate::{dynamodb, stream};

/// So long after its end an hour is sealed: what was committed in it has been entered by then.
const SEAL_AFTER: Duration = Duration::from_secs(5);
/// What was not sealed is sealed so much later.
const SEAL_AGAIN: Duration = Duration::from_secs(30);

/// Where the stack listens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Addresses {
    /// HTTP.
    pub http: SocketAddr,
    /// MQTT.
    pub broker: BrokerAddresses,
    /// DynamoDB: what `ilock log` reads.
    pub dynamodb: SocketAddr,
}

/// Puts something between the functions and the broker: tests make it slow, or count.
pub type Between = Box<dyn FnOnce(Arc<dyn Mqtt>) -> Arc<dyn Mqtt> + Send>;

/// Settings by name, as an environment has them.
pub type Lookup = Box<dyn Fn(&str) -> Option<String> + Send + Sync>;

/// How to start.
pub struct Options {
    /// Where to listen; port 0 is any.
    pub at: Addresses,
    /// Where everything is kept over a restart; in memory when absent.
    pub data_dir: Option<PathBuf>,
    /// Settings, by name, before those of development.
    pub settings: Lookup,
    /// How often the stream is polled.
    pub poll: Duration,
    /// What sees every DynamoDB request of the functions.
    pub watch: Option<SharedInterceptor>,
    /// What stands between the functions and the broker.
    pub between: Option<Between>,
    /// The time.
    pub clock: Clock,
}

impl Options {
    /// In memory, on any free ports of 127.0.0.1, with the settings of development.
    #[must_use]
    pub fn anywhere() -> Self {
        let any = SocketAddr::from(([127, 0, 0, 1], 0));
        let broker = BrokerAddresses { tcp: any, websocket: any, tls: any };
        Self {
            at: Addresses { http: any, broker, dynamodb: any },
            data_dir: None,
            settings: Box::new(|_| None),
            poll: stream::POLL,
            watch: None,
            between: None,
            clock: Clock::system(),
        }
    }
}

/// Why the stack did not start.
#[derive(Debug, thiserror::Error)]
pub enum NotStarted {
    /// An address cannot be listened on.
    #[error("{what} cannot listen on {address}: {source}")]
    Address {
        /// HTTP, DynamoDB …
        what: &'static str,
        /// Where.
        address: SocketAddr,
        /// Why.
        source: std::io::Error,
    },
    /// The data directory.
    #[error("the data directory {path}: {source}")]
    DataDir {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Another process works in the data directory.
    #[error("the data directory {0} is in use by another process")]
    InUse(PathBuf),
    /// A setting.
    #[error(transparent)]
    Setting(#[from] BadSetting),
    /// The embedded DynamoDB.
    #[error("the embedded DynamoDB: {0}")]
    Database(String),
    /// The broker.
    #[error("the MQTT broker: {0}")]
    Broker(String),
    /// The log of an earlier run.
    #[error("the log of an earlier run: {0}")]
    Log(#[from] LogError),
}

/// The running stack.
pub struct Stack {
    /// Where it listens.
    pub at: Addresses,
    /// The broker, which tests stop and start.
    pub broker: Arc<LocalBroker>,
    /// The push services, which tests look at, and break.
    pub push: LocalPush,
    /// What the functions work with.
    pub app: App,
    /// What enters commits into the ledger.
    pub ledger: LedgerKeeper,
    /// What seals the ledger after every hour, and where to.
    pub sealer: Sealer,
    /// Where bundles and checkpoints are.
    pub checkpoints: PathBuf,
    /// A client of its DynamoDB.
    pub dynamodb: aws_sdk_dynamodb::Client,
    stop: CancellationToken,
    tasks: Vec<JoinHandle<()>>,
    stop_dynamodb: CancellationToken,
    dynamodb_task: JoinHandle<()>,
    /// Held for as long as the stack runs.
    _in_use: Option<File>,
    _scratch: Option<tempfile::TempDir>,
}

async fn bind(what: &'static str, address: SocketAddr) -> Result<TcpListener, NotStarted> {
    TcpListener::bind(address).await.map_err(|source| NotStarted::Address { what, address, source })
}

fn bound(what: &'static str, address: SocketAddr, listener: &TcpListener) -> Result<SocketAddr, NotStarted> {
    listener.local_addr().map_err(|source| NotStarted::Address { what, address, source })
}

/// Takes the data directory for this process alone.
fn take(dir: &Path) -> Result<File, NotStarted> {
    let failed = |source| NotStarted::DataDir { path: dir.to_owned(), source };
    std::fs::create_dir_all(dir).map_err(failed)?;
    let file = File::create(dir.join("in-use")).map_err(failed)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(std::fs::TryLockError::WouldBlock) => Err(NotStarted::InUse(dir.to_owned())),
        Err(std::fs::TryLockError::Error(source)) => Err(failed(source)),
    }
}

impl Stack {
    /// Starts everything, and returns when all of it is up.
    ///
    /// # Errors
    /// [`NotStarted`].
    pub async fn start(options: Options) -> Result<Self, NotStarted> {
        let data_dir = options.data_dir.as_deref();
        let in_use = data_dir.map(take).transpose()?;
        let scratch = match data_dir {
            Some(_) => None,
            None => {
                Some(tempfile::tempdir().map_err(|source| NotStarted::DataDir { path: std::env::temp_dir(), source })?)
            }
        };
        let http = bind("HTTP", options.at.http).await?;
        let dynamodb = bind("DynamoDB", options.at.dynamodb).await?;
        let stop = CancellationToken::new();
        let clock = options.clock;

        let database = dynamodb::open(data_dir)?;
        let dynamodb_at = bound("DynamoDB", options.at.dynamodb, &dynamodb)?;
        let stop_dynamodb = CancellationToken::new();
        let dynamodb_task = dynamodb::serve(dynamodb, database.clone(), stop_dynamodb.clone());
        let client = dynamodb::client(dynamodb_at, options.watch);

        let settings = Settings::for_dev(options.settings);
        let events_table = settings.events_table()?;
        dynamodb::create_table(&client, &events_table, ilock_log::TABLE).await?;
        dynamodb::create_table(&client, &settings.directory_table()?, ilock_directory::TABLE).await?;
        dynamodb::create_table(&client, &settings.ledger_table()?, ilock_log::LEDGER_TABLE).await?;

        let certificates = data_dir.or(scratch.as_ref().map(tempfile::TempDir::path)).unwrap_or(Path::new("."));
        let sessions = data_dir.map(|dir| dir.join("mqtt"));
        let broker = Arc::new(LocalBroker::new(settings.arns()?, certificates, sessions)?);
        let broker_at = broker.start(options.at.broker).await?;
        let settings = settings
            .or("MQTT_URL", format!("tcp://{}", broker_at.tcp))
            .or("MQTT_WEBSOCKET_URL", format!("ws://{}/mqtt", broker_at.websocket));

        let timer = LocalTimer::new(clock.clone(), stop.clone());
        let carrier: Arc<dyn Mqtt> = Arc::new(broker.carrier());
        let carrier = match options.between {
            Some(between) => between(carrier),
            None => carrier,
        };
        let push = LocalPush::new(clock.clone());
        let wiring =
            Wiring { settings, dynamodb: client.clone(), push: Some(Arc::new(push.clone())), clock: clock.clone() };
        let projector = wiring.projector(carrier.clone())?;
        let ledger = wiring.ledger()?;
        let checkpoints = certificates.join("ledger");
        let sealer = sealer(&checkpoints, ledger.ledger.clone(), clock.clone())?;
        let app = wiring.app(carrier, Arc::new(timer.clone()))?;
        timer.connect(app.calls.clone());
        broker.connect(Authority { mqtt: app.mqtt.clone(), directory: app.directory.clone(), clock: clock.clone() });

        // Timers die with their process; what still rings says until when.
        for history in app.calls.log.unfinished().await? {
            match history {
                Ok(History { call: Call { id, placed: Some(placed), .. }, .. }) => {
                    let _ = timer.arm(id, placed.terms.deadline).await;
                }
                Ok(_) => {}
                Err(error) => tracing::error!(%error, "a call of an earlier run cannot be read"),
            }
        }
        let poller = Poller::new(database, events_table, projector, ledger.clone(), clock, options.poll, data_dir);
        let mut tasks = vec![tokio::spawn(poller.run(stop.clone()))];
        tasks.push(tokio::spawn(stop.clone().run_until_cancelled_owned(seal(sealer.clone())).map(|_| ())));

        let http_at = bound("HTTP", options.at.http, &http)?;
        let router = service(all_routes(), app.clone()).merge(healthz()).merge(push.clone().routes());
        let shutdown = stop.clone().cancelled_owned();
        tasks.push(tokio::spawn(async move {
            if let Err(error) = axum::serve(http, router).with_graceful_shutdown(shutdown).await {
                tracing::error!(%error, "HTTP ended");
            }
        }));
        let at = Addresses { http: http_at, broker: broker_at, dynamodb: dynamodb_at };
        Ok(Self {
            at,
            broker,
            push,
            app,
            ledger,
            sealer,
            checkpoints,
            dynamodb: client,
            stop,
            tasks,
            stop_dynamodb,
            dynamodb_task,
            _in_use: in_use,
            _scratch: scratch,
        })
    }

    /// Stops everything, in order: first those who ask (HTTP, timers, the poller, which ends its batch), then the
    /// broker, then the DynamoDB that all of them need. Within two seconds.
    pub async fn stop(self) {
        self.stop.cancel();
        end(self.tasks, Duration::from_millis(1200)).await;
        self.broker.stop().await;
        self.stop_dynamodb.cancel();
        end(vec![self.dynamodb_task], Duration::from_millis(200)).await;
    }
}

/// Waits for `tasks`, and ends those that take longer than `patience`.
async fn end(tasks: Vec<JoinHandle<()>>, patience: Duration) {
    let aborts: Vec<_> = tasks.iter().map(JoinHandle::abort_handle).collect();
    if tokio::time::timeout(patience, join_all(tasks)).await.is_err() {
        tracing::warn!("something took too long to stop and was ended");
        aborts.iter().for_each(tokio::task::AbortHandle::abort);
    }
}

fn sealer(dir: &Path, ledger: Ledger, clock: Clock) -> Result<Sealer, NotStarted> {
    let folder = Folder::new(dir);
    let key = folder.key().map_err(|source| NotStarted::DataDir { path: dir.to_owned(), source })?;
    Ok(Sealer { ledger, vault: Arc::new(folder), key: Arc::new(key), clock })
}

/// Seals every hour a moment after its end.
async fn seal(sealer: Sealer) {
    loop {
        if let Err(error) = sealer.seal_due().await {
            tracing::error!(%error, "the hour is not sealed yet");
            tokio::time::sleep(SEAL_AGAIN).await;
            continue;
        }
        let now = sealer.clock.now();
        let left = Hour::of(now).ends().since(now);
        tokio::time::sleep(Duration::from_millis(left.unsigned_abs()) + SEAL_AFTER).await;
    }
}

fn healthz() -> Router {
    let body = json!({ "code": 0, "message": "OK", "data": { "status": "up" } });
    Router::new().route("/healthz", get(|| async move { axum::Json(body) }))
}
