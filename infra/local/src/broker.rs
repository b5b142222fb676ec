//! The MQTT broker: TCP, TLS and WebSocket, MQTT 3.1.1 and 5. It asks the real authorizer about every CONNECT and
//! enforces the very policy that comes back.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::future::BoxFuture;
use ilock_auth::Arns;
use ilock_events::{Carrier, ClientName, TopicPrefix};
use ilock_functions::lock::lock;
use ilock_notify::{CarrierError, Mqtt, Publish};
use mqtt5::QoS;
use mqtt5::broker::config::{BrokerConfig, StorageBackend, StorageConfig, WebSocketConfig};
use mqtt5::broker::router::MessageRouter;
use mqtt5::broker::storage::{DynamicStorage, StorageBackend as _};
use mqtt5::broker::{BrokerShutdownHandle, MqttBroker};
use mqtt5::packet::publish::PublishPacket;
use tokio::task::JoinHandle;

use crate::broker_acl::{Authority, BrokerAcl};
use crate::broker_entrance::{Entrance, Handshake, tls};
use crate::dynamodb::KeptConnections;
use crate::error::NotStarted;
use crate::listening::listen;
use crate::presence::{PresenceReporter, note_nobody_connected};

/// As IoT Core: 128 KB a message.
const MAX_PACKET: usize = 128 * 1024;

/// As IoT Core's default: an unconnected session is kept for an hour.
const SESSION: Duration = Duration::from_hours(1);

/// How often it is looked whose time is up.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// Where the broker listens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BrokerAddresses {
    /// MQTT over TCP.
    pub tcp: SocketAddr,
    /// MQTT over WebSocket, at `/mqtt`.
    pub websocket: SocketAddr,
    /// MQTT over TLS.
    pub tls: SocketAddr,
}

/// The broker, which can be stopped and started again.
pub struct LocalBroker {
    acl: Arc<BrokerAcl>,
    storage: Storage,
    /// Which connections stood.
    kept: KeptConnections,
    running: tokio::sync::Mutex<Option<Running>>,
    /// What publishers use; none while the broker is down.
    open: Arc<Mutex<Option<Open>>>,
}

struct Storage {
    /// Certificate and key of the TLS listener.
    certificate: (PathBuf, PathBuf),
    /// Where sessions are kept over a restart.
    sessions: Option<PathBuf>,
}

struct Running {
    stop: BrokerShutdownHandle,
    task: JoinHandle<()>,
    /// Ends connections whose time is up.
    guard: JoinHandle<()>,
    /// Before its WebSocket and TLS ports.
    entrances: [Entrance; 2],
    at: BrokerAddresses,
}

#[derive(Clone)]
struct Open {
    router: Arc<MessageRouter>,
    storage: Option<Arc<DynamicStorage>>,
}

impl LocalBroker {
    /// A broker that is not started yet. `certificates` is where its self-signed certificate lies, or is put;
    /// `sessions` where sessions are kept over a restart, and `kept` which connections stood before it.
    ///
    /// # Errors
    /// [`NotStarted::Broker`] when the certificate cannot be made.
    pub(crate) fn new(
        arns: Arns,
        certificates: &Path,
        sessions: Option<PathBuf>,
        kept: KeptConnections,
    ) -> Result<Self, NotStarted> {
        let (acl, storage) = (BrokerAcl::new(arns), Storage { certificate: certificate(certificates)?, sessions });
        Ok(Self { acl, storage, kept, running: tokio::sync::Mutex::new(None), open: Arc::default() })
    }

    /// Tells the broker whom to ask about clients. Until then nobody may connect, so the connections that are kept are those of
    /// an earlier process.
    ///
    /// # Errors
    /// [`NotStarted::Database`] where those cannot be read.
    pub(crate) fn connect(&self, authority: Authority) -> Result<(), NotStarted> {
        note_nobody_connected(&authority, &self.kept).map_err(NotStarted::Database)?;
        self.acl.connect(authority);
        Ok(())
    }

    /// The carrier that publishes on this broker, with `prefix` before every topic.
    #[must_use]
    pub fn carrier(&self, prefix: TopicPrefix) -> LocalMqtt {
        LocalMqtt { open: self.open.clone(), prefix }
    }

    /// Starts listening at `at`; port 0 is any. Returns where it listens.
    ///
    /// # Errors
    /// [`NotStarted::Address`] and [`NotStarted::Broker`] when an address is taken.
    pub async fn start(&self, at: BrokerAddresses) -> Result<BrokerAddresses, NotStarted> {
        let mut running = self.running.lock().await;
        if let Some(running) = &*running {
            return Ok(running.at);
        }
        // One that starts again may not have been told of the end of each connection.
        if let Some(authority) = self.acl.authority() {
            note_nobody_connected(authority, &self.kept).map_err(NotStarted::Database)?;
        }
        let failed = |error: mqtt5::MqttError| NotStarted::Broker(error.to_string());
        // Two libraries bring a provider of TLS each; the process must be told which. Told twice is told.
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let (websocket, websocket_at) = listen("MQTT over WebSocket", at.websocket).await?;
        let (secure, tls_at) = listen("MQTT over TLS", at.tls).await?;
        let (certificate, key) = &self.storage.certificate;
        let by_tls = tls((certificate, key))?;
        let mut broker =
            MqttBroker::with_config(self.config(at.tcp)).await.map_err(failed)?.with_auth_provider(self.acl.clone());
        let bound = |address: Option<SocketAddr>| address.ok_or_else(|| NotStarted::Broker("no address".into()));
        let (tcp, behind) = (bound(broker.local_addr())?, bound(broker.ws_local_addr())?);
        let at = BrokerAddresses { tcp, websocket: websocket_at, tls: tls_at };
        let open = Open { router: broker.router(), storage: broker.storage() };
        let stop = broker.shutdown_handle();
        let mut ready = broker.ready_receiver();
        let task = tokio::spawn(async move {
            if let Err(error) = broker.run().await {
                tracing::error!(%error, "the broker ended");
            }
        });
        ready.wait_for(|up| *up).await.map_err(|_| NotStarted::Broker("it ended before it was up".into()))?;
        self.acl.rules().route_by(Some(open.router.clone()));
        let guard = tokio::spawn(end_overdue(self.acl.clone(), open.router.clone()));
        let entrances = [Entrance::open(websocket, Handshake::WebSocket, behind), Entrance::open(secure, by_tls, tcp)];
        *lock(&self.open) = Some(open);
        *running = Some(Running { stop, task, guard, entrances, at });
        Ok(at)
    }

