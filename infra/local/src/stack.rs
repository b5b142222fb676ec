//! All of it, started and stopped together.

use std::fs::File;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use aws_sdk_dynamodb::config::SharedInterceptor;
use axum::Router;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::get;
use dynoxide::Database;
use futures::FutureExt;
use futures::future::join_all;
use ilock_directory::Directory;
use ilock_functions::http::response::in_language;
use ilock_functions::http::router::{all_routes, ledger_routes, service};
use ilock_functions::service::calls::Calls;
use ilock_functions::service::mqtt_access::MqttAccess;
use ilock_functions::settings::{BadSetting, Settings};
use ilock_functions::triggers::ledger::LedgerKeeper;
use ilock_functions::triggers::projector::Projector;
use ilock_functions::triggers::sequencer::sequence;
use ilock_functions::wiring::{InProcess, Wiring};
use ilock_log::ledger::{LEDGER_TABLE, Ledger, LedgerReader, Sequencer};
use ilock_notify::Mqtt;
use serde_json::json;
use tempfile::TempDir;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::broker::{BrokerAddresses, LocalBroker};
use crate::broker_acl::Authority;
use crate::dynamodb::{self, KeptAlarms, KeptConnections};
use crate::error::NotStarted;
use crate::http::cors::local_pages;
use crate::http::dated::dated;
use crate::http::host::{by_no_foreign_name, own_programs_only};
use crate::http::whole::carried_out;
use crate::http::{Served, reachable, serve};
use crate::ledger_folder::{LedgerFolder, signing_key};
use crate::listening::listen;
use crate::options::{Addresses, Options};
use crate::pages::{self, PageRoom, Pages, anybody_can_sign};
use crate::push::LocalPush;
use crate::room::{self, RoomState};
use crate::stream::{Poller, StreamSource};
use crate::timer::LocalTimer;

/// How long one run of the sequencer goes on where much waits.
const SEQUENCER_BUDGET: Duration = Duration::from_secs(30);

