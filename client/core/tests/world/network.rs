//! What a driver does, over a network that does what it wants.

use ilock_client_core::{Command, Input, Lost, Refusal};
use serde_json::{Value, json};

use crate::backend::{Answer, EPOCH, Mail, date, is_door, party};
use crate::story::{Happens, NAMES, Story};

impl Story {
    pub fn does(&mut self, device: usize, command: Command) {
        match command {
            Command::Request { id, path, body, idempotency_key, .. } => {
                self.devices[device].requests += 1;
                let body = body.and_then(|body| serde_json::from_str(&body).ok()).unwrap_or_default();
                self.request(device, id, path, body, idempotency_key);
            }
            Command::Connect { connection, .. } => self.connects(device, connection),
            Command::Subscribe { connection, .. } => {
                let this = &mut self.devices[device];
                if !this.network || this.connection != connection {
                    return self.tells(50, device, Input::Disconnected { connection, reason: Lost::Network });
                }
                this.session = true;
                let after = self.random.below(200);
                self.tells(after, device, Input::Subscribed { connection, granted: true });
                self.opens(device, connection, after);
            }
            Command::Disconnect => self.devices[device].online = None,
            Command::NeedToken => self.asks_for_token(device),
        }
    }

    /// A request is lost before it arrives or after, refused on the way, or answered; late, now and then.
    fn request(&mut self, device: usize, id: u64, path: String, body: Value, key: Option<String>) {
        let (there, back) = (self.takes(6_000), self.takes(4_000));
        let fate = if self.is_bad() { self.random.below(100) } else { 99 };
        let this = &self.devices[device];
        let process = this.process;
        if !this.network || fate < 5 {
            let after = self.random.below(10_000);
            return self.tells(after, device, Input::HttpFailed { id });
        }
        let refused = match fate {
            _ if !this.token => Some((401, 40_101)),
            5..8 if !this.fresh => Some((401, 40_101)),
            8..11 => Some((503, 0)),
            18 => Some((429, 42_904)),
            19 => Some((500, 50_001)),
            20 if path.ends_with("/register") => Some((403, 40_301)),
            _ => None,
        };
        if let Some((status, code)) = refused {
            // What stands between answers without a code.
            let body = if code == 0 { Value::Null } else { json!({ "code": code, "message": "", "data": null }) };
            return self.answer(device, process, id, Answer { status, body }, there + back);
        }
        let back = Some(back).filter(|_| fate >= 18);
        self.plan(there, device, Happens::Request { process, id, path, body, key, back });
    }

    pub fn answer(&mut self, device: usize, process: u32, id: u64, Answer { status, body }: Answer, after: u64) {
        let date = Some(date((EPOCH + self.now) / 1_000));
        let input = Input::HttpAnswer { id, status, retry_after: None, date, body: body.to_string() };
        self.plan(after, device, Happens::Input(process, input));
    }

    fn connects(&mut self, device: usize, connection: u64) {
        let lost = self.is_bad() && self.random.percent(10);
        let keeps = !(self.is_bad() && self.random.percent(20));
        let after = self.random.below(300);
        let this = &mut self.devices[device];
        (this.online, this.connection) = (None, connection);
        if !this.network || lost {
            return self.tells(after, device, Input::Disconnected { connection, reason: Lost::Network });
        }
        if !self.backend.registered.contains(&this.name) {
            return self.tells(after, device, Input::Refused { connection, reason: Refusal::NotAuthorized });
        }
        this.session &= keeps;
        let session_present = this.session;
        self.tells(after, device, Input::Connected { connection, session_present });
        if session_present {
            self.opens(device, connection, after);
        } else {
            self.devices[device].waiting.clear();
        }
    }

    fn asks_for_token(&mut self, device: usize) {
        let fate = if self.is_bad() { self.random.below(100) } else { 99 };
        let this = &mut self.devices[device];
        let input = match fate {
            0..15 => Input::TokenFailed,
            15..18 if this.app.logged_out.is_none() => Input::TokenUnavailable,
            _ => Input::TokenRenewed,
        };
        let renewed = input == Input::TokenRenewed;
        (this.token, this.fresh) = (renewed, renewed);
        let after = self.random.below(1_000);
        self.tells(after, device, input);
    }

    /// How long something is under way: now and then much longer.
    fn takes(&mut self, most: u64) -> u64 {
        let slow = self.is_bad() && self.random.percent(10);
        self.random.below(if slow { most } else { 300 })
    }

    /// What waited in the session arrives.
    fn opens(&mut self, device: usize, connection: u64, after: u64) {
        self.devices[device].online = Some(connection);
        for mail in std::mem::take(&mut self.devices[device].waiting) {
            let after = after + self.random.below(300);
            self.plan(after, device, Happens::Mail(mail));
        }
    }

    /// The backend's messages and pushes go out.
    pub fn bring(&mut self) {
        for mail in std::mem::take(&mut self.backend.mail) {
            let device = self.devices.iter().position(|device| device.name == mail.to).unwrap();
            let bad = self.is_bad();
            if mail.topic == "push" && self.random.percent(60) {
                continue;
            }
            let slow = bad && self.random.percent(15);
            let after = self.random.below(if slow { 8_000 } else { 400 });
            if bad && self.random.percent(10) {
                let again = Mail { to: mail.to.clone(), payload: mail.payload.clone(), ..mail };
                let later = self.random.below(9_000);
                self.plan(later, device, Happens::Mail(again));
            }
            self.plan(after, device, Happens::Mail(mail));
        }
    }

    pub fn mail(&mut self, device: usize, mail: Mail) -> Result<(), String> {
        if mail.expires <= self.now {
            return Ok(());
        }
        let this = &mut self.devices[device];
        if mail.topic == "push" {
            if !this.network {
                return Ok(());
            }
            let must_show = mail.payload["type"] == "VIDEO_CALL" && self.random.percent(30);
            return self.input(device, Input::Push { data: mail.payload.to_string(), must_show });
        }
        if this.online.is_none() || !this.network {
            if this.session {
                this.waiting.push_back(mail);
            }
            return Ok(());
        }
        let party = party(NAMES[device]);
        let kind = if is_door(party) { "devices" } else { "users" };
        let topic = match mail.topic {
            "sync" => format!("{kind}/{party}/devices/sync"),
            other => format!("{kind}/{party}/calls/{other}"),
        };
        self.input(device, Input::Message { topic, payload: mail.payload.to_string() })
    }

    pub fn network(&mut self, device: usize, there: bool) -> Result<(), String> {
        let this = &mut self.devices[device];
        this.network = there;
        let lost = Input::Disconnected { connection: this.connection, reason: Lost::Network };
        if !there && this.online.take().is_some() {
            let after = self.random.below(20_000);
            self.tells(after, device, lost);
        } else if there && this.online.is_none() {
            // A connection that was lost without a word is found to be so.
            self.tells(0, device, lost);
        }
        if self.random.percent(50) { self.input(device, Input::Network { online: there }) } else { Ok(()) }
    }
}
