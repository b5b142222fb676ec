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

    pub fn connect(&self, client: &str, topics: Vec<String>, mailbox: Mailbox) {
        let session = Session { topics, mailbox, away_until: None, waiting: vec![] };
        self.sessions.lock().unwrap().insert(client.to_owned(), session);
    }

    /// Every message that was handed over, in order.
    pub fn handed(&self) -> Vec<Handed> {
        self.handed.lock().unwrap().clone()
    }

    /// The connection of `client` breaks for `time`.
    pub fn break_connection(self: &Arc<Self>, client: &str, time: Duration) {
        let until = Instant::now() + time;
        {
            let mut sessions = self.sessions.lock().unwrap();
            let Some(session) = sessions.get_mut(client) else { return };
            session.away_until = Some(until);
        }
        let (broker, client) = (self.clone(), client.to_owned());
        tokio::spawn(async move {
            tokio::time::sleep_until(until).await;
            broker.reconnect(&client);
        });
    }

    fn reconnect(&self, client: &str) {
        let mut sessions = self.sessions.lock().unwrap();
        let Some(session) = sessions.get_mut(client) else { return };
        let now = Instant::now();
        if session.away_until.is_some_and(|until| until > now) {
            return;
        }
        session.away_until = None;
        for (arrival, until) in session.waiting.drain(..) {
            if until > now {
                let _ = session.mailbox.send(arrival);
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
        if session.away_until.is_some() {
            session.waiting.push((arrival, until));
        } else {
            let _ = session.mailbox.send(arrival);
        }
    }
}
