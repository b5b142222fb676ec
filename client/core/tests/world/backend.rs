//! The backend, as far as it decides what becomes of a call: docs/protocol.md in short.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

/// The backend's clock at the steady clock's 0.
pub const EPOCH: u64 = 1_679_886_450_000;
const RING_MS: u64 = 30_000;
const GRACE_MS: u64 = 2_000;

#[derive(Debug, Clone)]
pub struct Call {
    pub id: String,
    /// A person, or a door.
    pub caller: String,
    pub callees: BTreeSet<String>,
    pub state: &'static str,
    pub seq: u32,
    pub deadline: u64,
    /// The client that answered.
    pub answered_by: Option<String>,
    answered_at: u64,
    rejected: BTreeSet<String>,
    declined: BTreeSet<String>,
    alerted: BTreeSet<String>,
    winner: String,
    request_id: String,
}

impl Call {
    pub fn is_over(&self) -> bool {
        !matches!(self.state, "ringing" | "active")
    }
}

/// What the broker, or a push service, is to bring to a client.
pub struct Mail {
    pub to: String,
    pub topic: &'static str,
    pub payload: Value,
    pub expires: u64,
}

pub struct Answer {
    pub status: u16,
    pub body: Value,
}

#[derive(Default)]
pub struct Backend {
    pub calls: Vec<Call>,
    /// The clients of each party.
    pub clients: BTreeMap<String, Vec<String>>,
    /// Those that are registered.
    pub registered: BTreeSet<String>,
    keys: BTreeMap<(String, String), usize>,
    pub mail: Vec<Mail>,
    messages: u64,
}

pub fn party(client: &str) -> &str {
    client.split('_').next().unwrap_or_default()
}

/// Each door has one panel: the backend does not tell a door's other panels that one of them gave up or hung up.
pub fn is_door(party: &str) -> bool {
    matches!(party, "door" | "gate")
}

fn done(data: &Value) -> Answer {
    Answer { status: 200, body: json!({ "code": 0, "message": "", "data": data }) }
}

fn refused(status: u16, code: u32, data: &Value) -> Answer {
    Answer { status, body: json!({ "code": code, "message": "", "data": data }) }
}

impl Backend {
    /// Carries out a request of `client`.
    pub fn request(&mut self, client: &str, path: &str, body: &Value, key: Option<&str>, now: u64) -> Answer {
        self.expire(now);
        let route = path.split('?').next().unwrap_or_default();
        match route {
            "/api/mqtt/clients/register" => self.register(client, now),
            "/api/mqtt/clients/status" | "/api/calls/seen" => done(&json!({})),
            "/api/calls" if path != route => self.list(client, now),
            "/api/calls" => self.place(client, body, key.unwrap_or_default(), now),
            "/api/calls/callee-action" | "/api/calls/caller-action" => {
                let named = body["client_id"].as_str().map(str::to_owned);
                if named.is_some() && !self.registered.contains(client) {
                    return refused(400, 40_001, &json!({ "field": "client_id", "rule": "must be registered" }));
                }
                self.act(client, route.ends_with("caller-action"), body, now)
            }
            _ if route.starts_with("/api/calls/") => {
                self.get(client, route.rsplit('/').next().unwrap_or_default(), now)
            }
            _ => {
                self.registered.remove(client);
                done(&json!({ "removed": [client] }))
            }
        }
    }

    fn register(&mut self, client: &str, now: u64) -> Answer {
        self.registered.insert(client.into());
        let party = party(client);
        let kind = if is_door(party) { "devices" } else { "users" };
        let mut topics = json!({ "call_control": format!("{kind}/{party}/calls/control") });
        if !is_door(party) {
            topics["incoming_calls"] = format!("users/{party}/calls/incoming").into();
            topics["device_sync"] = format!("users/{party}/devices/sync").into();
        }
        done(&json!({
            "mqtt_credentials": {
                "broker_url": "ssl://b:1", "websocket_url": "wss://b", "username": party, "password": "p",
                "client_id": client, "expires_at": EPOCH + now + 86_400_000,
            },
            "topics": topics,
        }))
    }

    fn place(&mut self, client: &str, body: &Value, key: &str, now: u64) -> Answer {
        let caller = party(client).to_owned();
        if let Some(index) = self.keys.get(&(caller.clone(), key.to_owned())) {
            return self.view(*index, client, now);
        }
        let named = body["callee_id"].as_str().map(|one| vec![one.to_owned()]);
        let several = || serde_json::from_value::<Vec<String>>(body["callee_ids"].clone()).unwrap_or_default();
        let callees: BTreeSet<String> = named.unwrap_or_else(several).into_iter().filter(|id| *id != caller).collect();
        let same = |call: &Call| !call.is_over() && call.caller == caller && call.callees == callees;
        if let Some(index) = self.calls.iter().position(same) {
            self.keys.insert((caller, key.into()), index);
            return self.view(index, client, now);
        }
        let id = format!("call{}", self.calls.len() + 1);
        self.calls.push(Call {
            id,
            caller: caller.clone(),
            callees,
            state: "ringing",
            seq: 1,
            deadline: now + RING_MS,
            answered_by: None,
            answered_at: 0,
            rejected: BTreeSet::new(),
            declined: BTreeSet::new(),
            alerted: BTreeSet::new(),
            winner: String::new(),
            request_id: key.into(),
        });
        let index = self.calls.len() - 1;
        self.keys.insert((caller, key.into()), index);
        self.tell_callees(index, "incoming", "incoming", "", now);
        self.tell_callees(index, "push", "VIDEO_CALL", "", now);
        self.tell_caller(index, "control", "ringing", "", now);
        self.view(index, client, now)
    }

