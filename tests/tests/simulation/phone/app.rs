//! The app: drives `client/core` as its drivers do, over the simulated broker, push services and API.

use std::collections::BTreeMap;
use std::time::Duration;

use ilock_client_core::{Client, Command, Config, Ending, Event, Input, Lost, Method, Output, PushTokens, Role};
use serde_json::{Value, json};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::{Instant, sleep, sleep_until};

use super::heard::{Heard, Shown, calls, ends, millis, push_ends};
use super::owner::{Owner, Reach};
use super::person::{Tap, mind};
use crate::api::{Answer, ApiRequest};
use crate::cloud::{Arrival, Mailbox};
use crate::dice::Dice;
use crate::facts::{Ring, ToldOver};
use crate::scene::Scene;

/// When nothing else wakes the app.
const IDLE: Duration = Duration::from_hours(24);
/// How long the person thinks that a call rings of which the phone was told by no message.
const UNTOLD: Duration = Duration::from_secs(10);

enum Own {
    /// To the request of one process of the app.
    Answered {
        process: u32,
        id: u64,
        answer: Option<Answer>,
    },
    Token,
    Tap(String, Tap),
}

struct Inbox {
    arrivals: UnboundedReceiver<Arrival>,
    own: UnboundedReceiver<Own>,
}

pub struct Phone {
    scene: Scene,
    owner: Owner,
    dice: Dice,
    core: Client,
    /// Counts the starts of the app.
    process: u32,
    /// When the app's steady clock began.
    began: Instant,
    /// The state of an app that does not run.
    saved: Option<String>,
    online: bool,
    /// Whether this process has read a `Date`.
    dated: bool,
    mailbox: Mailbox,
    own: UnboundedSender<Own>,
    calls: BTreeMap<String, Heard>,
}

fn config(owner: &Owner) -> Config {
    let mut config = Config::new(Role::Phone, owner.client.clone());
    config.platform = match owner.reach {
        Reach::Mqtt => None,
        Reach::Android | Reach::PushOnly => Some("android".into()),
        Reach::Ios => Some("ios".into()),
    };
    config
}

fn seed(dice: &Dice) -> Vec<u8> {
    let mut seed = vec![0; 32];
    dice.fill(&mut seed);
    seed
}

impl Phone {
    /// Registers and connects; then lives until the simulation ends.
    pub async fn start(scene: Scene, owner: Owner, dice: Dice) {
        let (mailbox, arrivals) = unbounded_channel();
        let (own, thoughts) = unbounded_channel();
        let mut inbox = Inbox { arrivals, own: thoughts };
        let core = Client::new(config(&owner), seed(&dice)).unwrap();
        let (process, began, calls) = (0, Instant::now(), BTreeMap::new());
        let (saved, online, dated) = (None, false, false);
        let mut phone = Self { scene, owner, dice, core, process, began, saved, online, dated, mailbox, own, calls };
        phone.install();
        phone.take(Input::Start);
        while !phone.is_ready() {
            phone.next(&mut inbox).await;
        }
        if phone.owner.reach == Reach::PushOnly {
            phone.saved = Some(phone.core.save());
        }
        tokio::spawn(async move {
            loop {
                phone.next(&mut inbox).await;
            }
        });
    }

    fn install(&mut self) {
        if self.owner.reach == Reach::Mqtt {
            return;
        }
        let (push_token, voip_token) = (self.owner.push_token(), self.owner.voip_token());
        self.scene.cloud.push.install(&push_token, self.mailbox.clone());
        self.scene.cloud.push.install(&voip_token, self.mailbox.clone());
        let voip_token = (self.owner.reach == Reach::Ios).then_some(voip_token);
        let tokens = PushTokens { push_token: Some(push_token), voip_token, environment: None };
        self.take(Input::PushTokens { tokens });
    }

    fn is_ready(&self) -> bool {
        self.online || self.owner.reach == Reach::PushOnly && self.core.client_id().is_some()
    }

    /// A steady clock begins anywhere. The time of day is not asked for.
    fn steady_start(&self) -> u64 {
        u64::try_from(1_000_000 + self.owner.ahead_ms).unwrap()
    }

    /// Lives until the next thing has happened.
    async fn next(&mut self, inbox: &mut Inbox) {
        let wake = self.core.wake_at().filter(|_| self.saved.is_none());
        let wake = wake.map(|at| Duration::from_millis(at.saturating_sub(self.steady_start())));
        let wake = wake.map_or_else(|| Instant::now() + IDLE, |after| self.began + after);
        tokio::select! {
            biased;
            Some(own) = inbox.own.recv() => self.think(own),
            Some(arrival) = inbox.arrivals.recv() => self.arrived(arrival),
            () = sleep_until(wake) => self.take(Input::Tick),
        }
    }

