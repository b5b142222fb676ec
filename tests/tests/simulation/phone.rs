//! A phone that keeps the rules of docs/protocol.md and docs/push.md, and a person who answers, rejects, or does neither.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::{Instant, sleep_until};

use crate::api::{Answer, Ask, Bearer};
use crate::cloud::{Arrival, Mailbox};
use crate::dice::Dice;
use crate::facts::{Ring, ToldOver};
use crate::scene::Scene;

/// How a phone is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// Its app is connected, and there is no push.
    Mqtt,
    /// Both; the app asks before it rings by a push.
    Android,
    /// Both; the system rings by a push at once, and the app asks then.
    Ios,
    /// The app is not running.
    PushOnly,
}

/// What is known of a person with a phone before they are called.
#[derive(Debug, Clone)]
pub struct Owner {
    pub bearer: Bearer,
    pub client: String,
    pub reach: Reach,
    /// Whether its app goes by the `Date` of answers; else by what messages say is left.
    pub knows_the_time: bool,
    /// How far the phone's clock is ahead.
    pub ahead_ms: i64,
    /// When the person taps, where all taps of a seed come close to each other.
    pub rush: Option<Duration>,
}

impl Owner {
    pub fn push_token(&self) -> String {
        hex::encode(&self.client)
    }

    pub fn voip_token(&self) -> String {
        format!("{}00", self.push_token())
    }
}