    fn expire(&mut self, now: u64) {
        for index in 0..self.calls.len() {
            let call = &self.calls[index];
            if call.state == "ringing" && now >= call.deadline + GRACE_MS {
                self.ends(index, "missed", "timer", now);
            }
        }
    }

    /// Time passes.
    pub fn tick(&mut self, now: u64) {
        self.expire(now);
    }

    fn ends(&mut self, index: usize, state: &'static str, by: &str, now: u64) {
        let was = self.calls[index].state;
        let call = &mut self.calls[index];
        (call.state, call.seq) = (state, call.seq + 1);
        call.winner = by.into();
        match state {
            "missed" => {
                self.tell_caller(index, "control", "timeout", "", now);
                self.tell_callees(index, "control", "cancelled", "", now);
                self.tell_callees(index, "push", "MISSED_CALL", "", now);
            }
            "cancelled" => {
                self.tell_caller(index, "sync", "cancelled", by, now);
                self.tell_callees(index, "control", "cancelled", "", now);
                self.tell_callees(index, "push", "CALL_ENDED", "", now);
            }
            "rejected" => {
                self.tell_caller(index, "control", "rejected", "", now);
                self.tell_callees(index, "sync", "rejected", by, now);
                self.tell_callees(index, "push", "CALL_ENDED", by, now);
            }
            _ if was == "active" => {
                let by_caller = party(by) == self.calls[index].caller;
                self.tell_caller(index, if by_caller { "sync" } else { "control" }, "hangup", by, now);
                self.tell_answerer(index, if by_caller { "control" } else { "sync" }, by, now);
            }
            _ => {}
        }
    }

    fn act(&mut self, client: &str, as_caller: bool, body: &Value, now: u64) -> Answer {
        let id = body["call_id"].as_str().unwrap_or_default();
        let Some(index) = self.calls.iter().position(|call| call.id == id) else {
            return refused(404, 40_401, &Value::Null);
        };
        let person = party(client).to_owned();
        let action = body["action"].as_str().unwrap_or_default();
        let call = &mut self.calls[index];
        if (as_caller && call.caller != person) || (!as_caller && !call.callees.contains(&person)) {
            return refused(404, 40_401, &Value::Null);
        }
        let answerer = call.answered_by.as_deref().map(party);
        let is_done = match action {
            "accepted" => call.state == "active" && call.answered_by.as_deref() == Some(client),
            "rejected" => call.rejected.contains(&person) && matches!(call.state, "ringing" | "rejected"),
            "cancelled" => call.state == "cancelled",
            "hangup" => {
                if !as_caller && answerer.is_some_and(|who| who != person) {
                    return refused(403, 40_301, &Value::Null);
                }
                if call.state == "ringing" {
                    return refused(409, 40_902, &json!({ "state": "ringing" }));
                }
                if call.state == "active" {
                    self.ends(index, "ended", client, now);
                }
                self.calls[index].state == "ended"
            }
            _ => false,
        };
        if !is_done {
            let call = &self.calls[index];
            if call.state != "ringing" {
                return refused(409, 40_901, &json!({ "state": call.state, "winner": call.winner }));
            }
            if call.rejected.contains(&person) {
                return refused(409, 40_901, &json!({ "state": "rejected", "winner": person }));
            }
            self.while_ringing(index, client, action, now);
        }
        self.view(index, client, now)
    }

    fn while_ringing(&mut self, index: usize, client: &str, action: &str, now: u64) {
        let person = party(client).to_owned();
        let call = &mut self.calls[index];
        match action {
            "ringing" => {
                call.alerted.insert(client.into());
                if call.alerted.len() == 1 {
                    call.seq += 1;
                    self.tell_caller(index, "control", "alerted", "", now);
                }
            }
            "accepted" => {
                (call.state, call.seq, call.answered_at) = ("active", call.seq + 1, now);
                call.answered_by = Some(client.into());
                call.winner = client.into();
                self.tell_caller(index, "control", "accepted", client, now);
                self.tell_callees(index, "sync", "accepted", client, now);
                self.tell_callees(index, "push", "CALL_ENDED", client, now);
            }
            "cancelled" => self.ends(index, "cancelled", client, now),
            "declined" | "rejected" => {
                call.seq += 1;
                if action == "declined" {
                    call.declined.insert(client.into());
                } else {
                    call.rejected.insert(person.clone());
                }
                self.tell_person(index, &person, "sync", action, client, now);
                let call = &self.calls[index];
                let out = |who: &String| {
                    call.rejected.contains(who) || self.clients[who].iter().all(|id| call.declined.contains(id))
                };
                if call.callees.iter().all(out) {
                    self.calls[index].seq -= 1;
                    self.ends(index, "rejected", client, now);
                }
            }
            _ => {}
        }
    }

