//! A double of Google: issues access tokens to one service account, and takes messages as FCM's HTTP v1 API does. It checks
//! every header, claim and signature, and shares no code with who signs and sends. Tests can make it fail.

mod check;

use std::collections::{BTreeSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use ilock_env::Clock;
use ilock_events::Millis;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

pub use check::{EMAIL, KEY_ID, PROJECT};

/// How FCM, or the network before it, can fail: the HTTP status, FCM's own code, the text, and `Retry-After` in seconds.
#[derive(Debug, Clone, Default)]
pub struct Trouble {
    pub status: u16,
    pub code: Option<&'static str>,
    pub text: &'static str,
    pub retry_after: Option<u64>,
}

/// A message that was taken.
#[derive(Debug, Clone)]
pub struct Message {
    /// The phone's token.
    pub token: String,
    pub message: Value,
    pub access: String,
}

#[derive(Default)]
struct GoogleState {
    /// Access tokens, with the end of each.
    issued: Vec<(String, Millis)>,
    taken_back: BTreeSet<String>,
    unregistered: BTreeSet<String>,
    troubles: VecDeque<Trouble>,
    /// What the next requests for an access token are answered.
    token_troubles: VecDeque<(u16, &'static str)>,
    token_takes: Duration,
    messages: Vec<Message>,
    asked: usize,
}

struct Shared {
    clock: Clock,
    url: String,
    state: Mutex<GoogleState>,
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, GoogleState> {
        self.state.lock().unwrap()
    }
}

/// A running double; it stops when this is dropped.
pub struct Google {
    shared: Arc<Shared>,
    server: JoinHandle<()>,
}

impl Google {
    /// Starts it on a free port; `clock` is the time that it lives in.
    pub async fn start(clock: Clock) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let shared = Arc::new(Shared { clock, url, state: Mutex::default() });
        let app = Router::new().fallback(answer).with_state(shared.clone());
        let server = tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        Self { shared, server }
    }

    pub fn url(&self) -> &str {
        &self.shared.url
    }

    /// The service account's JSON, in the form in which Google's console gives it.
    pub fn account(&self) -> String {
        let account = json!({
            "type": "service_account",
            "project_id": PROJECT,
            "private_key_id": KEY_ID,
            "private_key": check::PRIVATE_KEY,
            "client_email": EMAIL,
            "client_id": "100000000000000000001",
            "auth_uri": format!("{}/o/oauth2/auth", self.url()),
            "token_uri": format!("{}/token", self.url()),
            "universe_domain": "googleapis.com",
        });
        account.to_string()
    }

    /// The messages that were taken since the last call.
    pub fn messages(&self) -> Vec<Message> {
        std::mem::take(&mut self.shared.state().messages)
    }

    /// How many access tokens were issued.
    pub fn issued(&self) -> usize {
        self.shared.state().issued.len()
    }

    /// How many requests to send a message arrived.
    pub fn asked(&self) -> usize {
        self.shared.state().asked
    }

    /// No access token that was issued until now works any more.
    pub fn take_back(&self) {
        let mut state = self.shared.state();
        let issued: Vec<String> = state.issued.iter().map(|(token, _)| token.clone()).collect();
        state.taken_back.extend(issued);
    }

    /// The app of the phone with `token` was removed.
    pub fn unregister(&self, token: &str) {
        self.shared.state().unregistered.insert(token.to_owned());
    }

    /// The next request to send a message fails; one call for each.
    pub fn fail(&self, trouble: Trouble) {
        self.shared.state().troubles.push_back(trouble);
    }

    /// The next request for an access token is answered `status` and `error`.
    pub fn refuse_access(&self, status: u16, error: &'static str) {
        self.shared.state().token_troubles.push_back((status, error));
    }

    /// From now on an access token is issued only after so long.
    pub fn issue_after(&self, takes: Duration) {
        self.shared.state().token_takes = takes;
    }
}

impl Drop for Google {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn answer(
    State(google): State<Arc<Shared>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    assert_eq!(method, Method::POST, "{uri}");
    if uri.path() == "/token" { issue(&google, &headers, &body).await } else { send(&google, &uri, &headers, &body) }
}

async fn issue(google: &Shared, headers: &HeaderMap, body: &[u8]) -> Response {
    let (takes, trouble) = {
        let mut state = google.state();
        (state.token_takes, state.token_troubles.pop_front())
    };
    tokio::time::sleep(takes).await;
    let refused = |status: u16, error: &str, about: &str| {
        let body = json!({ "error": error, "error_description": about });
        (StatusCode::from_u16(status).unwrap(), axum::Json(body)).into_response()
    };
    if let Some((status, error)) = trouble {
        return refused(status, error, "as the test wants it");
    }
    let now = google.clock.now();
    if let Err(about) = check::assertion(headers, body, &format!("{}/token", google.url), now) {
        return refused(400, "invalid_grant", &about);
    }
    let mut state = google.state();
    let token = format!("ya29.access-{}", state.issued.len() + 1);
    state.issued.push((token.clone(), now.plus(3_599_000)));
    axum::Json(json!({ "access_token": token, "expires_in": 3599, "token_type": "Bearer" })).into_response()
}

fn send(google: &Shared, uri: &Uri, headers: &HeaderMap, body: &[u8]) -> Response {
    let mut state = google.state();
    state.asked += 1;
    let bearer = headers.get("authorization").and_then(|value| value.to_str().ok()?.strip_prefix("Bearer "));
    let now = google.clock.now();
    let good = |token: &&str| {
        let lives = state.issued.iter().any(|(issued, until)| issued == token && until.since(now) > 0);
        lives && !state.taken_back.contains(*token)
    };
    let Some(access) = bearer.filter(good).map(str::to_owned) else {
        return failed(&Trouble {
            status: 401,
            text: "Request had invalid authentication credentials.",
            ..Trouble::default()
        });
    };
    if let Some(trouble) = state.troubles.pop_front() {
        return failed(&trouble);
    }
    let (token, message) = match check::message(uri, headers, body) {
        Ok(message) => message,
        Err(refusal) => return failed_at(&refusal),
    };
    if state.unregistered.contains(&token) {
        let text = "Requested entity was not found.";
        return failed(&Trouble { status: 404, code: Some("UNREGISTERED"), text, retry_after: None });
    }
    state.messages.push(Message { token, message, access });
    let name = format!("projects/{PROJECT}/messages/{}", state.messages.len());
    axum::Json(json!({ "name": name })).into_response()
}

/// As "FCM Error Codes" shows it: status and code of Google's APIs, and in the details FCM's own.
fn failed(trouble: &Trouble) -> Response {
    let status = match trouble.status {
        400 => "INVALID_ARGUMENT",
        401 => "UNAUTHENTICATED",
        403 => "PERMISSION_DENIED",
        404 => "NOT_FOUND",
        429 => "RESOURCE_EXHAUSTED",
        503 => "UNAVAILABLE",
        _ => "INTERNAL",
    };
    let detail =
        |code: &str| json!({ "@type": "type.googleapis.com/google.firebase.fcm.v1.FcmError", "errorCode": code });
    let details: Vec<Value> = trouble.code.map(detail).into_iter().collect();
    let error =
        json!({ "error": { "code": trouble.status, "message": trouble.text, "status": status, "details": details } });
    let mut response = (StatusCode::from_u16(trouble.status).unwrap(), axum::Json(error)).into_response();
    if let Some(seconds) = trouble.retry_after {
        response.headers_mut().insert("retry-after", seconds.into());
    }
    response
}

/// A message that does not have the form of the API.
fn failed_at(field: &str) -> Response {
    let text = format!("Invalid value at '{field}'");
    let detail = json!({ "@type": "type.googleapis.com/google.rpc.BadRequest",
        "fieldViolations": [{ "field": field, "description": text }] });
    let error = json!({ "code": 400, "message": text, "status": "INVALID_ARGUMENT", "details": [detail] });
    (StatusCode::BAD_REQUEST, axum::Json(json!({ "error": error }))).into_response()
}
