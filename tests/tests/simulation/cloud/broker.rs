//! IoT Core: sessions with their topics; a message waits in the session of a client that is away, until it expires.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::Value;
use tokio::time::Instant;

use super::network::{Arrival, Mailbox, Network};

struct Session {
    topics: Vec<String>,
    mailbox: Mailbox,
    /// The client's own number for its connection.
    connection: u64,
    connected: bool,
    /// Until when the client cannot connect.
    away_until: Option<Instant>,
    /// What waits while the client is away, and until when.
    waiting: Vec<(Arrival, Instant)>,
}

/// A message as it was handed over.
#[derive(Debug, Clone)]
pub struct Handed {
    pub at: Instant,
    pub topic: String,
    pub message: Value,
}

pub struct Broker {
    network: Arc<Network>,
    sessions: Mutex<BTreeMap<String, Session>>,
    handed: Mutex<Vec<Handed>>,
}

impl Broker {
    pub fn new(network: Arc<Network>) -> Self {
        Self { network, sessions: Mutex::default(), handed: Mutex::default() }
    }

    /// `client` connects; what waits in its session is sent to it. It is told how that went.
    pub fn connect(&self, client: &str, connection: u64, mailbox: Mailbox) {
        let now = Instant::now();
        let mut sessions = self.sessions.lock().unwrap();
        let session_present = sessions.contains_key(client);
        let session = sessions.entry(client.to_owned()).or_insert_with(|| Session {
            topics: vec![],
            mailbox: mailbox.clone(),
            connection,
            connected: false,
            away_until: None,
            waiting: vec![],
        });
        if session.away_until.is_some_and(|until| until > now) {
            let _ = mailbox.send(Arrival::Broken { connection });
            return;
        }
        (session.connection, session.connected, session.mailbox) = (connection, true, mailbox);
        let _ = session.mailbox.send(Arrival::Connected { connection, session_present });
        for (arrival, until) in session.waiting.drain(..) {
            if until > now {
                let _ = session.mailbox.send(arrival);
            }
        }
    }

    /// Takes effect only on the connection that there is.
    pub fn subscribe(&self, client: &str, connection: u64, topics: Vec<String>) {
        let mut sessions = self.sessions.lock().unwrap();
        let Some(session) = sessions.get_mut(client) else { return };
        if session.connected && session.connection == connection {
            session.topics = topics;
            let _ = session.mailbox.send(Arrival::Subscribed { connection });
        }
    }

    pub fn disconnect(&self, client: &str) {
        if let Some(session) = self.sessions.lock().unwrap().get_mut(client) {
            session.connected = false;
        }
    }

    /// Every message that was handed over, in order.
    pub fn handed(&self) -> Vec<Handed> {
        self.handed.lock().unwrap().clone()
    }

    /// The connection of `client` breaks, and cannot be opened for `time`.
    pub fn break_connection(&self, client: &str, time: Duration) {
        if let Some(session) = self.sessions.lock().unwrap().get_mut(client) {
            session.away_until = Some(Instant::now() + time);
            if std::mem::take(&mut session.connected) {
                let _ = session.mailbox.send(Arrival::Broken { connection: session.connection });
            }
        }
    }

    pub fn publish(self: &Arc<Self>, topic: &str, payload: &[u8], expiry_seconds: u64) {
        let now = Instant::now();
        let payload: Value = serde_json::from_slice(payload).unwrap();
        self.handed.lock().unwrap().push(Handed { at: now, topic: topic.to_owned(), message: payload.clone() });
        let until = now + Duration::from_secs(expiry_seconds);
        let to: Vec<String> = {
            let sessions = self.sessions.lock().unwrap();
            let hears = |session: &Session| session.topics.iter().any(|heard| heard == topic);
            sessions.iter().filter(|(_, session)| hears(session)).map(|(client, _)| client.clone()).collect()
        };
        for client in to {
            for way in self.network.ways(&client, topic) {
                let arrival = Arrival::Message { topic: topic.to_owned(), payload: payload.clone(), handed: now };
                let (broker, client) = (self.clone(), client.clone());
                tokio::spawn(async move {
                    tokio::time::sleep(way).await;
                    broker.arrive(&client, arrival, until);
                });
            }
        }
    }

    fn arrive(&self, client: &str, arrival: Arrival, until: Instant) {
        let mut sessions = self.sessions.lock().unwrap();
        let Some(session) = sessions.get_mut(client) else { return };
        if session.connected {
            let _ = session.mailbox.send(arrival);
        } else {
            session.waiting.push((arrival, until));
        }
    }
}