enum Own {
    TimeUp(String),
    Tap(String, &'static str),
    Answered(String, &'static str, Option<Answer>),
    Looked(String, Option<Answer>, Glimpse),
}

/// A push, while the app asks whether the call still rings.
struct Glimpse {
    until: Instant,
    handed: Instant,
}

#[derive(Default)]
struct Seen {
    messages: BTreeSet<String>,
    seq: u64,
    /// Its place among the facts.
    ring: Option<usize>,
    rang_at: Option<Instant>,
    over: bool,
    in_call: bool,
    tapped: bool,
}

pub struct Phone {
    scene: Scene,
    owner: Owner,
    dice: Dice,
    /// By how much the phone's clock is ahead, as the `Date` of an answer tells.
    ahead_of_date_ms: i64,
    calls: BTreeMap<String, Seen>,
    own: UnboundedSender<Own>,
}

impl Phone {
    /// Registers and connects; then lives until the simulation ends.
    pub async fn start(scene: Scene, owner: Owner, dice: Dice) {
        let (mailbox, arrivals) = unbounded_channel();
        let registered = register(&scene, &owner).await;
        connect(&scene, &owner, &registered.data, &mailbox);
        let ahead_of_date_ms = scene.time.now().plus(owner.ahead_ms).since(registered.date);
        let (own, thoughts) = unbounded_channel();
        let phone = Self { scene, owner, dice, ahead_of_date_ms, calls: BTreeMap::new(), own };
        tokio::spawn(phone.live(arrivals, thoughts));
    }

    async fn live(mut self, mut arrivals: UnboundedReceiver<Arrival>, mut thoughts: UnboundedReceiver<Own>) {
        loop {
            tokio::select! {
                biased;
                Some(thought) = thoughts.recv() => self.think(thought),
                Some(arrival) = arrivals.recv() => self.take(arrival),
                else => return,
            }
        }
    }

    fn take(&mut self, arrival: Arrival) {
        match arrival {
            Arrival::Message { topic, payload, handed } => self.on_message(&topic, &payload, handed),
            Arrival::Push { payload, handed } => self.on_push(&payload, handed),
        }
    }

    /// For how long it rings still, by what the phone takes for the time, or by what it is told.
    fn left(&self, payload: &Value) -> Duration {
        if !self.owner.knows_the_time {
            return Duration::from_millis(number(&payload["remaining_ms"]));
        }
        let expires = millis(&payload["expires_at"]);
        let now = self.scene.time.now().plus(self.owner.ahead_ms).plus(-self.ahead_of_date_ms).0;
        Duration::from_millis(u64::try_from(expires - now).unwrap_or_default())
    }

    /// What docs/protocol.md tells to drop; whether the message counts.
    fn counts(&mut self, call: &str, payload: &Value) -> bool {
        let seen = self.calls.entry(call.to_owned()).or_default();
        let seq = number(&payload["seq"]);
        let new = seen.messages.insert(payload["message_id"].as_str().unwrap().to_owned());
        if !new || seq < seen.seq {
            return false;
        }
        seen.seq = seq;
        true
    }

    fn on_message(&mut self, topic: &str, payload: &Value, handed: Instant) {
        let call = payload["call_id"].as_str().unwrap().to_owned();
        if !self.counts(&call, payload) {
            return;
        }
        if topic.ends_with("/calls/incoming") {
            let left = self.left(payload);
            return self.ring(&call, left, handed, self.owner.knows_the_time);
        }
        let own = payload["device_id"] == self.owner.client.as_str();
        match payload["action"].as_str().unwrap() {
            "accepted" | "rejected" if own => {}
            word @ ("accepted" | "rejected" | "cancelled" | "hangup") => self.over(&call, word),
            _ => {}
        }
    }

    fn on_push(&mut self, payload: &Value, handed: Instant) {
        let call = payload["call_id"].as_str().unwrap().to_owned();
        if !self.counts(&call, payload) {
            return;
        }
        match payload["type"].as_str().unwrap() {
            "VIDEO_CALL" => {
                let left = self.left(payload);
                if self.owner.reach == Reach::Ios {
                    self.ring(&call, left, handed, self.owner.knows_the_time);
                }
                self.look(&call, Glimpse { until: Instant::now() + left, handed });
            }
            "CALL_ENDED" if payload["device_id"] == self.owner.client.as_str() => {}
            word => self.over(&call, word),
        }
    }

    fn look(&self, call: &str, glimpse: Glimpse) {
        let (scene, owner, own, call) = (self.scene.clone(), self.owner.clone(), self.own.clone(), call.to_owned());
        tokio::spawn(async move {
            let path = format!("/api/calls/{call}");
            let ask = Ask { method: "GET", path, key: None, body: None, who: &owner.client };
            let answer = scene.api.insist(&owner.bearer, ask, 3).await;
            let _ = own.send(Own::Looked(call, answer, glimpse));
        });
    }

    fn ring(&mut self, call: &str, left: Duration, handed: Instant, knows: bool) {
        let seen = self.calls.entry(call.to_owned()).or_default();
        if seen.over || seen.in_call || seen.rang_at.is_some() || left.is_zero() {
            return;
        }
        let now = Instant::now();
        seen.rang_at = Some(now);
        let (phone, call_id) = (self.owner.client.clone(), call.to_owned());
        let ring = Ring { phone, call: call_id, from: now, until: None, handed, knows, ended_by: String::new() };
        seen.ring = Some(self.scene.facts.rings(ring));
        self.scene.story.tell(&self.owner.client, format_args!("rings for {} ms: {call}", left.as_millis()));
        self.later(now + left, Own::TimeUp(call.to_owned()));
        if self.dice.permille(500) {
            self.ask(call, "ringing");
        }
        let (act, after) = self.mind(left);
        if act != "ignores" {
            self.later(now + after, Own::Tap(call.to_owned(), act));
        }
    }

    /// What the person does, and when.
    fn mind(&self, left: Duration) -> (&'static str, Duration) {
        if let Some(rush) = self.owner.rush {
            let act = self.dice.pick(&["accepted", "accepted", "accepted", "declined", "rejected"]);
            return (act, rush + self.dice.ms(0..40));
        }
        match self.dice.within(0..100) {
            0..30 => ("accepted", self.dice.ms(300..12_000)),
            30..42 => ("declined", self.dice.ms(300..12_000)),
            42..50 => ("rejected", self.dice.ms(300..12_000)),
            50..70 => ("accepted", (left + self.dice.ms(0..6_000)).saturating_sub(Duration::from_secs(2))),
            _ => ("ignores", Duration::ZERO),
        }
    }

    fn later(&self, at: Instant, thought: Own) {
        let own = self.own.clone();
        tokio::spawn(async move {
            sleep_until(at).await;
            let _ = own.send(thought);
        });
    }

    fn silent(&mut self, call: &str, why: &str) {
        if let Some(ring) = self.calls.get_mut(call).and_then(|seen| seen.ring.take()) {
            self.scene.facts.falls_silent(ring, why);
            self.scene.story.tell(&self.owner.client, format_args!("falls silent: {why}"));
        }
    }

    fn over(&mut self, call: &str, why: &str) {
        let seen = self.calls.entry(call.to_owned()).or_default();
        if !seen.over {
            let (phone, call) = (self.owner.client.clone(), call.to_owned());
            self.scene.facts.told_over.lock().unwrap().push(ToldOver { phone, call, at: Instant::now() });
        }
        seen.over = true;
        if std::mem::take(&mut seen.in_call) {
            self.scene.story.tell(&self.owner.client, format_args!("leaves the room: {why}"));
        }
        self.silent(call, why);
    }

    fn think(&mut self, thought: Own) {
        match thought {
            Own::TimeUp(call) => self.silent(&call, "its own timer"),
            Own::Tap(call, act) => self.tap(&call, act),
            Own::Answered(call, act, answer) => self.answered(&call, act, answer.as_ref()),
            Own::Looked(call, answer, glimpse) => self.looked(&call, answer.as_ref(), &glimpse),
        }
    }

    /// A finger that was on its way when the ringing ended still taps; not when the app has shown why it ended.
    fn tap(&mut self, call: &str, act: &'static str) {
        let seen = self.calls.entry(call.to_owned()).or_default();
        if seen.over || (act == "hangup") != seen.in_call {
            return;
        }
        seen.tapped = true;
        self.silent(call, act);
        self.ask(call, act);
        // Who has declined may think better of it.
        if act == "declined" && self.dice.permille(200) {
            self.later(Instant::now() + self.dice.ms(500..4_000), Own::Tap(call.to_owned(), "accepted"));
        }
    }

    fn ask(&self, call: &str, action: &'static str) {
        let (scene, owner, own, call) = (self.scene.clone(), self.owner.clone(), self.own.clone(), call.to_owned());
        let key = format!("{}-{action}-{}", owner.client, self.dice.within(0..1_000_000));
        tokio::spawn(async move {
            let ask = Ask {
                method: "POST",
                path: "/api/calls/callee-action".to_owned(),
                key: Some(&key),
                body: Some(json!({ "call_id": call, "action": action, "client_id": owner.client })),
                who: &owner.client,
            };
            let answer = scene.api.insist(&owner.bearer, ask, if action == "ringing" { 1 } else { 5 }).await;
            let _ = own.send(Own::Answered(call, action, answer));
        });
    }

    fn answered(&mut self, call: &str, act: &'static str, answer: Option<&Answer>) {
        let Some(answer) = answer else { return };
        let seen = self.calls.entry(call.to_owned()).or_default();
        if answer.ok() {
            seen.seq = seen.seq.max(number(&answer.data["seq"]));
        }
        match (act, answer.status) {
            ("accepted", 200) if !seen.over => {
                seen.in_call = true;
                self.scene.facts.entered.lock().unwrap().push((call.to_owned(), self.owner.client.clone()));
                if self.dice.permille(500) {
                    let at = Instant::now() + self.dice.ms(500..9_000);
                    self.later(at, Own::Tap(call.to_owned(), "hangup"));
                }
            }
            ("rejected" | "hangup", 200) | (_, 409) => self.over(call, act),
            _ => {}
        }
    }

    fn looked(&mut self, call: &str, answer: Option<&Answer>, glimpse: &Glimpse) {
        let Some(answer) = answer.filter(|answer| answer.ok()) else {
            // Nobody can say whether it rings: better a ring for nothing than none.
            let left = glimpse.until.saturating_duration_since(Instant::now());
            return self.ring(call, left, glimpse.handed, self.owner.knows_the_time);
        };
        let seen = self.calls.entry(call.to_owned()).or_default();
        let seq = number(&answer.data["seq"]);
        if seq < seen.seq {
            return;
        }
        seen.seq = seq;
        if answer.data["state"] == "ringing" {
            let left = self.left(&answer.data);
            self.ring(call, left, glimpse.handed, true);
        } else if !(seen.in_call || seen.tapped) {
            self.over(call, "it has looked");
        }
    }
}

async fn register(scene: &Scene, owner: &Owner) -> Answer {
    let mut body = json!({ "client_id": owner.client, "device_type": "mobile", "app_version": "1.0" });
    match owner.reach {
        Reach::Mqtt => {}
        Reach::Android | Reach::PushOnly => {
            body["platform"] = json!("android");
            body["push_token"] = json!(owner.push_token());
        }
        Reach::Ios => {
            body["platform"] = json!("ios");
            body["push_token"] = json!(owner.push_token());
            body["voip_token"] = json!(owner.voip_token());
        }
    }
    let path = "/api/mqtt/clients/register".to_owned();
    let ask = Ask { method: "POST", path, key: None, body: Some(body), who: &owner.client };
    let answer = scene.api.insist(&owner.bearer, ask, 20).await.filter(Answer::ok);
    answer.unwrap_or_else(|| panic!("{} could not register", owner.client))
}

fn connect(scene: &Scene, owner: &Owner, registered: &Value, mailbox: &Mailbox) {
    if owner.reach != Reach::PushOnly {
        let topics = registered["topics"].as_object().unwrap().values();
        let topics = topics.map(|topic| topic.as_str().unwrap().to_owned()).collect();
        scene.cloud.broker.connect(&owner.client, topics, mailbox.clone());
    }
    if owner.reach != Reach::Mqtt {
        scene.cloud.push.install(&owner.push_token(), mailbox.clone());
        scene.cloud.push.install(&owner.voip_token(), mailbox.clone());
    }
}

/// Numbers stand as text in pushes.
fn number(value: &Value) -> u64 {
    value.as_u64().or_else(|| value.as_str().and_then(|text| text.parse().ok())).unwrap_or_default()
}

fn millis(value: &Value) -> i64 {
    i64::try_from(number(value)).unwrap()
}
