//! One MQTT connection: MQTT 5 over TCP or TLS, with a session of an hour. The core decides when there is another one.

use std::io;
use std::time::Duration;

use ilock_client_core::{Input, Lost, Refusal, Secret};
use rumqttc::v5::mqttbytes::QoS;
use rumqttc::v5::mqttbytes::v5::{
    Connect, ConnectProperties, ConnectReturnCode, Disconnect, DisconnectReasonCode, Filter, Login as Credentials,
    Packet, PingReq, PubAck, Publish, Subscribe, SubscribeReasonCode,
};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::{Instant, sleep_until, timeout};

use crate::net::Address;
use crate::wire::{LARGEST_PACKET, Received, Wire};
use crate::wish::Wish;

const KEEP_ALIVE: Duration = Duration::from_secs(30);
/// How long the broker may take to answer a ping.
const PING_TIMEOUT: Duration = Duration::from_secs(10);
/// How long the network and the broker may take to let the client in.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
const SESSION_SECONDS: u32 = 3_600;
const SESSION_TAKEN_OVER: u8 = 0x8e;

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

/// What a connection is asked for.
#[derive(Debug)]
pub(crate) enum Order {
    /// Subscribe to all of these topics, in one packet.
    Subscribe(Vec<String>),
    /// Close; the session stays.
    Disconnect,
}

/// Opens a connection and reports on it until it ends. None where the address is no broker's.
pub(crate) fn open(
    login: Login,
    wishes: UnboundedSender<Wish>,
) -> Option<(UnboundedSender<Order>, impl Future<Output = ()>)> {
    let address = Address::parse(&login.broker_url)?;
    let (orders, ordered) = unbounded_channel();
    let connection = login.connection;
    Some((orders, async move {
        let session = Session { connection, wishes: wishes.clone(), ordered };
        let ended = session.run(&address, login).await;
        let _ = wishes.send(Wish::Input(ended));
    }))
}

struct Session {
    connection: u64,
    wishes: UnboundedSender<Wish>,
    ordered: UnboundedReceiver<Order>,
}

impl Session {
    /// Runs until the connection ends; what the core is told of that.
    async fn run(mut self, address: &Address, login: Login) -> Input {
        let connection = self.connection;
        let network = Input::Disconnected { connection, reason: Lost::Network };
        match timeout(CONNECT_TIMEOUT, let_in(address, login)).await {
            Ok(Ok(Entrance::Open { wire, session_present })) => {
                self.tell(Input::Connected { connection, session_present });
                self.serve(wire).await.map_or(network, |reason| Input::Disconnected { connection, reason })
            }
            Ok(Ok(Entrance::Refused(reason))) => Input::Refused { connection, reason },
            Ok(Err(_)) | Err(_) => network,
        }
    }

    fn tell(&self, input: Input) {
        let _ = self.wishes.send(Wish::Input(input));
    }

    async fn serve(&mut self, mut wire: Wire) -> io::Result<Lost> {
        let mut sent = Instant::now();
        let mut pinged: Option<Instant> = None;
        loop {
            let due = pinged.map_or(sent + KEEP_ALIVE, |at| at + PING_TIMEOUT);
            tokio::select! {
                received = wire.next() => match received? {
                    Received::Disconnect(SESSION_TAKEN_OVER) => return Ok(Lost::TakenOver),
                    Received::Disconnect(_) => return Ok(Lost::Network),
                    Received::Packet(Packet::PingResp(_)) => pinged = None,
                    Received::Packet(packet) => self.take(packet, &mut wire).await?,
                },
                order = self.ordered.recv() => match order {
                    Some(Order::Subscribe(topics)) => {
                        wire.send(&subscribe(topics)).await?;
                        sent = Instant::now();
                    }
                    Some(Order::Disconnect) | None => {
                        wire.send(&Packet::Disconnect(Disconnect::new(DisconnectReasonCode::NormalDisconnection))).await?;
                        return Ok(Lost::Network);
                    }
                },
                () = sleep_until(due) => {
                    if pinged.is_some() {
                        return Err(io::ErrorKind::TimedOut.into());
                    }
                    wire.send(&Packet::PingReq(PingReq)).await?;
                    (sent, pinged) = (Instant::now(), Some(Instant::now()));
                }
            }
        }
    }

    async fn take(&self, packet: Packet, wire: &mut Wire) -> io::Result<()> {
        match packet {
            Packet::SubAck(suback) => {
                let granted = suback.return_codes.iter().all(|code| matches!(code, SubscribeReasonCode::Success(_)));
                self.tell(Input::Subscribed { connection: self.connection, granted });
            }
            Packet::Publish(Publish { topic, payload, qos, pkid, .. }) => {
                self.tell(Input::Message {
                    topic: String::from_utf8_lossy(&topic).into_owned(),
                    payload: String::from_utf8_lossy(&payload).into_owned(),
                });
                if qos == QoS::AtLeastOnce {
                    wire.send(&Packet::PubAck(PubAck::new(pkid, None))).await?;
                }
            }
            _ => {}
        }
        Ok(())
    }
}

enum Entrance {
    Open { wire: Wire, session_present: bool },
    Refused(Refusal),
}

async fn let_in(address: &Address, login: Login) -> io::Result<Entrance> {
    let mut wire = Wire::new(address.connect(login.trust.as_deref()).await?);
    let mut properties = ConnectProperties::new();
    properties.session_expiry_interval = Some(SESSION_SECONDS);
    properties.max_packet_size = Some(LARGEST_PACKET);
    let connect = Connect {
        keep_alive: u16::try_from(KEEP_ALIVE.as_secs()).unwrap_or(u16::MAX),
        client_id: login.client_id,
        clean_start: false,
        properties: Some(properties),
    };
    let credentials = Credentials::new(login.username, login.password.0);
    wire.send(&Packet::Connect(connect, None, Some(credentials))).await?;
    match wire.next().await? {
        Received::Packet(Packet::ConnAck(connack)) if connack.code == ConnectReturnCode::Success => {
            Ok(Entrance::Open { wire, session_present: connack.session_present })
        }
        Received::Packet(Packet::ConnAck(connack)) => Ok(Entrance::Refused(refusal(connack.code))),
        _ => Err(io::ErrorKind::InvalidData.into()),
    }
}

fn subscribe(topics: Vec<String>) -> Packet {
    let filters = topics.into_iter().map(|topic| Filter::new(topic, QoS::AtLeastOnce));
    let mut subscribe = Subscribe::new_many(filters, None);
    // Any number but 0; one such packet is under way at a time.
    subscribe.pkid = 1;
    Packet::Subscribe(subscribe)
}

fn refusal(code: ConnectReturnCode) -> Refusal {
    match code {
        ConnectReturnCode::NotAuthorized | ConnectReturnCode::BadUserNamePassword => Refusal::NotAuthorized,
        _ => Refusal::Other,
    }
}
