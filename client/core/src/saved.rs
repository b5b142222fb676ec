//! Beginning, saving and restoring.

use serde::{Deserialize, Serialize};

use crate::calls::Calls;
use crate::client::Client;
use crate::config::Config;
use crate::link::{Link, LinkPhase};
use crate::requests::{Act, Pending, Purpose, Request};
use crate::seen::Seen;

/// The form of a saved state.
const VERSION: u32 = 1;
/// The least random bytes that a client is given.
const SEED_BYTES: usize = 16;
/// The longest client id that the backend takes.
const LONGEST_CLIENT_ID: usize = 181;

/// Why no client could be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadConfig {
    /// `client_id` is empty or too long.
    #[error("client_id must be 1 to 52 of A-Z a-z 0-9 _ -, with or without your own id and _ before it")]
    ClientId,
    /// There are too few random bytes.
    #[error("the seed must be at least 16 bytes from the system's source of randomness")]
    Seed,
}

/// Why a saved state could not be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadState {
    /// The configuration or seed.
    #[error(transparent)]
    Config(#[from] BadConfig),
    /// It is no saved state.
    #[error("this is no saved state: begin without one ({0})")]
    Malformed(String),
    /// It was saved by another version.
    #[error("the saved state has version {0}, this is version 1: begin without it")]
    Version(u32),
    /// It was saved for another client.
    #[error("the saved state is of client {0}: begin without it")]
    OtherClient(String),
}

#[derive(Serialize, Deserialize)]
struct Saved {
    version: u32,
    client_id: String,
    link: Link,
    calls: Calls,
    seen: Seen,
    requests: Vec<Request>,
}

impl Client {
    /// A client that has never run. `seed` is 16 or more bytes from the system's source of randomness, new at each start.
    ///
    /// # Errors
    /// [`BadConfig`] says what is wrong.
    pub fn new(config: Config, seed: Vec<u8>) -> Result<Self, BadConfig> {
        if config.client_id.is_empty() || config.client_id.len() > LONGEST_CLIENT_ID {
            return Err(BadConfig::ClientId);
        }
        if seed.len() < SEED_BYTES {
            return Err(BadConfig::Seed);
        }
        Ok(Self::empty(config, seed))
    }

    /// A client that goes on where [`Self::save`] was called. It asks the backend about each call that it had, and rings
    /// again for one that still rings.
    ///
    /// # Errors
    /// [`BadState`] says what is wrong with it; [`Self::new`] always works.
    pub fn restore(config: Config, seed: Vec<u8>, saved: &str) -> Result<Self, BadState> {
        let mut client = Self::new(config, seed)?;
        let saved: Saved = serde_json::from_str(saved).map_err(|error| BadState::Malformed(error.to_string()))?;
        if saved.version != VERSION {
            return Err(BadState::Version(saved.version));
        }
        if saved.client_id != client.config.client_id {
            return Err(BadState::OtherClient(saved.client_id));
        }
        client.link = saved.link;
        client.link.phase = client.link.logged_out.map_or(LinkPhase::Idle, LinkPhase::LoggedOut);
        for request in saved.requests {
            let id = client.requests.next_id();
            client.requests.pending.push(Pending { uncertain: true, ..Pending::new(id, request, 0) });
        }
        client.calls = saved.calls;
        let answer = |call_id: &str| Purpose::Act { call_id: call_id.into(), act: Act::Accepted };
        client.calls.restored(|call_id| client.requests.has(&answer(call_id)));
        client.seen = saved.seen;
        Ok(client)
    }

    /// All that must outlive the process, as text. It contains secrets: keep it where the system keeps secrets.
    #[must_use]
    pub fn save(&self) -> String {
        // What the next start asks for anyway is not kept.
        let lasting = |purpose: &Purpose| {
            matches!(purpose, Purpose::LogOut | Purpose::Place { .. } | Purpose::Act { .. } | Purpose::Seen { .. })
        };
        let requests = self.requests.pending.iter().map(|pending| &pending.request);
        let saved = Saved {
            version: VERSION,
            client_id: self.config.client_id.clone(),
            link: self.link.clone(),
            calls: self.calls.clone(),
            seen: self.seen.clone(),
            requests: requests.filter(|request| lasting(&request.purpose)).cloned().collect(),
        };
        serde_json::to_string(&saved).unwrap_or_default()
    }
}