    fn think(&mut self, own: Own) {
        match own {
            Own::Answered { process, id, answer } if process == self.process => {
                let Some(answer) = answer else { return self.take(Input::HttpFailed { id }) };
                let date = self.owner.knows_the_time.then(|| answer.date_header());
                self.dated |= date.is_some();
                let Answer { status, retry_after, body, .. } = answer;
                self.take(Input::HttpAnswer { id, status, retry_after, date, body });
            }
            Own::Answered { .. } => {}
            Own::Token => self.take(Input::TokenRenewed),
            Own::Tap(call, tap) => self.tap(&call, tap),
        }
    }

    fn arrived(&mut self, arrival: Arrival) {
        match arrival {
            Arrival::Connected { connection, session_present } => {
                self.take(Input::Connected { connection, session_present });
            }
            Arrival::Subscribed { connection } => self.take(Input::Subscribed { connection, granted: true }),
            Arrival::Broken { connection } => {
                self.take(Input::Disconnected { connection, reason: Lost::Network });
            }
            Arrival::Message { topic, payload, handed } => {
                self.hear(&payload, handed, calls(&topic), ends(&self.owner.client, &payload));
                self.take(Input::Message { topic, payload: payload.to_string() });
            }
            Arrival::Push { payload, handed } => {
                let rings = payload["type"] == "VIDEO_CALL";
                self.hear(&payload, handed, rings, push_ends(&self.owner.client, &payload));
                self.wake();
                let must_show = rings && self.owner.reach == Reach::Ios;
                self.take(Input::Push { data: payload.to_string(), must_show });
            }
        }
    }

    /// Notes what the app is about to be told.
    fn hear(&mut self, payload: &Value, handed: Instant, rings: bool, ends: bool) {
        // What is about the person's clients names no call.
        let Some(call) = payload["call_id"].as_str() else { return };
        let heard = self.calls.entry(call.to_owned()).or_default();
        if rings {
            heard.handed = Some(handed);
            heard.expires_at = millis(&payload["expires_at"]);
        }
        if ends {
            let (phone, call) = (self.owner.client.clone(), call.to_owned());
            self.scene.facts.told_over.lock().unwrap().push(ToldOver { phone, call, at: Instant::now() });
        }
    }

    /// A push starts an app that does not run, from what it saved.
    fn wake(&mut self) {
        let Some(saved) = self.saved.take() else { return };
        self.scene.story.tell(&self.owner.client, format_args!("the push starts the app"));
        self.core = Client::restore(config(&self.owner), seed(&self.dice), &saved).unwrap();
        (self.process, self.began, self.dated) = (self.process + 1, Instant::now(), false);
    }

    fn take(&mut self, input: Input) {
        let now = self.steady_start() + u64::try_from(self.began.elapsed().as_millis()).unwrap();
        let outputs = self.core.handle(now, input);
        let silenced = |output: &Output| match output {
            Output::Event(Event::StopRinging { call_id, .. }) => Some(call_id.clone()),
            _ => None,
        };
        let silenced: Vec<String> = outputs.iter().filter_map(silenced).collect();
        for output in outputs {
            match output {
                Output::Do(command) => self.carry_out(command),
                // iOS wants every call of a VoIP push to be shown. One that ends in the same moment is not heard.
                Output::Event(Event::Ring { call }) if silenced.contains(&call.call_id) => {}
                Output::Event(event) => self.show(event),
            }
        }
    }

    fn show(&mut self, event: Event) {
        match event {
            Event::Online { .. } => self.online = true,
            Event::Ring { call } => self.ring(&call.call_id),
            Event::StopRinging { call_id, why } => self.silent(&call_id, why),
            Event::EnterRoom { call_id, .. } => self.enter(&call_id),
            Event::LeaveRoom { call_id } => {
                self.scene.story.tell(&self.owner.client, format_args!("leaves the room"));
                self.heard(&call_id).shown = Shown::Over;
            }
            Event::CallOver { call_id, why, .. } => {
                let heard = self.heard(&call_id);
                if why != Ending::DeclinedHere && heard.shown != Shown::TimedOut {
                    heard.shown = Shown::Over;
                }
            }
            Event::Problem { problem } => {
                self.scene.story.tell(&self.owner.client, format_args!("shows: {}", problem.message));
            }
            _ => {}
        }
    }

    fn heard(&mut self, call: &str) -> &mut Heard {
        self.calls.entry(call.to_owned()).or_default()
    }

    fn ring(&mut self, call: &str) {
        let heard = *self.heard(call);
        if matches!(heard.shown, Shown::Ringing(_)) {
            return;
        }
        let (phone, call_id, from) = (self.owner.client.clone(), call.to_owned(), Instant::now());
        let (handed, knows) = (heard.handed.unwrap_or(from), self.dated);
        let ring = Ring { phone, call: call_id, from, until: None, handed, knows, ended_by: String::new() };
        let place = self.scene.facts.rings(ring);
        self.scene.story.tell(&self.owner.client, format_args!("rings: {call}"));
        *self.heard(call) = Heard { shown: Shown::Ringing(place), decided: true, ..heard };
        if heard.decided {
            return;
        }
        let deadline = heard.expires_at.map(|at| self.scene.time.moment(ilock_events::Millis(at)));
        let left = deadline.map_or(UNTOLD, |deadline| deadline.saturating_duration_since(from));
        if let Some((tap, after)) = mind(&self.owner, &self.dice, left) {
            self.later(after, Own::Tap(call.to_owned(), tap));
        }
    }

