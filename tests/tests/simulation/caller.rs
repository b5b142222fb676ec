//! A door station, or a person, that calls: presses until it is answered, cancels or waits, and ends what it began.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::mpsc::unbounded_channel;
use tokio::time::{Instant, sleep, timeout_at};

use crate::api::{Answer, ApiRequest, Bearer};
use crate::cloud::Arrival;
use crate::dice::Dice;
use crate::facts::Press;
use crate::scene::Scene;

pub struct Caller {
    pub scene: Scene,
    pub bearer: Bearer,
    pub client: String,
    /// Its own number for its connection to the broker.
    pub connection: u64,
    pub dice: Dice,
}

/// One press of the button.
#[derive(Debug, Clone)]
pub struct Plan {
    pub after: Duration,
    pub callees: Vec<String>,
    pub ring_seconds: u64,
    /// When the visitor gives up.
    pub cancels_after: Option<Duration>,
    /// When the visitor hangs up, once somebody has answered.
    pub hangs_up_after: Option<Duration>,
}

impl Caller {
    /// Calls, and returns when the call is over.
    pub async fn call(self, plan: Plan) {
        let (mailbox, mut arrivals) = unbounded_channel();
        let path = "/api/mqtt/clients/register".to_owned();
        let body = json!({ "client_id": self.client, "device_type": "panel" });
        let registered = self.ask("POST", path, None, Some(body), 20).await.filter(Answer::ok).unwrap();
        let topics = registered.data["topics"].as_object().unwrap().values();
        let topics = topics.map(|topic| topic.as_str().unwrap().to_owned()).collect();
        let name = registered.data["mqtt_credentials"]["client_id"].as_str().unwrap();
        self.scene.cloud.broker.connect(name, self.connection, mailbox);
        self.scene.cloud.broker.subscribe(name, self.connection, topics);

        sleep(plan.after).await;
        let key = format!("press-{}", self.dice.within(0..1_000_000));
        // An impatient visitor presses twice at once, or again a little later: under a key of its own each time.
        let again = self.dice.permille(250).then(|| self.dice.ms(0..1_500));
        let (pressed, other) = futures::join!(self.press(&plan, &key), self.press_again(&plan, again));
        let Some(call) = pressed else {
            if let Some(other) = other {
                self.end(&other).await;
            }
            return;
        };
        let until = Instant::now() + plan.cancels_after.unwrap_or(Duration::from_secs(plan.ring_seconds + 5));
        let mut answered = false;
        while let Ok(Some(arrival)) = timeout_at(until, arrivals.recv()).await {
            let Arrival::Message { payload, .. } = arrival else { continue };
            if payload["call_id"] != call.as_str() {
                continue;
            }
            match payload["action"].as_str().unwrap() {
                "accepted" => answered = true,
                "rejected" | "timeout" | "hangup" => break,
                _ => continue,
            }
            break;
        }
        if !answered && plan.cancels_after.is_some() {
            self.act(&call, "cancelled").await;
        } else if answered && let Some(after) = plan.hangs_up_after {
            sleep(after).await;
            self.act(&call, "hangup").await;
        }
        for call in std::iter::once(call).chain(other) {
            self.end(&call).await;
        }
    }

    async fn press_again(&self, plan: &Plan, after: Option<Duration>) -> Option<String> {
        sleep(after?).await;
        let key = format!("again-{}", self.dice.within(0..1_000_000));
        self.press(plan, &key).await
    }

    async fn press(&self, plan: &Plan, key: &str) -> Option<String> {
        let name = json!({ "name": "door" });
        let mut body = json!({ "ring_seconds": plan.ring_seconds, "caller_info": name });
        match plan.callees.as_slice() {
            [callee] => body["callee_id"] = json!(callee),
            callees => body["callee_ids"] = json!(callees),
        }
        let mut press = Press { caller: self.client.clone(), calls: vec![] };
        // Twice under one key now and then, as after an answer that was lost.
        let presses = if self.dice.permille(200) { 2 } else { 1 };
        for _ in 0..presses {
            let answer = self.ask("POST", "/api/calls".to_owned(), Some(key), Some(body.clone()), 6).await;
            if let Some(call) = answer.filter(Answer::ok).and_then(|answer| text(&answer.data["call_id"])) {
                press.calls.push(call);
            }
        }
        let call = press.calls.first().cloned();
        self.scene.facts.presses.lock().unwrap().push(press);
        call
    }

    async fn act(&self, call: &str, action: &str) -> Option<Answer> {
        let key = format!("{action}-{}", self.dice.within(0..1_000_000));
        let body = json!({ "call_id": call, "action": action });
        self.ask("POST", "/api/calls/caller-action".to_owned(), Some(&key), Some(body), 5).await
    }

    /// Looks until the call is over, and hangs up where nobody does.
    async fn end(&self, call: &str) {
        loop {
            let answer = self.ask("GET", format!("/api/calls/{call}"), None, None, 5).await;
            let state = answer.and_then(|answer| text(&answer.data["state"]));
            match state.as_deref() {
                None | Some("ringing") => {}
                Some("active") => drop(self.act(call, "hangup").await),
                Some(state) => {
                    let seen = (self.client.clone(), call.to_owned(), state.to_owned());
                    return self.scene.facts.last_seen.lock().unwrap().push(seen);
                }
            }
            sleep(Duration::from_secs(3)).await;
        }
    }

    async fn ask(
        &self,
        method: &'static str,
        path: String,
        key: Option<&str>,
        body: Option<Value>,
        tries: u32,
    ) -> Option<Answer> {
        let ask = ApiRequest { method, path, key, body, who: &self.client };
        self.scene.api.insist(&self.bearer, ask, tries).await
    }
}

fn text(value: &Value) -> Option<String> {
    value.as_str().map(str::to_owned)
}