    fn get(&mut self, client: &str, id: &str, now: u64) -> Answer {
        let known = self.calls.iter().position(|call| call.id == id);
        known.map_or_else(|| refused(404, 40_401, &Value::Null), |index| self.view(index, client, now))
    }

    fn left(call: &Call, client: &str, now: u64) -> u64 {
        let silent = call.rejected.contains(party(client)) || call.declined.contains(client);
        if call.state != "ringing" || silent { 0 } else { call.deadline.saturating_sub(now) }
    }

    fn view(&self, index: usize, client: &str, now: u64) -> Answer {
        let call = &self.calls[index];
        let mut view = json!({
            "call_id": call.id, "state": call.state, "seq": call.seq, "caller_id": call.caller,
            "expires_at": EPOCH + call.deadline, "remaining_ms": Self::left(call, client, now),
        });
        if let Some(by) = &call.answered_by {
            view["answered_by"] = by.as_str().into();
            view["answered_at"] = (EPOCH + call.answered_at).into();
        }
        let is_caller = call.caller == party(client);
        let answered = call.answered_by.as_deref().map(party) == Some(party(client));
        let looks = call.state == "ringing" && call.alerted.contains(client);
        if !call.is_over() && (is_caller || answered || looks) {
            view["room_info"] = json!({
                "room_id": "7", "sdk_app_id": 1, "user_id": client, "user_sig": "s",
                "receive_only": !is_caller && !answered,
            });
        }
        done(&view)
    }

    fn list(&self, client: &str, now: u64) -> Answer {
        let person = party(client);
        let calls = self.calls.iter().filter(|call| call.caller == person || call.callees.contains(person));
        let listed = calls.rev().take(20).map(|call| {
            let direction = if call.caller == person { "outgoing" } else { "incoming" };
            json!({
                "call_id": call.id, "direction": direction, "state": call.state,
                "remaining_ms": Self::left(call, "", now).min(if call.rejected.contains(person) { 0 } else { u64::MAX }),
            })
        });
        done(&json!({ "calls": listed.collect::<Vec<Value>>() }))
    }

    fn tell_caller(&mut self, index: usize, topic: &'static str, action: &str, by: &str, now: u64) {
        let caller = self.calls[index].caller.clone();
        if !is_door(&caller) || topic == "control" {
            self.tell_person(index, &caller, topic, action, by, now);
        }
    }

    fn tell_callees(&mut self, index: usize, topic: &'static str, action: &str, by: &str, now: u64) {
        for person in self.calls[index].callees.clone() {
            self.tell_person(index, &person, topic, action, by, now);
        }
    }

    fn tell_answerer(&mut self, index: usize, topic: &'static str, by: &str, now: u64) {
        let answerer = self.calls[index].answered_by.clone().unwrap_or_default();
        self.tell_person(index, party(&answerer), topic, "hangup", by, now);
    }

    fn tell_person(&mut self, index: usize, person: &str, topic: &'static str, action: &str, by: &str, now: u64) {
        self.messages += 1;
        let call = &self.calls[index];
        let ringing = call.state == "ringing";
        let expires = if ringing { call.deadline } else { now + 60_000 };
        let id = format!("m{}", self.messages);
        let mut payload = json!({
            "call_id": call.id, "message_id": id, "seq": call.seq, "state": call.state, "caller_id": call.caller,
            "timestamp": EPOCH + now, "expires_at": EPOCH + expires,
        });
        if topic == "push" {
            // All fields of a push are texts.
            for field in ["seq", "timestamp", "expires_at"] {
                payload[field] = payload[field].to_string().into();
            }
            payload["type"] = action.into();
        } else if topic != "incoming" {
            payload["action"] = action.into();
        }
        if call.caller == person {
            payload["request_id"] = call.request_id.as_str().into();
        }
        if !by.is_empty() {
            payload["device_id"] = by.into();
        }
        if ringing {
            payload["sent_at"] = (EPOCH + now).into();
            payload["remaining_ms"] = call.deadline.saturating_sub(now).into();
            if topic == "push" {
                for field in ["sent_at", "remaining_ms"] {
                    payload[field] = payload[field].to_string().into();
                }
            }
        }
        for to in self.clients.get(person).cloned().unwrap_or_default() {
            if self.registered.contains(&to) {
                self.mail.push(Mail { to, topic, payload: payload.clone(), expires });
            }
        }
    }
}

/// A time in seconds since 1970, of the day on which all of this happens, as the header `Date` has it.
pub fn date(seconds: u64) -> String {
    let of_day = seconds % 86_400;
    format!("Mon, 27 Mar 2023 {:02}:{:02}:{:02} GMT", of_day / 3_600, of_day / 60 % 60, of_day % 60)
}
