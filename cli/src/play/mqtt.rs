//! An MQTT connection with the credentials from registration: persistent session, QoS 1, reconnecting.

use std::collections::{HashSet, VecDeque};
use std::path::Path;
use std::time::Duration;

use ilock_env::Clock;
use ilock_events::{ClientRegistered, MqttCredentials};
use rumqttc::v5::mqttbytes::QoS;
use rumqttc::v5::mqttbytes::v5::{ConnectReturnCode, Packet, Publish};
use rumqttc::v5::{AsyncClient, ConnectionError, Event, EventLoop, MqttOptions};
use rumqttc::{TlsConfiguration, Transport};
use serde_json::Value;

use crate::ui::error::CommandError;

const RECONNECT_DELAY: Duration = Duration::from_millis(500);

/// A message that has not expired and was not received before.
#[derive(Debug)]
pub struct Message {
    pub topic: String,
    pub body: Value,
}

pub struct MqttConnection {
    client: AsyncClient,
    events: EventLoop,
    topics: Vec<String>,
    /// Messages that arrived before all subscriptions were acknowledged.
    early: VecDeque<Publish>,
    seen: HashSet<String>,
}

fn parse_broker_url(url: &str) -> Result<(&str, u16, bool), CommandError> {
    let unsupported = || {
        CommandError::new(format!("cannot use the broker's URL {url}"))
            .hint("this command supports tcp://HOST:PORT and ssl://HOST:PORT")
    };
    let (scheme, rest) = url.split_once("://").ok_or_else(unsupported)?;
    let tls = match scheme {
        "tcp" | "mqtt" => false,
        "ssl" | "tls" | "mqtts" => true,
        _ => return Err(unsupported()),
    };
    let (host, port) = rest.trim_end_matches('/').rsplit_once(':').ok_or_else(unsupported)?;
    Ok((host, port.parse().map_err(|_| unsupported())?, tls))
}

fn options(credentials: &MqttCredentials, ca: Option<&Path>) -> Result<MqttOptions, CommandError> {
    let (host, port, tls) = parse_broker_url(&credentials.broker_url)?;
    let mut options = MqttOptions::new(credentials.client_id.as_str(), host, port);
    options.set_credentials(&credentials.username, &credentials.password);
    options.set_keep_alive(Duration::from_secs(30));
    options.set_clean_start(false);
    options.set_session_expiry_interval(Some(3600));
    if tls {
        options.set_transport(Transport::tls_with_config(tls_config(ca)?));
    }
    Ok(options)
}

impl MqttConnection {
    /// Connects and subscribes. `ca` is a PEM file to trust instead of the system's certificates.
    pub async fn open(registered: &ClientRegistered, ca: Option<&Path>) -> Result<Self, CommandError> {
        let credentials = &registered.mqtt_credentials;
        let (client, mut events) = AsyncClient::new(options(credentials, ca)?, 16);
        loop {
            match events.poll().await {
                Ok(Event::Incoming(Packet::ConnAck(_))) => break,
                Ok(_) => {}
                Err(error) => return Err(connect_error(&credentials.broker_url, &error)),
            }
        }
        let topics = [&registered.topics.incoming_calls, &registered.topics.device_sync];
        let mut topics: Vec<String> = topics.into_iter().flatten().cloned().collect();
        topics.push(registered.topics.call_control.clone());
        let mut connection = Self { client, events, topics, early: VecDeque::new(), seen: HashSet::new() };
        connection.subscribe().await?;
        let mut unacknowledged = connection.topics.len();
        while unacknowledged > 0 {
            match connection.events.poll().await.map_err(CommandError::new)? {
                Event::Incoming(Packet::SubAck(_)) => unacknowledged -= 1,
                // The broker sends what it queued for this session right after CONNACK.
                Event::Incoming(Packet::Publish(publish)) => connection.early.push_back(publish),
                _ => {}
            }
        }
        Ok(connection)
    }

    async fn subscribe(&self) -> Result<(), CommandError> {
        for topic in &self.topics {
            self.client.subscribe(topic, QoS::AtLeastOnce).await.map_err(CommandError::new)?;
        }
        Ok(())
    }

    /// The next new message. Reconnects when the connection breaks, and calls `on_disconnect` with the reason.
    pub async fn next(&mut self, on_disconnect: impl Fn(&str)) -> Result<Message, CommandError> {
        loop {
            let publish = match self.early.pop_front() {
                Some(publish) => publish,
                None => match self.events.poll().await {
                    Ok(Event::Incoming(Packet::Publish(publish))) => publish,
                    Ok(Event::Incoming(Packet::ConnAck(connected))) => {
                        if !connected.session_present {
                            self.subscribe().await?;
                        }
                        continue;
                    }
                    Ok(_) => continue,
                    Err(ConnectionError::ConnectionRefused(code)) => {
                        return Err(CommandError::new(format!("the broker refuses this client: {code:?}"))
                            .hint("it was logged out, or its password has expired: register again"));
                    }
                    Err(error) => {
                        on_disconnect(&error.to_string());
                        tokio::time::sleep(RECONNECT_DELAY).await;
                        continue;
                    }
                },
            };
            let Ok(body) = serde_json::from_slice::<Value>(&publish.payload) else { continue };
            if self.is_new(&body) {
                return Ok(Message { topic: String::from_utf8_lossy(&publish.topic).into_owned(), body });
            }
        }
    }

    fn is_new(&mut self, body: &Value) -> bool {
        let now = Clock::system().now().0;
        let fresh = body["expires_at"].as_i64().is_none_or(|at| now < at);
        fresh && body["message_id"].as_str().is_some_and(|id| self.seen.insert(id.to_owned()))
    }
}

fn tls_config(ca: Option<&Path>) -> Result<TlsConfiguration, CommandError> {
    match ca {
        None => Ok(TlsConfiguration::default()),
        Some(path) => {
            let ca = std::fs::read(path).map_err(|error| CommandError::new(format!("{}: {error}", path.display())))?;
            Ok(TlsConfiguration::Simple { ca, alpn: None, client_auth: None })
        }
    }
}

fn connect_error(url: &str, error: &ConnectionError) -> CommandError {
    match error {
        ConnectionError::ConnectionRefused(ConnectReturnCode::NotAuthorized) => {
            CommandError::new(format!("{url} refuses this client"))
                .hint("register again: an MQTT password is valid for a day at most")
        }
        other => CommandError::new(format!("cannot connect to {url}: {other}")),
    }
}
