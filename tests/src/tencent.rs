//! A double of Tencent's room API: checks every signature, keeps rooms, and answers in Tencent's forms. Errors come as HTTP
//! 200 with `Response.Error`. Tests can make it fail.

mod check;
mod reports;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Instant;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use ilock_env::Clock;
use ilock_events::RoomId;
use ilock_trtc::{ApiKey, RoomApiConfig};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

pub use check::{SDK_APP_ID, SECRET_ID, SECRET_KEY};
pub use reports::{Report, Reports};

/// How Tencent, or the network before it, can fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trouble {
    /// It answers with this error code.
    Code(&'static str),
    /// Something before Tencent answers with this HTTP status.
    Status(u16),
    /// Something before Tencent answers with a web page.
    Malformed,
    /// No answer ever comes.
    Hangs,
}

/// One request that arrived.
#[derive(Debug, Clone)]
pub struct Asked {
    /// When it arrived.
    pub at: Instant,
    /// `X-TC-Action`.
    pub action: String,
    pub body: Value,
    /// The error code of the answer; None for a success or an injected failure.
    pub code: Option<String>,
}

/// A running double; it stops when this is dropped.
pub struct Tencent {
    url: String,
    rooms: Arc<Mutex<Rooms>>,
    server: JoinHandle<()>,
}

#[derive(Default)]
struct Rooms {
    users: BTreeMap<u32, BTreeSet<String>>,
    troubles: VecDeque<Trouble>,
    asked: Vec<Asked>,
}

impl Tencent {
    /// Starts it on a free port.
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let rooms = Arc::<Mutex<Rooms>>::default();
        let app = Router::new().fallback(answer).with_state(Arc::clone(&rooms));
        let server = tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        Self { url, rooms, server }
    }

    pub fn url(&self) -> &str {
        &self.url
    }

    /// A client's configuration, with a key that it accepts.
    pub fn config(&self) -> RoomApiConfig {
        let key = ApiKey::new(SECRET_ID, SECRET_KEY);
        RoomApiConfig { url: self.url.clone(), ..RoomApiConfig::new(SDK_APP_ID, key) }
    }

    /// Puts `users` into `room`.
    pub fn add_users(&self, room: RoomId, users: &[&str]) {
        self.rooms().users.entry(room.number()).or_default().extend(users.iter().map(ToString::to_string));
    }

    /// The users in `room`; None when there is no such room.
    pub fn users_in(&self, room: RoomId) -> Option<Vec<String>> {
        self.rooms().users.get(&room.number()).map(|users| users.iter().cloned().collect())
    }

    /// The next correctly signed requests fail in these ways, one each.
    pub fn fails_with(&self, troubles: impl IntoIterator<Item = Trouble>) {
        self.rooms().troubles.extend(troubles);
    }

    /// Every request so far, in order, correctly signed or not.
    pub fn asked(&self) -> Vec<Asked> {
        self.rooms().asked.clone()
    }

    fn rooms(&self) -> MutexGuard<'_, Rooms> {
        self.rooms.lock().unwrap()
    }
}

impl Drop for Tencent {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn answer(
    State(rooms): State<Arc<Mutex<Rooms>>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let at = Instant::now();
    let now = Clock::system().now().0 / 1000;
    let request = check::Request { method: &method, uri: &uri, headers: &headers, body: &body };
    let checked = request.refusal(now);
    let action = headers.get("x-tc-action").and_then(|action| action.to_str().ok()).unwrap_or_default().to_owned();
    let body: Value = serde_json::from_slice(&body).unwrap_or_default();
    let (trouble, code) = {
        let mut rooms = rooms.lock().unwrap();
        let trouble = checked.is_ok().then(|| rooms.troubles.pop_front()).flatten();
        let code = match (checked, trouble) {
            (Err(code), _) | (Ok(()), Some(Trouble::Code(code))) => Some(code),
            (Ok(()), Some(_)) => None,
            (Ok(()), None) => rooms.apply(&action, &body).err(),
        };
        rooms.asked.push(Asked { at, action, body, code: code.map(Into::into) });
        (trouble, code)
    };
    match (trouble, code) {
        (Some(Trouble::Hangs), _) => std::future::pending().await,
        (Some(Trouble::Status(status)), _) => StatusCode::from_u16(status).unwrap().into_response(),
        (Some(Trouble::Malformed), _) => "<html><title>Please sign in</title></html>".into_response(),
        (_, Some(code)) => respond(&json!({ "Error": { "Code": code, "Message": message(code, &headers) } })),
        (_, None) => respond(&json!({})),
    }
}

impl Rooms {
    /// Carries out a request.
    fn apply(&mut self, action: &str, body: &Value) -> Result<(), &'static str> {
        let room = check::room(body)?;
        let users = if action == "RemoveUser" { Some(check::users(body)?) } else { None };
        let here = self.users.get_mut(&room).ok_or("FailedOperation.RoomNotExist")?;
        match users {
            Some(users) => here.retain(|user| !users.contains(user)),
            None => here.clear(),
        }
        // A room ends with its last user.
        if here.is_empty() {
            self.users.remove(&room);
        }
        Ok(())
    }
}

/// Some of Tencent's error messages repeat the request; this one repeats all of its headers.
fn message(code: &str, headers: &HeaderMap) -> String {
    format!("{code}: {headers:?}")
}

fn respond(response: &Value) -> Response {
    let mut response = response.clone();
    response["RequestId"] = json!("eac6b301-a322-493a-8e36-83b295459397");
    axum::Json(json!({ "Response": response })).into_response()
}
