//! The way from AWS to a phone or a door station: messages are lost, late, doubled, and overtake each other.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::mpsc::UnboundedSender;
use tokio::time::Instant;

use crate::dice::Dice;
use crate::story::Story;
use crate::weather::Weather;

/// What arrives at a phone or a door station.
#[derive(Debug, Clone)]
pub enum Arrival {
    /// The broker accepted the connection that the client numbered so.
    Connected {
        connection: u64,
        session_present: bool,
    },
    Subscribed {
        connection: u64,
    },
    /// The connection ended, or did not come about.
    Broken {
        connection: u64,
    },
    /// An MQTT message.
    Message {
        topic: String,
        payload: serde_json::Value,
        handed: Instant,
    },
    /// A push's payload.
    Push {
        payload: serde_json::Value,
        handed: Instant,
    },
}

pub type Mailbox = UnboundedSender<Arrival>;

pub struct Network {
    pub dice: Dice,
    pub weather: Weather,
    pub story: Arc<Story>,
    /// Until when there are faults.
    storm: Mutex<Option<Instant>>,
}

/// The longest that a late message is under way.
const LATEST: Duration = Duration::from_secs(4);

impl Network {
    pub fn new(seed: u64, weather: Weather, story: Arc<Story>) -> Self {
        Self { dice: Dice::of(seed, "network"), weather, story, storm: Mutex::default() }
    }

    /// From now on there are faults, for as long as the weather lasts.
    pub fn begin(&self) {
        *self.storm.lock().unwrap() = Some(Instant::now() + self.weather.lasts);
    }

    pub fn end(&self) {
        *self.storm.lock().unwrap() = None;
    }

    fn stormy(&self) -> bool {
        self.storm.lock().unwrap().is_some_and(|until| Instant::now() < until)
    }

    pub fn chance(&self, permille: u64) -> bool {
        self.stormy() && self.dice.permille(permille)
    }

    /// How long each copy of a message is under way; none when it is lost.
    pub fn ways(&self, to: &str, what: &str) -> Vec<Duration> {
        if self.chance(self.weather.lost_messages) {
            self.story.tell(to, format_args!("({what} is lost on the way)"));
            return vec![];
        }
        let copies = if self.chance(self.weather.doubled_messages) { 2 } else { 1 };
        let way = || {
            let late = self.chance(self.weather.late_messages);
            let most = u64::try_from(LATEST.as_millis()).unwrap();
            if late { self.dice.ms(100..most) } else { self.dice.ms(5..60) }
        };
        (0..copies).map(|_| way()).collect()
    }
}
