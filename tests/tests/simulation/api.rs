//! What an app reaches by HTTPS: API Gateway before the functions. Requests and answers get lost, functions are killed.

use std::sync::Arc;

use aws_sdk_dynamodb::primitives::{DateTime, DateTimeFormat};
use axum::body::{Body, to_bytes};
use axum::http::Request;
use ilock_auth::{Identity, Role, Secret, issue_access_token};
use ilock_events::{Millis, PartyId, TenantId};
use ilock_functions::settings::{DEV_AUDIENCE, DEV_SECRET};
use serde_json::{Value, json};
use tokio::time::Instant;
use tower::ServiceExt;

use crate::bugs::Bug;
use crate::cloud::Network;
use crate::dice::Dice;
use crate::facts::{Answered, Facts, Meant};
use crate::functions::Functions;
use crate::killed::Killed;
use crate::time::Time;

/// Somebody with an access token.
#[derive(Debug, Clone)]
pub struct Bearer {
    pub id: String,
    token: String,
}

#[derive(Debug, Clone)]
pub struct ApiRequest<'a> {
    pub method: &'static str,
    pub path: String,
    pub key: Option<&'a str>,
    pub body: Option<Value>,
    /// The name under which the request stands in the story: a client id.
    pub who: &'a str,
}

#[derive(Debug, Clone)]
pub struct Answer {
    pub status: u16,
    /// All of it, as it was sent.
    pub body: String,
    pub data: Value,
    pub retry_after: Option<String>,
    /// The header `Date`: whole seconds.
    pub date: Millis,
}

impl Answer {
    pub fn ok(&self) -> bool {
        self.status == 200
    }

    pub fn date_header(&self) -> String {
        DateTime::from_millis(self.date.0).fmt(DateTimeFormat::HttpDate).unwrap()
    }

    /// Whether the same request may be sent again.
    pub fn again(&self) -> bool {
        self.status >= 500 || self.status == 429
    }
}

pub struct Api {
    pub instances: Vec<Functions>,
    pub network: Arc<Network>,
    pub facts: Arc<Facts>,
    pub time: Time,
    pub dice: Dice,
    pub bug: Option<Bug>,
    /// Kills the next request that is named so, at this await: for tests of one function.
    pub kill: std::sync::Mutex<Option<(&'static str, u64)>>,
}

impl Api {
    pub fn bearer(&self, id: &str, role: Role) -> Bearer {
        let identity = Identity { id: PartyId::new(id).unwrap(), role, tenant: TenantId::new("default").unwrap() };
        let an_hour_ago = self.time.now().plus(-3_600_000);
        let secret = Secret::new(DEV_SECRET);
        let token = issue_access_token(&secret, &identity, Some(DEV_AUDIENCE), an_hour_ago, 86_400).unwrap();
        Bearer { id: id.to_owned(), token }
    }

    /// Sends one request. None when no answer comes.
    pub async fn ask(&self, bearer: &Bearer, ask: ApiRequest<'_>) -> Option<Answer> {
        let (network, weather) = (&self.network, &self.network.weather);
        let action = action_of(&ask);
        self.facts.meant.lock().unwrap().extend(meant(&ask));
        tokio::time::sleep(self.dice.ms(5..80)).await;
        if network.chance(weather.lost_http) {
            network.story.tell(ask.who, format_args!("{action}: the request is lost"));
            return None;
        }
        if let Some(meant) = meant(&ask) {
            self.facts.arrivals.lock().unwrap().push((meant, Instant::now()));
        }
        let instance = &self.instances[usize::try_from(self.dice.within(0..self.instances.len() as u64)).unwrap()];
        let router = if ask.path.ends_with("callee-action") { &instance.callee_action } else { &instance.router };
        let kill = self.kill_at(&action);
        let response = Killed::at(router.clone().oneshot(self.request(bearer, &ask)), kill).await;
        let date = Millis(self.time.now().0.div_euclid(1000) * 1000);
        let Some(response) = response else {
            network.story.tell(ask.who, format_args!("{action}: the function is killed"));
            // API Gateway's own answer.
            let body = json!({ "message": "Service Unavailable" }).to_string();
            return Some(Answer { status: 503, body, data: Value::Null, retry_after: None, date });
        };
        let response = response.unwrap();
        let status = response.status().as_u16();
        let retry_after = response.headers().get("retry-after").map(|text| text.to_str().unwrap().to_owned());
        let body = to_bytes(response.into_body(), usize::MAX).await.unwrap();
        let body = String::from_utf8(body.to_vec()).unwrap();
        let mut envelope: Value = serde_json::from_str(&body).unwrap();
        network.story.tell(ask.who, format_args!("{action}: {status} {}", brief(&envelope["data"])));
        self.note(&ask, status, &envelope["data"]);
        tokio::time::sleep(self.dice.ms(5..80)).await;
        if network.chance(weather.lost_http) {
            network.story.tell(ask.who, format_args!("{action}: the answer is lost"));
            return None;
        }
        Some(Answer { status, body, data: envelope["data"].take(), retry_after, date })
    }