    fn silent(&mut self, call: &str, why: Ending) {
        let Shown::Ringing(place) = self.heard(call).shown else { return };
        self.scene.facts.falls_silent(place, &format!("{why:?}"));
        self.scene.story.tell(&self.owner.client, format_args!("falls silent: {why:?}"));
        self.heard(call).shown = match why {
            Ending::AnsweredHere => Shown::Answering,
            Ending::DeclinedHere => Shown::Declined,
            Ending::Missed => Shown::TimedOut,
            _ => Shown::Over,
        };
    }

    fn enter(&mut self, call: &str) {
        self.heard(call).shown = Shown::InRoom;
        self.scene.facts.entered.lock().unwrap().push((call.to_owned(), self.owner.client.clone()));
        if self.dice.permille(500) {
            self.later(self.dice.ms(500..9_000), Own::Tap(call.to_owned(), Tap::HangUp));
        }
    }

    fn tap(&mut self, call: &str, tap: Tap) {
        let call_id = call.to_owned();
        match (self.heard(call).shown, tap) {
            (Shown::Ringing(_) | Shown::Declined, Tap::Accept) => self.take(Input::Answer { call_id }),
            (Shown::Ringing(_), Tap::Reject) => self.take(Input::Reject { call_id, reason: None }),
            (Shown::Ringing(_), Tap::Decline) => {
                self.take(Input::Decline { call_id: call_id.clone() });
                // Who has declined may think better of it.
                if self.dice.permille(200) {
                    self.later(self.dice.ms(500..4_000), Own::Tap(call_id, Tap::Accept));
                }
            }
            (Shown::InRoom, Tap::HangUp) => self.take(Input::HangUp { call_id, reason: None }),
            // The screen is gone, and the finger was on its way. Our app sends nothing then; one that another has
            // written does.
            (Shown::TimedOut, Tap::Accept) => self.answer_late(call_id),
            _ => {}
        }
    }

    fn answer_late(&self, call: String) {
        let (scene, owner) = (self.scene.clone(), self.owner.clone());
        let key = format!("{}-late-{}", owner.client, self.dice.within(0..1_000_000));
        tokio::spawn(async move {
            let body = json!({ "call_id": call, "action": "accepted", "client_id": owner.client });
            let path = "/api/calls/callee-action".to_owned();
            let ask = ApiRequest { method: "POST", path, key: Some(&key), body: Some(body), who: &owner.client };
            scene.api.insist(&owner.bearer, ask, 5).await
        });
    }

    fn later(&self, after: Duration, thought: Own) {
        let own = self.own.clone();
        tokio::spawn(async move {
            sleep(after).await;
            let _ = own.send(thought);
        });
    }

    fn carry_out(&mut self, command: Command) {
        match command {
            Command::Request { id, method, path, body, idempotency_key, .. } => {
                let body = body.map(|body| serde_json::from_str(&body).unwrap());
                self.request(id, method, path, body, idempotency_key);
            }
            Command::Connect { connection, client_id, .. } => self.connect(connection, client_id),
            Command::Subscribe { connection, topics } => {
                let (broker, client) = (self.scene.cloud.broker.clone(), self.owner.client.clone());
                let way = self.dice.ms(5..80);
                tokio::spawn(async move {
                    sleep(way).await;
                    broker.subscribe(&client, connection, topics);
                });
            }
            Command::Disconnect => self.scene.cloud.broker.disconnect(&self.owner.client),
            Command::NeedToken => self.later(self.dice.ms(5..80), Own::Token),
        }
    }

    fn request(&self, id: u64, method: Method, path: String, body: Option<Value>, key: Option<String>) {
        let (scene, owner, own, process) = (self.scene.clone(), self.owner.clone(), self.own.clone(), self.process);
        let method = match method {
            Method::Get => "GET",
            Method::Post => "POST",
            Method::Put => "PUT",
            Method::Delete => "DELETE",
        };
        tokio::spawn(async move {
            let ask = ApiRequest { method, path, key: key.as_deref(), body, who: &owner.client };
            let answer = scene.api.ask(&owner.bearer, ask).await;
            let _ = own.send(Own::Answered { process, id, answer });
        });
    }

    /// An app that is about to be ended by the system does not connect.
    fn connect(&self, connection: u64, client: String) {
        assert_eq!(client, self.owner.client);
        if self.owner.reach == Reach::PushOnly && self.process == 0 {
            return;
        }
        let (broker, mailbox, way) = (self.scene.cloud.broker.clone(), self.mailbox.clone(), self.dice.ms(5..80));
        tokio::spawn(async move {
            sleep(way).await;
            broker.connect(&client, connection, mailbox);
        });
    }
}
