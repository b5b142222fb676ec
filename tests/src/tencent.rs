//! Tencent's room API on loopback: it checks every signature, keeps rooms, and answers in Tencent's own forms. Its errors
//! come as HTTP 200 with `Response.Error`; and it can be told to be in trouble.

mod check;
mod reports;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use ilock_events::RoomId;
use ilock_trtc::{ApiKey, RoomApiConfig};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

pub use check::{SDK_APP_ID, SECRET_ID, SECRET_KEY};
pub use reports::{Report, Reports};

/// What can be wrong with Tencent, or with the way there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trouble {
    /// It answers with this error code.
    Code(&'static str),
    /// Somebody on the way answers with this HTTP status.
    Status(u16),
    /// Somebody on the way answers with a page of his own.
    Malformed,
    /// No answer, ever.
    Hangs,
}

/// One request that came.
#[derive(Debug, Clone)]
pub struct Asked {
    /// When it was there.
    pub at: Instant,
    /// `X-TC-Action`.
    pub action: String,
    /// Its body.
    pub body: Value,
    /// With which error code it was answered; `None`: it went well, or there was trouble.
    pub code: Option<String>,
}

/// A running double; it ends when it is dropped.
pub struct Tencent {
    url: String,
    desk: Arc<Mutex<Desk>>,
    server: JoinHandle<()>,
}

#[derive(Default)]
struct Desk {
    rooms: BTreeMap<u32, BTreeSet<String>>,
    troubles: VecDeque<Trouble>,
    asked: Vec<Asked>,
}

impl Tencent {
    /// Starts it on a free port.
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let desk = Arc::<Mutex<Desk>>::default();
        let app = Router::new().fallback(answer).with_state(Arc::clone(&desk));
        let server = tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        Self { url, desk, server }
    }

    /// Where it is.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// How to ask it, with a key that it knows.
    pub fn config(&self) -> RoomApiConfig {
        let key = ApiKey::new(SECRET_ID, SECRET_KEY);
        RoomApiConfig { url: self.url.clone(), ..RoomApiConfig::new(SDK_APP_ID, key) }
    }

    /// `users` are in `room` from now on.
    pub fn has_in(&self, room: RoomId, users: &[&str]) {
        self.desk().rooms.entry(room.number()).or_default().extend(users.iter().map(ToString::to_string));
    }

    /// Who is in `room`; `None` when there is no such room.
    pub fn who_is_in(&self, room: RoomId) -> Option<Vec<String>> {
        self.desk().rooms.get(&room.number()).map(|users| users.iter().cloned().collect())
    }

    /// The next well-signed requests run into these, one each.
    pub fn gets_into(&self, troubles: impl IntoIterator<Item = Trouble>) {
        self.desk().troubles.extend(troubles);
    }

    /// Every request that came, in order, well signed or not.
    pub fn asked(&self) -> Vec<Asked> {
        self.desk().asked.clone()
    }

    fn desk(&self) -> MutexGuard<'_, Desk> {
        self.desk.lock().unwrap()
    }
}

impl Drop for Tencent {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn answer(
    State(desk): State<Arc<Mutex<Desk>>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let at = Instant::now();
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs().cast_signed();
    let request = check::Request { method: &method, uri: &uri, headers: &headers, body: &body };
    let checked = request.refusal(now);
    let action = headers.get("x-tc-action").and_then(|action| action.to_str().ok()).unwrap_or_default().to_owned();
    let body: Value = serde_json::from_slice(&body).unwrap_or_default();
    let (trouble, code) = {
        let mut desk = desk.lock().unwrap();
        let trouble = checked.is_ok().then(|| desk.troubles.pop_front()).flatten();
        let code = match (checked, trouble) {
            (Err(code), _) | (Ok(()), Some(Trouble::Code(code))) => Some(code),
            (Ok(()), Some(_)) => None,
            (Ok(()), None) => desk.does(&action, &body).err(),
        };
        desk.asked.push(Asked { at, action, body, code: code.map(Into::into) });
        (trouble, code)
    };
    match (trouble, code) {
        (Some(Trouble::Hangs), _) => std::future::pending().await,
        (Some(Trouble::Status(status)), _) => StatusCode::from_u16(status).unwrap().into_response(),
        (Some(Trouble::Malformed), _) => "<html><title>Please sign in</title></html>".into_response(),
        (_, Some(code)) => said(&json!({ "Error": { "Code": code, "Message": message(code, &headers) } })),
        (_, None) => said(&json!({})),
    }
}

impl Desk {
    /// Does what is asked, as far as it can be done.
    fn does(&mut self, action: &str, body: &Value) -> Result<(), &'static str> {
        let room = check::room(body)?;
        let users = if action == "RemoveUser" { Some(check::users(body)?) } else { None };
        let here = self.rooms.get_mut(&room).ok_or("FailedOperation.RoomNotExist")?;
        match users {
            Some(users) => here.retain(|user| !users.contains(user)),
            None => here.clear(),
        }
        // A room ends with its last user.
        if here.is_empty() {
            self.rooms.remove(&room);
        }
        Ok(())
    }
}

/// Some of Tencent's messages repeat what was sent; so this one repeats all of it.
fn message(code: &str, headers: &HeaderMap) -> String {
    format!("{code}: {headers:?}")
}

fn said(response: &Value) -> Response {
    let mut response = response.clone();
    response["RequestId"] = json!("eac6b301-a322-493a-8e36-83b295459397");
    axum::Json(json!({ "Response": response })).into_response()
}
