//! A phone or a panel: the client, its app, its connection, and what it has under way.

use std::collections::VecDeque;

use ilock_client_core::{Client, Config, Role};
use serde_json::Value;

use crate::app::App;
use crate::backend::{Mail, is_door, party};

#[allow(clippy::struct_excessive_bools, reason = "each is a fact of its own, and any of them goes with any other")]
pub struct Device {
    pub name: String,
    pub client: Client,
    /// What the app has saved last.
    pub kept: String,
    pub app: App,
    /// The connection that stands, once it is subscribed.
    pub online: Option<u64>,
    pub connection: u64,
    /// Whether the broker knows the session, and what waits in it.
    pub session: bool,
    pub waiting: VecDeque<Mail>,
    pub network: bool,
    /// Whether the backend takes its access token.
    pub token: bool,
    /// Whether it is one that the login service gave just now.
    pub fresh: bool,
    /// Counts the processes: what an earlier one had under way reaches nobody.
    pub process: u32,
    pub requests: u32,
}

pub fn config(name: &str) -> Config {
    let role = if is_door(party(name)) { Role::Door } else { Role::Phone };
    Config::new(role, name.into())
}

impl Device {
    pub fn new(name: &str, seed: Vec<u8>) -> Self {
        let client = Client::new(config(name), seed).unwrap();
        Self {
            name: name.into(),
            kept: client.save(),
            client,
            app: App::default(),
            online: None,
            connection: 0,
            session: false,
            waiting: VecDeque::new(),
            network: true,
            token: true,
            fresh: false,
            process: 0,
            requests: 0,
        }
    }

    /// The process ends, and another one begins from what was saved.
    pub fn restart(&mut self, seed: Vec<u8>) {
        self.client = Client::restore(config(&self.name), seed, &self.kept).unwrap();
        self.app = App { logged_out: self.app.logged_out, away: false, ..App::default() };
        self.online = None;
        self.process += 1;
    }

    pub fn knows(&self, call_id: &str) -> bool {
        self.saved().0.iter().any(|call| call["id"] == call_id)
    }

    /// The calls that the client has, as it saves them, and the requests that it has under way.
    pub fn saved(&self) -> (Vec<Value>, Vec<Value>) {
        let saved: Value = serde_json::from_str(&self.client.save()).unwrap();
        let list = |field: &str| saved[field].as_array().cloned().unwrap_or_default();
        (list("calls"), list("requests"))
    }
}
