//! A phone or a door station that listens by MQTT. It uses rumqttc, so that broker and client share no code.

use std::collections::HashSet;
use std::time::Duration;

use rumqttc::{MqttOptions, v5};
use serde_json::Value;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout_at};

use crate::parties::Party;

/// How long a phone waits for a message that must come.
const TIMEOUT: Duration = Duration::from_secs(10);

/// The version of MQTT.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Version {
    V311,
    V5,
}

/// One message and when it arrived.
#[derive(Debug, Clone)]
pub struct Heard {
    pub topic: String,
    pub body: Value,
    pub at: Instant,
}

/// What a phone connects with; kept, so that it can come back.
#[derive(Debug, Clone)]
pub struct Credentials {
    /// The broker's host and port.
    pub broker: (String, u16),
    /// The MQTT client id.
    pub client_id: String,
    /// User or device.
    pub username: String,
    pub password: String,
    /// What to subscribe to.
    pub topics: Vec<String>,
}

impl Credentials {
    /// From the answer to a registration.
    #[must_use]
    pub fn of(registered: &Value) -> Self {
        let mqtt = &registered["mqtt_credentials"];
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let address = text(&mqtt["broker_url"]);
        let (host, port) = address.split_once("://").unwrap().1.rsplit_once(':').unwrap();
        Self {
            broker: (host.to_owned(), port.parse().unwrap()),
            client_id: text(&mqtt["client_id"]),
            username: text(&mqtt["username"]),
            password: text(&mqtt["password"]),
            topics: registered["topics"].as_object().unwrap().values().map(text).collect(),
        }
    }
}

/// A connected phone with a persistent session.
pub struct Phone {
    /// What it connected with.
    pub credentials: Credentials,
    version: Version,
    heard: mpsc::UnboundedReceiver<Heard>,
    seen: HashSet<String>,
    task: JoinHandle<()>,
}

impl Phone {
    /// Registers `{id}_{name}` and connects.
    pub async fn connect(party: &Party, name: &str, version: Version) -> Self {
        let credentials = Credentials::of(&party.registers(name).await);
        Self::with(credentials, version).await.expect("a registered client is let in")
    }

    /// Connects with these credentials.
    ///
    /// # Errors
    /// The broker's refusal, as text.
    pub async fn with(credentials: Credentials, version: Version) -> Result<Self, String> {
        let (ready, up) = tokio::sync::oneshot::channel();
        let (sender, heard) = mpsc::unbounded_channel();
        let task = match version {
            Version::V5 => tokio::spawn(listen_v5(credentials.clone(), ready, sender)),
            Version::V311 => tokio::spawn(listen_v311(credentials.clone(), ready, sender)),
        };
        match up.await {
            Ok(Ok(())) => Ok(Self { credentials, version, heard, seen: HashSet::new(), task }),
            Ok(Err(refusal)) => Err(refusal),
            Err(_) => Err("the connection ended".into()),
        }
    }

    /// Breaks the connection without a DISCONNECT, as phones do.
    pub fn goes_away(&mut self) {
        self.task.abort();
    }

    /// Reconnects to its session; forgets what it has heard.
    pub async fn comes_back(&mut self) {
        *self = Self::with(self.credentials.clone(), self.version).await.expect("a registered client is let in");
    }

    /// The next new message; it must be of this action (`incoming` for a call).
    #[track_caller]
    pub fn hears(&mut self, action: &str) -> impl Future<Output = Value> {
        let caller = std::panic::Location::caller();
        let action = action.to_owned();
        async move {
            loop {
                let heard = self.next_within(TIMEOUT).await;
                let Some(heard) = heard else { panic!("{caller}: heard nothing, and {action} was due") };
                // A message may be delivered again; a client drops it.
                if !self.seen.insert(heard.body["message_id"].as_str().unwrap().to_owned()) {
                    continue;
                }
                // That the person has another client is told to whoever asks for it.
                if is_news(&heard) && kind(&heard) != action {
                    continue;
                }
                assert_eq!(kind(&heard), action, "{caller}: heard {heard:?}");
                return heard.body;
            }
        }
    }

    /// The next message of any kind within `time`.
    pub async fn next_within(&mut self, time: Duration) -> Option<Heard> {
        timeout_at(Instant::now() + time, self.heard.recv()).await.ok().flatten()
    }

