//! An MQTT connection with the credentials that registering gave: a persistent session, QoS 1, reconnecting.

use std::collections::{HashSet, VecDeque};
use std::path::Path;
use std::time::Duration;

use ilock_events::ClientRegistered;
use rumqttc::v5::mqttbytes::QoS;
use rumqttc::v5::mqttbytes::v5::{ConnectReturnCode, Packet, Publish};
use rumqttc::v5::{AsyncClient, ConnectionError, Event, EventLoop, MqttOptions};
use rumqttc::{TlsConfiguration, Transport};
use serde_json::Value;

use crate::ui::error::CommandError;

/// A message that was not seen before and has not expired.
#[derive(Debug)]
pub struct Message {
    /// Where.
    pub topic: String,
    /// What.
    pub body: Value,
}

/// The connection.
pub struct MqttConnection {
    client: AsyncClient,
    events: EventLoop,
    topics: Vec<String>,
    /// What arrived while the subscriptions were still on their way.
    early: VecDeque<Publish>,
    seen: HashSet<String>,
}

fn address(url: &str) -> Result<(&str, u16, bool), CommandError> {
    let wrong = || {
        CommandError::new(format!("the broker's address {url} is not one this command can use"))
            .hint("tcp:// or ssl://")
    };
    let (scheme, rest) = url.split_once("://").ok_or_else(wrong)?;
    let tls = match scheme {
        "tcp" | "mqtt" => false,
        "ssl" | "tls" | "mqtts" => true,
        _ => return Err(wrong()),
    };
    let (host, port) = rest.trim_end_matches('/').rsplit_once(':').ok_or_else(wrong)?;
    Ok((host, port.parse().map_err(|_| wrong())?, tls))
}

impl MqttConnection {
    /// Connects and subscribes. `ca` is a PEM file to trust instead of the system's certificates.
    pub async fn open(registered: &ClientRegistered, ca: Option<&Path>) -> Result<Self, CommandError> {
        let credentials = &registered.mqtt_credentials;
        let (host, port, tls) = address(&credentials.broker_url)?;
        let mut options = MqttOptions::new(credentials.client_id.as_str(), host, port);
        options.set_credentials(&credentials.username, &credentials.password);
        options.set_keep_alive(Duration::from_secs(30));
        options.set_clean_start(false);
        options.set_session_expiry_interval(Some(3600));
        if tls {
            options.set_transport(Transport::tls_with_config(trust(ca)?));
        }
        let (client, mut events) = AsyncClient::new(options, 16);
        loop {
            match events.poll().await {
                Ok(Event::Incoming(Packet::ConnAck(_))) => break,
                Ok(_) => {}
                Err(error) => return Err(not_connected(&credentials.broker_url, &error)),
            }
        }
        let topics = [&registered.topics.incoming_calls, &registered.topics.device_sync];
        let mut topics: Vec<String> = topics.into_iter().flatten().cloned().collect();
        topics.push(registered.topics.call_control.clone());
        let mut link = Self { client, events, topics, early: VecDeque::new(), seen: HashSet::new() };
        link.subscribe().await?;
        let mut open = link.topics.len();
        while open > 0 {
            match link.events.poll().await.map_err(CommandError::new)? {
                Event::Incoming(Packet::SubAck(_)) => open -= 1,
                // What was waiting for this session comes at once.
                Event::Incoming(Packet::Publish(publish)) => link.early.push_back(publish),
                _ => {}
            }
        }
        Ok(link)
    }

    async fn subscribe(&self) -> Result<(), CommandError> {
        for topic in &self.topics {
            self.client.subscribe(topic, QoS::AtLeastOnce).await.map_err(CommandError::new)?;
        }
        Ok(())
    }

    /// The next message that counts. Reconnects when the connection breaks, and says so through `broken`.
    pub async fn next(&mut self, broken: impl Fn(&str)) -> Result<Message, CommandError> {
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
                            .hint("it was logged out, or its password has run out: register again"));
                    }
                    Err(error) => {
                        broken(&error.to_string());
                        tokio::time::sleep(Duration::from_millis(500)).await;
                        continue;
                    }
                },
            };
            let Ok(body) = serde_json::from_slice::<Value>(&publish.payload) else { continue };
            if self.counts(&body) {
                return Ok(Message { topic: String::from_utf8_lossy(&publish.topic).into_owned(), body });
            }
        }
    }

    fn counts(&mut self, body: &Value) -> bool {
        let now = ilock_functions::clock::Clock::system().now().0;
        let fresh = body["expires_at"].as_i64().is_none_or(|at| now < at);
        fresh && body["message_id"].as_str().is_some_and(|id| self.seen.insert(id.to_owned()))
    }
}

fn trust(ca: Option<&Path>) -> Result<TlsConfiguration, CommandError> {
    match ca {
        None => Ok(TlsConfiguration::default()),
        Some(path) => {
            let ca = std::fs::read(path).map_err(|error| CommandError::new(format!("{}: {error}", path.display())))?;
            Ok(TlsConfiguration::Simple { ca, alpn: None, client_auth: None })
        }
    }
}

fn not_connected(url: &str, error: &ConnectionError) -> CommandError {
    match error {
        ConnectionError::ConnectionRefused(ConnectReturnCode::NotAuthorized) => {
            CommandError::new(format!("{url} refuses this client"))
                .hint("register again: the password works for a day at most")
        }
        other => CommandError::new(format!("{url} cannot be connected to: {other}")),
    }
}
