//! One MQTT connection: MQTT 5 over TCP or TLS, with a session of an hour.

use std::time::Duration;

use ilock_client_core::{Input, Lost, Refusal, Secret};
use rumqttc::v5::mqttbytes::QoS;
use rumqttc::v5::mqttbytes::v5::{
    ConnectReturnCode, DisconnectReasonCode, Filter, Packet, Publish, SubscribeReasonCode,
};
use rumqttc::v5::{AsyncClient, ConnectionError, Event, EventLoop, MqttOptions, StateError};
use rumqttc::{TlsConfiguration, Transport};
use tokio::sync::mpsc::UnboundedSender;

use crate::wish::Wish;

const KEEP_ALIVE: Duration = Duration::from_secs(30);
const SESSION_SECONDS: u32 = 3_600;
/// More than a client sends at once.
const REQUESTS: usize = 16;
/// IoT Core's limit for a packet; rumqttc's default is 10 KB.
const LARGEST_PACKET: u32 = 128 * 1_024;

/// What a connection is opened with.
pub(crate) struct Login {
    pub connection: u64,
    pub broker_url: String,
    pub client_id: String,
    pub username: String,
    pub password: Secret,
    /// Certificates to trust instead of the system's, PEM.
    pub trust: Option<Vec<u8>>,
}

/// Host and port of `url`, and whether it is TLS; none for what is neither `tcp://` nor `ssl://`.
fn parsed(url: &str) -> Option<(&str, u16, bool)> {
    let (scheme, rest) = url.split_once("://")?;
    let tls = match scheme {
        "tcp" | "mqtt" => false,
        "ssl" | "tls" | "mqtts" => true,
        _ => return None,
    };
    let (host, port) = rest.trim_end_matches('/').rsplit_once(':')?;
    Some((host, port.parse().ok()?, tls))
}

fn options(login: &Login) -> Option<MqttOptions> {
    let (host, port, tls) = parsed(&login.broker_url)?;
    let mut options = MqttOptions::new(&login.client_id, host, port);
    options.set_credentials(&login.username, &login.password.0);
    options.set_keep_alive(KEEP_ALIVE);
    options.set_clean_start(false);
    options.set_session_expiry_interval(Some(SESSION_SECONDS));
    options.set_max_packet_size(Some(LARGEST_PACKET));
    if tls {
        let trusted = login.trust.clone();
        let tls = trusted.map(|ca| TlsConfiguration::Simple { ca, alpn: None, client_auth: None });
        options.set_transport(Transport::tls_with_config(tls.unwrap_or_default()));
    }
    Some(options)
}

/// Opens a connection and reports on it until it ends. None where the address is no broker's.
pub(crate) fn open(
    login: &Login,
    wishes: UnboundedSender<Wish>,
) -> Option<(AsyncClient, impl Future<Output = ()> + use<>)> {
    let (client, events) = AsyncClient::new(options(login)?, REQUESTS);
    Some((client, follow(events, login.connection, wishes)))
}

/// Subscribes to all topics in one packet.
pub(crate) async fn subscribe(client: AsyncClient, topics: Vec<String>) {
    let filters = topics.into_iter().map(|topic| Filter::new(topic, QoS::AtLeastOnce));
    // Where it cannot be sent, the connection has ended, and that is reported.
    let _ = client.subscribe_many(filters).await;
}

/// Hands on what happens. It ends with the connection: what comes next is the core's decision.
async fn follow(mut events: EventLoop, connection: u64, wishes: UnboundedSender<Wish>) {
    loop {
        let input = match events.poll().await {
            Ok(Event::Incoming(packet)) => incoming(packet, connection),
            Ok(Event::Outgoing(_)) => None,
            Err(error) => {
                let _ = wishes.send(Wish::Input(ended(&error, connection)));
                return;
            }
        };
        if let Some(input) = input
            && wishes.send(Wish::Input(input)).is_err()
        {
            return;
        }
    }
}

fn incoming(packet: Packet, connection: u64) -> Option<Input> {
    match packet {
        Packet::ConnAck(connack) => Some(Input::Connected { connection, session_present: connack.session_present }),
        Packet::SubAck(suback) => {
            let granted = suback.return_codes.iter().all(|code| matches!(code, SubscribeReasonCode::Success(_)));
            Some(Input::Subscribed { connection, granted })
        }
        Packet::Publish(Publish { topic, payload, .. }) => Some(Input::Message {
            topic: String::from_utf8_lossy(&topic).into_owned(),
            payload: String::from_utf8_lossy(&payload).into_owned(),
        }),
        _ => None,
    }
}

fn ended(error: &ConnectionError, connection: u64) -> Input {
    match error {
        ConnectionError::ConnectionRefused(code) => Input::Refused { connection, reason: refusal(*code) },
        ConnectionError::MqttState(StateError::ConnFail { reason }) => {
            Input::Refused { connection, reason: refusal(*reason) }
        }
        // rumqttc reads a DISCONNECT only if it has properties. Without them this end looks like any other, and the core
        // comes back: two clients of one name then put each other out, ever more seldom.
        ConnectionError::MqttState(StateError::ServerDisconnect { reason_code, .. }) => {
            let taken_over = *reason_code == DisconnectReasonCode::SessionTakenOver;
            Input::Disconnected { connection, reason: if taken_over { Lost::TakenOver } else { Lost::Network } }
        }
        _ => Input::Disconnected { connection, reason: Lost::Network },
    }
}

fn refusal(code: ConnectReturnCode) -> Refusal {
    match code {
        ConnectReturnCode::NotAuthorized | ConnectReturnCode::BadUserNamePassword => Refusal::NotAuthorized,
        _ => Refusal::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_those_that_a_registration_answers() {
        assert_eq!(parsed("tcp://127.0.0.1:1883"), Some(("127.0.0.1", 1883, false)));
        assert_eq!(parsed("ssl://broker.example:8883/"), Some(("broker.example", 8883, true)));
        for bad in ["", "broker.example:1883", "wss://broker.example/mqtt", "tcp://broker.example", "tcp://b:port"] {
            assert_eq!(parsed(bad), None, "{bad}");
        }
    }
}
