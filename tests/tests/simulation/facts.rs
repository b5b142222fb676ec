//! What the parties saw and did, for the judgement at the end.

use std::sync::Mutex;

use serde_json::Value;
use tokio::time::Instant;

/// A phone rang.
#[derive(Debug, Clone)]
pub struct Ring {
    pub phone: String,
    pub call: String,
    pub from: Instant,
    pub until: Option<Instant>,
    /// When what made it ring was handed over to the broker or the push service.
    pub handed: Instant,
    /// Whether the phone knows the time, or has asked: then it rings until the deadline, however late it was told.
    pub knows: bool,
    /// Why it fell silent.
    pub ended_by: String,
}

/// A function answered a request, whether or not the answer arrived.
#[derive(Debug, Clone)]
pub struct Answered {
    pub who: String,
    pub call: String,
    pub action: String,
    pub status: u16,
    pub data: Value,
}

/// A phone was given a message or push that ends the ringing, and could read it.
#[derive(Debug, Clone)]
pub struct ToldOver {
    pub phone: String,
    pub call: String,
    pub at: Instant,
}

/// Somebody asked for something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Meant {
    pub who: String,
    pub call: String,
    pub action: String,
}

/// One press of a button: all that was answered under its key.
#[derive(Debug, Clone)]
pub struct Press {
    pub caller: String,
    pub calls: Vec<String>,
}

#[derive(Default)]
pub struct Facts {
    pub rings: Mutex<Vec<Ring>>,
    pub answers: Mutex<Vec<Answered>>,
    pub told_over: Mutex<Vec<ToldOver>>,
    pub meant: Mutex<Vec<Meant>>,
    pub presses: Mutex<Vec<Press>>,
    /// When functions got which requests: who, which call, what.
    pub arrivals: Mutex<Vec<(Meant, Instant)>>,
    /// The phones that entered a call's room, by call.
    pub entered: Mutex<Vec<(String, String)>>,
    /// The state in which a party last saw a call, when all was over.
    pub last_seen: Mutex<Vec<(String, String, String)>>,
}

impl Facts {
    pub fn rings(&self, ring: Ring) -> usize {
        let mut rings = self.rings.lock().unwrap();
        rings.push(ring);
        rings.len() - 1
    }

    pub fn falls_silent(&self, ring: usize, why: &str) {
        let mut rings = self.rings.lock().unwrap();
        let ring = &mut rings[ring];
        ring.until = Some(Instant::now());
        why.clone_into(&mut ring.ended_by);
    }
}