    /// Stops listening and closes every connection. Publishers are told that the broker is down.
    pub async fn stop(&self) {
        *lock(&self.open) = None;
        self.acl.rules().route_by(None);
        if let Some(running) = self.running.lock().await.take() {
            running.guard.abort();
            running.stop.shutdown();
            if tokio::time::timeout(Duration::from_millis(500), running.task).await.is_err() {
                tracing::warn!("the broker took too long to stop");
            }
            for entrance in running.entrances {
                entrance.close().await;
            }
        }
    }

    fn config(&self, tcp: SocketAddr) -> BrokerConfig {
        let storage = match &self.storage.sessions {
            Some(dir) => StorageConfig::new().with_backend(StorageBackend::File).with_base_dir(dir.clone()),
            None => StorageConfig::new().with_backend(StorageBackend::Memory),
        };
        // Reached by the entrance alone.
        let websocket: SocketAddr = (Ipv4Addr::LOCALHOST, 0).into();
        BrokerConfig::new()
            .with_bind_address(tcp)
            .with_websocket(WebSocketConfig::new().with_bind_address(websocket).with_path("/mqtt"))
            .with_storage(storage)
            .with_session_expiry(SESSION)
            .with_max_packet_size(MAX_PACKET)
            .with_retain_available(false)
            .with_sys_topics_enabled(false)
            .with_event_handler(Arc::new(PresenceReporter::new(self.acl.clone(), self.kept.clone())))
    }
}

/// As IoT Core: a connection ends when its password has run out. Its session stays.
async fn end_overdue(acl: Arc<BrokerAcl>, router: Arc<MessageRouter>) {
    loop {
        tokio::time::sleep(LOOK_EVERY).await;
        for client in acl.overdue().await {
            tracing::info!(client_id = client, "the connection's time is up");
            router.disconnect_client(&client).await;
        }
    }
}

/// The self-signed certificate in `dir`, made if it is not there.
fn certificate(dir: &Path) -> Result<(PathBuf, PathBuf), NotStarted> {
    let failed = |error: &dyn std::error::Error| NotStarted::Broker(format!("its certificate: {error}"));
    let (certificate, key) = (dir.join("mqtts.crt"), dir.join("mqtts.key"));
    if !certificate.exists() || !key.exists() {
        let made = rcgen::generate_simple_self_signed(vec!["localhost".into(), "127.0.0.1".into()])
            .map_err(|error| failed(&error))?;
        std::fs::create_dir_all(dir).map_err(|error| failed(&error))?;
        std::fs::write(&certificate, made.cert.pem()).map_err(|error| failed(&error))?;
        write_private(&key, &made.signing_key.serialize_pem()).map_err(|error| failed(&error))?;
    }
    Ok((certificate, key))
}

fn write_private(path: &Path, text: &str) -> std::io::Result<()> {
    use std::io::Write;
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)?.write_all(text.as_bytes())
}

/// Publishes on the broker of this process. What it has taken, it delivers, queues for who is away, or drops when it
/// has expired.
#[derive(Clone)]
pub struct LocalMqtt {
    open: Arc<Mutex<Option<Open>>>,
    prefix: TopicPrefix,
}

impl LocalMqtt {
    fn open(&self) -> Result<Open, CarrierError> {
        lock(&self.open)
            .clone()
            .ok_or_else(|| CarrierError { carrier: Carrier::Mqtt, why: "the broker is down".into() })
    }
}

impl Mqtt for LocalMqtt {
    fn publish(&self, message: Publish) -> BoxFuture<'_, Result<Option<String>, CarrierError>> {
        Box::pin(async move {
            let open = self.open()?;
            let packet = PublishPacket::new(self.prefix.topic(&message.topic), message.payload, QoS::AtLeastOnce)
                .with_message_expiry_interval(message.expiry_seconds)
                .with_payload_format_indicator(true)
                .with_content_type("application/json".into())
                .with_user_property("message_id".into(), message.message_id.to_string());
            open.router.route_message(&packet, None).await;
            Ok(None)
        })
    }

    fn end_session(&self, client: ClientName) -> BoxFuture<'_, Result<(), CarrierError>> {
        Box::pin(async move {
            let open = self.open()?;
            let failed = |error: mqtt5::MqttError| CarrierError { carrier: Carrier::Mqtt, why: error.to_string() };
            open.router.unregister_client(client.as_str()).await;
            if let Some(storage) = open.storage {
                storage.remove_queued_messages(client.as_str()).await.map_err(failed)?;
                storage.remove_session(client.as_str()).await.map_err(failed)?;
            }
            Ok(())
        })
    }
}