    fn kill_at(&self, action: &str) -> Option<u64> {
        let mut planned = self.kill.lock().unwrap();
        if planned.is_some_and(|(named, _)| named == action) {
            return planned.take().map(|(_, at)| at);
        }
        self.network.chance(self.network.weather.killed).then(|| self.dice.within(0..24))
    }

    fn note(&self, ask: &ApiRequest<'_>, status: u16, data: &Value) {
        let call = ask.body.as_ref().map_or(&data["call_id"], |body| {
            if body["call_id"].is_string() { &body["call_id"] } else { &data["call_id"] }
        });
        self.facts.answers.lock().unwrap().push(Answered {
            who: ask.who.to_owned(),
            call: call.as_str().unwrap_or_default().to_owned(),
            action: action_of(ask),
            status,
            data: data.clone(),
        });
    }

    /// The request as the function gets it.
    fn request(&self, bearer: &Bearer, ask: &ApiRequest<'_>) -> Request<Body> {
        let mut request = Request::builder()
            .method(ask.method)
            .uri(&ask.path)
            .header("authorization", format!("Bearer {}", bearer.token))
            .header("content-type", "application/json");
        if let Some(key) = ask.key {
            request = request.header("idempotency-key", key);
        }
        let body = ask.body.clone().map(|mut body| {
            if self.bug == Some(Bug::DeclineAsReject) && body["action"] == "declined" {
                body["action"] = "rejected".into();
            }
            body
        });
        request.body(body.map_or_else(Body::empty, |body| Body::from(body.to_string()))).unwrap()
    }

    /// Sends the same request until it is answered for good, at most `tries` times; as docs/protocol.md has it.
    pub async fn insist(&self, bearer: &Bearer, ask: ApiRequest<'_>, tries: u32) -> Option<Answer> {
        let mut last = None;
        for tried in 0..tries {
            last = self.ask(bearer, ask.clone()).await;
            match &last {
                Some(answer) if !answer.again() => break,
                _ => tokio::time::sleep(self.dice.ms(100..1_000 * 2_u64.pow(tried.min(4)))).await,
            }
        }
        last
    }
}

/// What somebody asks for who acts on a call.
fn meant(ask: &ApiRequest<'_>) -> Option<Meant> {
    let call = ask.body.as_ref()?["call_id"].as_str()?.to_owned();
    Some(Meant { who: ask.who.to_owned(), call, action: action_of(ask) })
}

fn action_of(ask: &ApiRequest<'_>) -> String {
    let said = ask.body.as_ref().and_then(|body| body["action"].as_str());
    match said {
        Some(action) => action.to_owned(),
        None if ask.method == "GET" => "look".to_owned(),
        None => ask.path.rsplit('/').next().unwrap_or_default().to_owned(),
    }
}

fn brief(data: &Value) -> String {
    let word = |name: &str| data[name].as_str().map(|text| format!(" {name}={text}")).unwrap_or_default();
    ["call_id", "state", "winner", "answered_by", "field"].map(word).concat().trim().to_owned()
}
