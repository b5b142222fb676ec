//! A phone or a door station on the deployed broker: MQTT 5 over TLS, with the properties of each message.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use rumqttc::v5::mqttbytes::QoS;
use rumqttc::v5::mqttbytes::v5::{Packet, PublishProperties};
use rumqttc::v5::{AsyncClient, Event, EventLoop, MqttOptions};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use serde_json::Value;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout, timeout_at};
use tokio_rustls::TlsConnector;

use crate::deployment::{Broker, Deployment, Party, TIMEOUT};

#[derive(Debug, Clone)]
pub struct Heard {
    pub topic: String,
    pub body: Value,
    /// Expiry, content type and so on.
    pub properties: PublishProperties,
}

impl Heard {
    fn kind(&self) -> &str {
        if self.topic.ends_with("/calls/incoming") { "incoming" } else { self.body["action"].as_str().unwrap() }
    }
}

/// A connected phone with a persistent session.
pub struct Phone {
    /// The answer to the registration.
    pub registered: Value,
    deployment: Deployment,
    heard: mpsc::UnboundedReceiver<Heard>,
    seen: HashSet<String>,
    task: Listening,
}

/// Ends with its phone.
struct Listening(JoinHandle<()>);

impl Drop for Listening {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Phone {
    /// Registers `{id}_{name}` and connects.
    pub async fn of(deployment: &Deployment, party: &Party, name: &str) -> Self {
        Self::with(deployment, party.registers(name).await).await
    }

    async fn with(deployment: &Deployment, registered: Value) -> Self {
        let (ready, up) = oneshot::channel();
        let (sender, heard) = mpsc::unbounded_channel();
        let topics: Vec<String> =
            registered["topics"].as_object().unwrap().values().map(|topic| topic.as_str().unwrap().into()).collect();
        let entrance = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let client = AsyncClient::new(options(entrance.local_addr().unwrap().port(), &registered), 64);
        let broker = deployment.mqtt.clone();
        let task = tokio::spawn(async move {
            tokio::join!(by_tls(entrance, broker), listen(client, topics, ready, sender));
        });
        timeout(TIMEOUT, up).await.expect("the broker answers").expect("a registered client is let in");
        Self { registered, deployment: deployment.clone(), heard, seen: HashSet::new(), task: Listening(task) }
    }

    pub fn client_id(&self) -> &str {
        self.registered["mqtt_credentials"]["client_id"].as_str().unwrap()
    }

    /// Breaks the connection without a DISCONNECT, as phones do.
    pub async fn goes_away(&mut self) {
        self.task.0.abort();
        let _ = (&mut self.task.0).await;
    }

    /// Reconnects to its session; remembers what it has heard.
    pub async fn comes_back(&mut self) {
        let seen = std::mem::take(&mut self.seen);
        *self = Self { seen, ..Self::with(&self.deployment, self.registered.clone()).await };
    }

    /// The next new message; it must be of this action (`incoming` for a call).
    #[track_caller]
    pub fn hears(&mut self, action: &str) -> impl Future<Output = Heard> {
        let caller = std::panic::Location::caller();
        let action = action.to_owned();
        async move {
            loop {
                let heard = self.next_within(TIMEOUT).await;
                let Some(heard) = heard else { panic!("{caller}: heard nothing, and {action} was due") };
                // That another client was registered is about no call.
                if heard.body["action"] == "client_added" {
                    continue;
                }
                // A message may be delivered again; a client drops it.
                if !self.seen.insert(heard.body["message_id"].as_str().unwrap().to_owned()) {
                    continue;
                }
                assert_eq!(heard.kind(), action, "{caller}: heard {heard:?}");
                return heard;
            }
        }
    }

    /// The next message of any kind within `time`.
    pub async fn next_within(&mut self, time: Duration) -> Option<Heard> {
        timeout_at(Instant::now() + time, self.heard.recv()).await.ok().flatten()
    }
}

/// Passes on to `broker`, by TLS, whatever connects to `entrance`: the client knows TCP alone.
async fn by_tls(entrance: TcpListener, broker: Broker) {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(broker.authority.as_bytes()).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let tls = TlsConnector::from(Arc::new(config.with_root_certificates(roots).with_no_client_auth()));
    loop {
        let (mut client, _) = entrance.accept().await.unwrap();
        let (tls, broker) = (tls.clone(), broker.clone());
        tokio::spawn(async move {
            let stream = TcpStream::connect((broker.host.as_str(), broker.port)).await?;
            let mut stream = tls.connect(ServerName::try_from(broker.host).unwrap(), stream).await?;
            tokio::io::copy_bidirectional(&mut client, &mut stream).await
        });
    }
}

fn options(port: u16, registered: &Value) -> MqttOptions {
    let text = |name: &str| registered["mqtt_credentials"][name].as_str().unwrap().to_owned();
    let mut options = MqttOptions::new(text("client_id"), "127.0.0.1", port);
    options.set_credentials(text("username"), text("password"));
    options.set_clean_start(false);
    options.set_session_expiry_interval(Some(3600));
    options
}

async fn listen(
    (client, mut events): (AsyncClient, EventLoop),
    topics: Vec<String>,
    ready: oneshot::Sender<()>,
    sender: mpsc::UnboundedSender<Heard>,
) {
    let mut ready = Some(ready);
    let mut open = topics.len();
    loop {
        match events.poll().await {
            Ok(Event::Incoming(Packet::ConnAck(_))) => {
                for topic in &topics {
                    client.subscribe(topic, QoS::AtLeastOnce).await.unwrap();
                }
            }
            Ok(Event::Incoming(Packet::SubAck(_))) => {
                open = open.saturating_sub(1);
                if let Some(ready) = ready.take_if(|_| open == 0) {
                    let _ = ready.send(());
                }
            }
            Ok(Event::Incoming(Packet::Publish(publish))) => {
                let topic = String::from_utf8_lossy(&publish.topic).into_owned();
                let body = serde_json::from_slice(&publish.payload).unwrap();
                let properties = publish.properties.unwrap_or_default();
                let _ = sender.send(Heard { topic, body, properties });
            }
            Ok(_) => {}
            Err(error) => {
                assert!(ready.is_none(), "not let in: {error}");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
}