    /// Every message within `time`.
    pub async fn all_within(&mut self, time: Duration) -> Vec<Heard> {
        let until = Instant::now() + time;
        let mut all = vec![];
        while let Ok(Some(heard)) = timeout_at(until, self.heard.recv()).await {
            all.push(heard);
        }
        all
    }

    /// Asserts that no new message comes within `time`.
    #[track_caller]
    pub fn hears_nothing(&mut self, time: Duration) -> impl Future<Output = ()> {
        let caller = std::panic::Location::caller();
        async move {
            let heard = self.all_within(time).await;
            let is_new = |heard: &&Heard| !self.seen.contains(heard.body["message_id"].as_str().unwrap());
            let news = heard.iter().filter(|heard| !is_news(heard)).find(is_new);
            assert!(news.is_none(), "{caller}: heard {news:?}");
        }
    }
}

impl Drop for Phone {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Whether it says that the person has another client than before, and nothing of a call.
fn is_news(heard: &Heard) -> bool {
    heard.body["action"].as_str().is_some_and(|action| action.starts_with("client_"))
}

/// `incoming`, or the message's action.
#[must_use]
pub fn kind(heard: &Heard) -> String {
    if heard.topic.ends_with("/calls/incoming") {
        "incoming".into()
    } else {
        heard.body["action"].as_str().unwrap().into()
    }
}

type Ready = tokio::sync::oneshot::Sender<Result<(), String>>;

async fn listen_v5(credentials: Credentials, ready: Ready, sender: mpsc::UnboundedSender<Heard>) {
    use v5::mqttbytes::QoS;
    use v5::mqttbytes::v5::Packet;

    let mut options = v5::MqttOptions::new(&credentials.client_id, &credentials.broker.0, credentials.broker.1);
    options.set_credentials(&credentials.username, &credentials.password);
    options.set_clean_start(false);
    options.set_session_expiry_interval(Some(3600));
    let (client, mut events) = v5::AsyncClient::new(options, 64);
    let mut ready = Some(ready);
    let mut open = credentials.topics.len();
    loop {
        match events.poll().await {
            Ok(v5::Event::Incoming(Packet::ConnAck(_))) => {
                for topic in &credentials.topics {
                    client.subscribe(topic, QoS::AtLeastOnce).await.unwrap();
                }
            }
            Ok(v5::Event::Incoming(Packet::SubAck(_))) => {
                open = open.saturating_sub(1);
                if let Some(ready) = ready.take_if(|_| open == 0) {
                    let _ = ready.send(Ok(()));
                }
            }
            Ok(v5::Event::Incoming(Packet::Publish(publish))) => {
                let topic = String::from_utf8_lossy(&publish.topic).into_owned();
                let body = serde_json::from_slice(&publish.payload).unwrap();
                let _ = sender.send(Heard { topic, body, at: Instant::now() });
            }
            Ok(_) => {}
            Err(error) => match ready.take() {
                Some(ready) => {
                    let _ = ready.send(Err(error.to_string()));
                    return;
                }
                None => tokio::time::sleep(Duration::from_millis(100)).await,
            },
        }
    }
}

async fn listen_v311(credentials: Credentials, ready: Ready, sender: mpsc::UnboundedSender<Heard>) {
    use rumqttc::{AsyncClient, Event, Packet, QoS};

    let mut options = MqttOptions::new(&credentials.client_id, &credentials.broker.0, credentials.broker.1);
    options.set_credentials(&credentials.username, &credentials.password);
    options.set_clean_session(false);
    let (client, mut events) = AsyncClient::new(options, 64);
    let mut ready = Some(ready);
    let mut open = credentials.topics.len();
    loop {
        match events.poll().await {
            Ok(Event::Incoming(Packet::ConnAck(_))) => {
                for topic in &credentials.topics {
                    client.subscribe(topic, QoS::AtLeastOnce).await.unwrap();
                }
            }
            Ok(Event::Incoming(Packet::SubAck(_))) => {
                open = open.saturating_sub(1);
                if let Some(ready) = ready.take_if(|_| open == 0) {
                    let _ = ready.send(Ok(()));
                }
            }
            Ok(Event::Incoming(Packet::Publish(publish))) => {
                let body = serde_json::from_slice(&publish.payload).unwrap();
                let _ = sender.send(Heard { topic: publish.topic, body, at: Instant::now() });
            }
            Ok(_) => {}
            Err(error) => match ready.take() {
                Some(ready) => {
                    let _ = ready.send(Err(error.to_string()));
                    return;
                }
                None => tokio::time::sleep(Duration::from_millis(100)).await,
            },
        }
    }
}
