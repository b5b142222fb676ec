//! Push services that show what they are given, and wake no phones.

use std::collections::{BTreeSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard};

use axum::Router;
use axum::extract::State;
use axum::routing::get;
use futures::future::BoxFuture;
use ilock_env::Clock;
use ilock_events::{Millis, PushService};
use ilock_functions::lock::lock;
use ilock_notify::push::{PushCarrier, PushError, PushRequest};
use serde::Serialize;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// How many are kept to be listed.
const KEPT: usize = 200;

/// One push, as its service would see it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Shown {
    /// Its number, from 1.
    pub id: u64,
    /// When it came.
    pub at: Millis,
    /// By which service.
    pub service: PushService,
    /// To which endpoint.
    pub endpoint: String,
    /// Seconds that it would be kept for a phone that is off.
    pub ttl_seconds: u32,
    /// `apns-push-type`, on iOS.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub push_type: Option<String>,
    /// `apns-priority`, on iOS.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub priority: Option<u8>,
    pub payload: Value,
}

#[derive(Default)]
struct PushState {
    shown: VecDeque<Shown>,
    count: u64,
    disabled: BTreeSet<String>,
    registered: u64,
    down: bool,
    refuses: bool,
}

/// All five push services, with a platform application for each.
#[derive(Clone)]
pub struct LocalPush {
    state: Arc<Mutex<PushState>>,
    clock: Clock,
}

impl LocalPush {
    /// Services that nobody has pushed anything to yet.
    #[must_use]
    pub fn new(clock: Clock) -> Self {
        Self { state: Arc::default(), clock }
    }

    fn state(&self) -> MutexGuard<'_, PushState> {
        lock(&self.state)
    }

    /// The last pushes, oldest first.
    #[must_use]
    pub fn shown(&self) -> Vec<Shown> {
        self.state().shown.iter().cloned().collect()
    }

    /// From now on `endpoint` is disabled, as if the app had been removed; until it is registered again.
    pub fn disable(&self, endpoint: &str) {
        self.state().disabled.insert(endpoint.to_owned());
    }

    /// From now on nothing is taken; or everything again.
    pub fn down(&self, down: bool) {
        self.state().down = down;
    }

    /// From now on no token is one of this app's; or every one is.
    pub fn refuses(&self, refuses: bool) {
        self.state().refuses = refuses;
    }

    /// How many tokens have come to be registered, also those that were refused.
    #[must_use]
    pub fn registered(&self) -> u64 {
        self.state().registered
    }

    /// `GET /dev/pushes`.
    pub(crate) fn routes(self) -> Router {
        let list = |State(push): State<Self>| async move {
            axum::Json(json!({ "code": 0, "message": "OK", "data": { "pushes": push.shown() } }))
        };
        Router::new().route("/dev/pushes", get(list)).with_state(self)
    }

    fn take(&self, request: PushRequest) -> Result<Option<String>, PushError> {
        let payload: Value =
            serde_json::from_str(&request.payload).map_err(|error| PushError::Refused(error.to_string()))?;
        let mut state = self.state();
        if state.down {
            return Err(PushError::Unavailable("down".into()));
        }
        if state.disabled.contains(&request.endpoint) {
            return Err(PushError::Retired("EndpointDisabled".into()));
        }
        state.count += 1;
        let shown = Shown {
            id: state.count,
            at: self.clock.now(),
            service: request.service,
            endpoint: request.endpoint,
            ttl_seconds: request.ttl_seconds,
            push_type: request.apns.map(|apns| apns.push_type.to_owned()),
            priority: request.apns.map(|apns| apns.priority),
            payload,
        };
        tracing::info!(
            target: "push",
            service = shown.service.word(),
            endpoint = shown.endpoint,
            ttl_seconds = shown.ttl_seconds,
            push_type = shown.push_type,
            priority = shown.priority,
            "{}",
            request.payload
        );
        let id = shown.id.to_string();
        if state.shown.len() == KEPT {
            state.shown.pop_front();
        }
        state.shown.push_back(shown);
        Ok(Some(id))
    }
}

impl PushCarrier for LocalPush {
    fn register(&self, service: PushService, token: String) -> BoxFuture<'_, Result<Option<String>, PushError>> {
        Box::pin(async move {
            let digest = hex::encode(Sha256::digest(token));
            let endpoint = format!("local/{}/{digest}", service.word());
            let mut state = self.state();
            state.registered += 1;
            if state.down {
                return Err(PushError::Unavailable("down".into()));
            }
            if state.refuses {
                return Err(PushError::Refused("InvalidParameter".into()));
            }
            state.disabled.remove(&endpoint);
            Ok(Some(endpoint))
        })
    }

    fn send(&self, request: PushRequest) -> BoxFuture<'_, Result<Option<String>, PushError>> {
        Box::pin(async move { self.take(request) })
    }
}
