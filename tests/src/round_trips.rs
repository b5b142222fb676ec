//! The requests that an endpoint makes to AWS, and how many of them in sequence: what a caller waits for on any machine.

use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use ilock_functions::http::calls::callee_action::{self, CalleeActionState};
use ilock_functions::http::calls::caller_action::{self, CallerActionState};
use ilock_functions::http::calls::create_call::{self, CreateCallState};
use ilock_functions::http::calls::get_call::{self, GetCallState};
use ilock_functions::http::calls::list_calls::{self, ListCallsState};
use ilock_functions::http::clients::register_client::{self, RegisterClientState};
use ilock_functions::http::clients::remove_client::{self, RemoveClientState};
use ilock_functions::http::clients::update_client_status::{self, UpdateClientStatusState};
use ilock_functions::http::router::service;
use ilock_local::Options;
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::aws::{Aws, Request, in_turn};
use crate::parties::{Party, call_id};
use crate::world::World;

/// Much longer than the machine's own work, so that concurrent requests overlap visibly.
const LATENCY: Duration = Duration::from_millis(25);

/// One endpoint's requests to AWS.
#[derive(Debug, Clone)]
pub struct RoundTrips {
    /// Method and route.
    pub endpoint: &'static str,
    /// How many requests in all.
    pub all: usize,
    /// How many of them in sequence.
    pub in_turn: usize,
    /// How many in sequence until the first message has reached the broker; None where none is sent.
    pub until_told: Option<usize>,
    /// The number of requests of each kind.
    pub kinds: String,
}

fn measured(endpoint: &'static str, requests: &[Request]) -> RoundTrips {
    let told = requests.iter().filter(|request| request.action == "iot:Publish").min_by_key(|request| request.ended);
    let until_told = told.map(|told| {
        let before: Vec<Request> = requests.iter().filter(|request| request.ended <= told.ended).cloned().collect();
        in_turn(&before)
    });
    let mut actions: Vec<&str> = requests.iter().map(|request| request.action.as_str()).collect();
    actions.sort_unstable();
    let kinds = actions.chunk_by(|a, b| a == b).map(|same| format!("{} {}", same.len(), same[0]));
    let kinds = kinds.collect::<Vec<_>>().join(", ");
    RoundTrips { endpoint, all: requests.len(), in_turn: in_turn(requests), until_told, kinds }
}

async fn ask(app: Router, who: &Party, method: &str, path: &str, body: Option<Value>) -> Value {
    let request = axum::http::Request::builder().method(method).uri(path);
    let request = request.header("authorization", format!("Bearer {}", who.token));
    let body = body.map_or_else(Body::empty, |body| Body::from(body.to_string()));
    let answer = app.oneshot(request.body(body).unwrap()).await.unwrap();
    let status = answer.status();
    let body = to_bytes(answer.into_body(), usize::MAX).await.unwrap();
    assert!(status.is_success(), "{method} {path}: {status} {body:?}");
    serde_json::from_slice::<Value>(&body).unwrap()["data"].clone()
}

/// Measures every endpoint of a call, from the registration to the history, each as its binary builds it.
pub async fn round_trips() -> Vec<RoundTrips> {
    let never = Duration::from_hours(1);
    let world = World::with(Options { poll: never, ..Options::anywhere() }).await;
    let aws = Aws::before(world.stack.at.dynamodb, LATENCY).await;
    let (door, user) = (world.door("device123"), world.user("user456"));
    let on = || aws.parts();
    let mut trips = vec![];
    let mut note = |endpoint| trips.push(measured(endpoint, &aws.asked()));

    let app = service(register_client::routes(RegisterClientState::new(&on().wiring).unwrap()));
    let client = json!({ "client_id": "user456_phone", "platform": "android" });
    ask(app, &user, "POST", "/api/mqtt/clients/register", Some(client)).await;
    note("POST /api/mqtt/clients/register");

    let app = service(update_client_status::routes(UpdateClientStatusState::new(&on().wiring).unwrap()));
    let status = json!({ "client_id": "user456_phone", "status": "active", "priority": 10, "last_active": 1_679_886_400_000_i64 });
    ask(app, &user, "PUT", "/api/mqtt/clients/status", Some(status)).await;
    note("PUT /api/mqtt/clients/status");

    let app = service(create_call::routes(CreateCallState::new(&on().wiring).unwrap()));
    let place = json!({ "callee_id": "user456", "caller_info": { "name": "前门设备", "location": "小区大门" } });
    let call = call_id(&ask(app, &door, "POST", "/api/calls", Some(place)).await);
    note("POST /api/calls");

    let callee = |action: &str| Some(json!({ "call_id": call, "action": action, "client_id": "user456_phone" }));
    for (action, endpoint) in [("ringing", "POST callee-action ringing"), ("accepted", "POST callee-action accepted")] {
        let app = service(callee_action::routes(CalleeActionState::new(&on().wiring).unwrap()));
        ask(app, &user, "POST", "/api/calls/callee-action", callee(action)).await;
        note(endpoint);
    }

    let app = service(get_call::routes(GetCallState::new(&on().wiring).unwrap()));
    ask(app, &user, "GET", &format!("/api/calls/{call}"), None).await;
    note("GET /api/calls/{call_id}");

    let app = service(caller_action::routes(CallerActionState::new(&on().wiring).unwrap()));
    let hangup = json!({ "call_id": call, "action": "hangup" });
    ask(app, &door, "POST", "/api/calls/caller-action", Some(hangup)).await;
    note("POST caller-action hangup");

    let app = service(list_calls::routes(ListCallsState::new(&on().wiring).unwrap()));
    ask(app, &user, "GET", "/api/calls", None).await;
    note("GET /api/calls");

    let app = service(remove_client::routes(RemoveClientState::new(&on().wiring).unwrap()));
    ask(app, &user, "DELETE", "/api/mqtt/clients/user456_phone", None).await;
    note("DELETE /api/mqtt/clients/{client_id}");
    drop(aws);
    world.end().await;
    trips
}