/// The running stack.
pub struct Stack {
    /// Where it listens.
    pub at: Addresses,
    /// The broker, which tests stop and start.
    pub broker: Arc<LocalBroker>,
    /// The push services, which tests look at, and break.
    pub push: LocalPush,
    /// The calls, which tests command and read.
    pub calls: Calls,
    /// The directory, which tests read.
    pub directory: Directory,
    /// What decides who may connect to the broker.
    pub mqtt: MqttAccess,
    /// Enters what the log holds into the ledger.
    pub ledger: LedgerKeeper,
    /// Sequences the ledger.
    pub sequencer: Sequencer,
    /// The ledger's folder: checkpoint, tiles, key.
    pub tlog: PathBuf,
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

/// Takes the data directory for this process alone.
fn take(dir: &Path) -> Result<File, NotStarted> {
    let failed = |source| NotStarted::DataDir { path: dir.to_owned(), source };
    if dir.is_file() {
        return Err(failed(std::io::Error::new(
            std::io::ErrorKind::NotADirectory,
            "it is a file, and must be a folder",
        )));
    }
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
        let Options { at, data_dir, settings, header_timeout, poll, watch, mqtt_layer, clock, trtc_pages } = options;
        let (page_room, settings) = (PageRoom::new(&settings, &trtc_pages)?, Settings::for_dev(settings));
        settings.check()?;
        let in_use = data_dir.as_deref().map(take).transpose()?;
        let scratch = if data_dir.is_some() { None } else { Some(scratch()?) };
        let files = data_dir.as_deref().or(scratch.as_ref().map(TempDir::path)).unwrap_or(Path::new("."));
        let (http, http_at) = listen("HTTP", at.http).await?;
        let tables = Tables::start(at.dynamodb, data_dir.as_deref(), &settings, watch).await?;

        let sessions = data_dir.as_ref().map(|dir| dir.join("mqtt"));
        let (connections, alarms) = kept(&tables.database)?;
        let broker = Arc::new(LocalBroker::new(settings.arns()?, files, sessions, connections)?);
        let broker_at = broker.start(at.broker).await?;
        let settings = with_broker(settings, broker_at);

        let stop = CancellationToken::new();
        let timer = LocalTimer::new(alarms, clock.clone(), stop.clone());
        let carrier: Arc<dyn Mqtt> = Arc::new(broker.carrier(settings.topic_prefix()?));
        let mqtt = mqtt_layer.map_or_else(|| carrier.clone(), |layer| layer(carrier.clone()));
        let push = LocalPush::new(clock.clone());
        let carriers = InProcess { mqtt, timer: Arc::new(timer.clone()), push: Some(Arc::new(push.clone())) };
        let (dynamodb, carriers) = (tables.client.clone(), Arc::new(carriers));
        let wiring = Wiring { settings, dynamodb: dynamodb.clone(), carriers, clock: clock.clone() };

        let (calls, directory, mqtt) = (wiring.calls()?, wiring.directory()?, wiring.mqtt_access()?);
        timer.connect(calls.clone());
        broker.connect(Authority { mqtt: mqtt.clone(), directory: directory.clone(), clock: clock.clone() })?;
        timer.set_kept().map_err(NotStarted::Database)?;

        let ledger = LedgerKeeper::new(&wiring)?;
        let (sequencer, tlog) = sequencer(&wiring, files, ledger.ledger.clone())?;
        let table = wiring.settings.events_table()?;
        let source = StreamSource { database: tables.database, table, poll, resumes: data_dir.is_some() };
        let poller = Poller::new(source, Projector::new(&wiring)?, ledger.clone(), clock)?;
        let mut tasks = vec![tokio::spawn(poller.run(stop.clone()))];
        tasks.push(sequencing(&stop, sequencer.clone(), wiring.settings.sequence_every()?));

        let reader = LedgerReader::new(sequencer.store.clone());
        let router = routes(&wiring, &push, &reader, page_room, &stop)?.merge(stores(tables.at, &tlog));
        tasks.push(tokio::spawn(serve(Served { listener: http, router, header_timeout }, stop.clone())));
        Ok(Self {
            at: Addresses { http: http_at, broker: broker_at, dynamodb: tables.at },
            broker,
            push,
            calls,
            directory,
            mqtt,
            ledger,
            sequencer,
            tlog,
            dynamodb,
            stop,
            tasks,
            stop_dynamodb: tables.stop,
            dynamodb_task: tables.task,
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

/// The embedded DynamoDB, with the tables of a deployment.
struct Tables {
    database: Database,
    client: aws_sdk_dynamodb::Client,
    at: SocketAddr,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl Tables {
    async fn start(
        address: SocketAddr,
        data_dir: Option<&Path>,
        settings: &Settings,
        watch: Option<SharedInterceptor>,
    ) -> Result<Self, NotStarted> {
        let (listener, at) = dynamodb::bind(address).await?;
        let database = dynamodb::open(data_dir)?;
        let stop = CancellationToken::new();
        let task = dynamodb::serve(listener, database.clone(), stop.clone());
        let client = dynamodb::client(at, watch);
        dynamodb::create_table(&client, &settings.events_table()?, ilock_log::TABLE).await?;
        dynamodb::create_table(&client, &settings.directory_table()?, ilock_directory::TABLE).await?;
        dynamodb::create_table(&client, &settings.ledger_table()?, LEDGER_TABLE).await?;
        Ok(Self { database, client, at, stop, task })
    }
}

fn scratch() -> Result<TempDir, NotStarted> {
    tempfile::tempdir().map_err(|source| NotStarted::DataDir { path: std::env::temp_dir(), source })
}

/// What the process before has left in the tables of its own.
fn kept(database: &Database) -> Result<(KeptConnections, KeptAlarms), NotStarted> {
    let kept = KeptConnections::of(database).and_then(|connections| Ok((connections, KeptAlarms::of(database)?)));
    kept.map_err(NotStarted::Database)
}

/// Where clients reach the broker, unless a setting says so.
fn with_broker(settings: Settings, at: BrokerAddresses) -> Settings {
    settings
        .or("MQTT_URL", format!("tcp://{}", reachable(at.tcp)))
        .or("MQTT_WEBSOCKET_URL", format!("ws://{}/mqtt", reachable(at.websocket)))
}

fn routes(
    wiring: &Wiring,
    push: &LocalPush,
    ledger: &LedgerReader,
    page_room: PageRoom,
    stop: &CancellationToken,
) -> Result<Router, BadSetting> {
    let room = room::routes(RoomState::new(wiring.settings.trtc()?, wiring.clock.clone(), stop.clone()));
    let pages = pages::routes(Pages::new(&wiring.settings, page_room, wiring.clock.clone())?, room);
    let api = service(all_routes(wiring)?.merge(ledger_routes(wiring, ledger)?));
    let guarded = anybody_can_sign(&wiring.settings.access()?.keys);
    let api = if guarded { api.layer(from_fn(by_no_foreign_name)).layer(from_fn(in_language)) } else { api };
    let api = api.layer(from_fn(carried_out));
    let pushes = push.clone().routes().layer(from_fn(own_programs_only));
    let all = api.merge(healthz()).merge(pushes).merge(pages);
    Ok(all.layer(from_fn(local_pages)).layer(from_fn_with_state(wiring.clock.clone(), dated)))
}

/// Waits for `tasks`, and ends those that take longer than `patience`.
async fn end(tasks: Vec<JoinHandle<()>>, patience: Duration) {
    let aborts: Vec<_> = tasks.iter().map(JoinHandle::abort_handle).collect();
    if tokio::time::timeout(patience, join_all(tasks)).await.is_err() {
        tracing::warn!("a task took too long to stop and was aborted");
        aborts.iter().for_each(tokio::task::AbortHandle::abort);
    }
}

/// What sequences the ledger below `files`, and the ledger's folder.
fn sequencer(wiring: &Wiring, files: &Path, ledger: Ledger) -> Result<(Sequencer, PathBuf), NotStarted> {
    let failed = |source| NotStarted::DataDir { path: files.to_owned(), source };
    let (key, tlog) = (signing_key(&files.join("tlog.key")).map_err(failed)?, files.join("tlog"));
    let sequencer = Sequencer {
        origin: key.verify_key().name().to_owned(),
        ledger,
        store: Arc::new(LedgerFolder::new(&tlog)),
        signers: vec![Arc::new(key)],
        witnesses: wiring.witnesses()?,
        clock: wiring.clock.clone(),
    };
    Ok((sequencer, tlog))
}

/// Starts to sequence the ledger, until `stop`.
fn sequencing(stop: &CancellationToken, sequencer: Sequencer, every: Duration) -> JoinHandle<()> {
    tokio::spawn(stop.clone().run_until_cancelled_owned(keep_sequencing(sequencer, every)).map(|_| ()))
}

/// Sequences the ledger again and again.
async fn keep_sequencing(sequencer: Sequencer, every: Duration) {
    let mut tick = tokio::time::interval(every);
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tick.tick().await;
        if let Err(error) = sequence(&sequencer, SEQUENCER_BUDGET).await {
            tracing::error!(%error, "the ledger was not sequenced; trying again");
        }
    }
}

/// Where the stores are, for the commands that follow this server.
fn stores(dynamodb: SocketAddr, tlog: &Path) -> Router {
    let tlog = std::path::absolute(tlog).unwrap_or_else(|_| tlog.to_owned());
    let body = json!({ "dynamodb": dynamodb, "tlog": tlog });
    let stores = Router::new().route("/dev/stores", get(|| async move { axum::Json(body) }));
    stores.layer(from_fn(own_programs_only))
}

fn healthz() -> Router {
    let body = json!({ "code": 0, "message": "OK", "data": { "status": "up" } });
    Router::new().route("/healthz", get(|| async move { axum::Json(body) }))
}
