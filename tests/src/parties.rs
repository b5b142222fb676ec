//! Parties that send HTTP requests: people, door stations, auditors.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ilock_auth::{AccessClaims, Identity, Role, Secret, issue_access_token};
use ilock_directory::{Client, Limit, MAX_CLIENTS, Registration};
use ilock_env::{Clock, random};
use ilock_events::{Generation, Millis, PartyAddress, PartyId, PartyKind, TenantId};
use ilock_functions::settings::{DEV_AUDIENCE, DEV_SECRET};
use reqwest::{Method, StatusCode};
use serde_json::{Map, Value, json};

/// Somebody with an access token.
#[derive(Clone)]
pub struct Party {
    client: reqwest::Client,
    http: String,
    pub id: String,
    pub token: String,
}

#[derive(Debug, Clone)]
pub struct Answer {
    /// The HTTP status.
    pub status: StatusCode,
    /// The envelope's code.
    pub code: u64,
    /// The envelope's message.
    pub message: String,
    /// The envelope's data.
    pub data: Value,
    /// Whether a header says that it tells of something done before.
    pub replayed: bool,
}

impl Answer {
    /// Asserts success; returns the data.
    #[track_caller]
    pub fn ok(self) -> Value {
        assert!(self.status == StatusCode::OK && self.code == 0, "not a success: {self:?}");
        self.data
    }

    /// Asserts a refusal with this status; returns the data.
    #[track_caller]
    pub fn refused(self, status: u16) -> Value {
        assert!(self.status.as_u16() == status && self.code != 0, "not refused with {status}: {self:?}");
        self.data
    }
}

/// An access token as the development login service issues it.
#[must_use]
pub fn token(id: &str, role: Role, tenant: &str) -> String {
    token_at(id, role, tenant, Clock::system().now())
}

/// The same, where the clock of the login service says `now`.
#[must_use]
pub fn token_at(id: &str, role: Role, tenant: &str, now: Millis) -> String {
    issued_at(id, role, tenant, (now, 3600))
}

fn issued_at(id: &str, role: Role, tenant: &str, (now, ttl_seconds): (Millis, u32)) -> String {
    let identity = Identity { id: PartyId::new(id).unwrap(), role, tenant: TenantId::new(tenant).unwrap() };
    issue_access_token(&Secret::new(DEV_SECRET), &identity, Some(DEV_AUDIENCE), now, ttl_seconds).unwrap()
}

/// An access token of the login session `session`, of a login at `at`, good for an hour.
#[must_use]
pub fn session_token(id: &str, role: Role, session: Option<&str>, at: Millis) -> String {
    let identity = Identity { id: PartyId::new(id).unwrap(), role, tenant: TenantId::new("default").unwrap() };
    let claims = AccessClaims {
        identity: &identity,
        issuer: None,
        audience: Some(DEV_AUDIENCE),
        issued_at: at,
        ttl_seconds: 3600,
        session,
        more: Map::new(),
    };
    claims.sign(&Secret::new(DEV_SECRET)).unwrap()
}

/// `client` of `party` in the tenant `default`, as it registers; as often as it likes.
#[must_use]
pub fn registration(party: &ilock_events::Party, client: Client) -> Registration {
    Registration {
        tenant: TenantId::new("default").unwrap(),
        party: party.clone(),
        client,
        generation: Generation::of_bytes(random().unwrap()),
        most_clients: MAX_CLIENTS,
        limit: Limit { times: 1000, within_ms: 1 },
    }
}

/// Where the user `id` of the tenant `default` is found.
#[must_use]
pub fn user_at(id: &str) -> PartyAddress {
    let user = ilock_events::Party { kind: PartyKind::User, id: PartyId::new(id).unwrap() };
    PartyAddress::of(&TenantId::new("default").unwrap(), &user)
}

impl Party {
    /// Somebody whose requests go to `at`.
    #[must_use]
    pub fn at(at: std::net::SocketAddr, id: &str, token: String) -> Self {
        Self { client: reqwest::Client::new(), http: format!("http://{at}"), id: id.into(), token }
    }

    /// With the connections of `client`.
    pub(crate) fn over(self, client: reqwest::Client) -> Self {
        Self { client, ..self }
    }

    /// Somebody else of the default tenant, over the same connections.
    #[must_use]
    pub fn like(&self, id: &str, role: Role) -> Self {
        Self { client: self.client.clone(), http: self.http.clone(), id: id.into(), token: token(id, role, "default") }
    }

    /// Sends any request.
    pub async fn asks(&self, method: Method, path: &str, body: Option<Value>) -> Answer {
        self.asks_with(method, path, body, &[]).await
    }

    /// Sends any request, with headers.
    pub async fn asks_with(&self, method: Method, path: &str, body: Option<Value>, headers: &[(&str, &str)]) -> Answer {
        let body = body.map(|body| body.to_string().into_bytes());
        self.asks_raw(method, path, body, headers).await
    }

    /// Sends any bytes as the body.
    pub async fn asks_raw(
        &self,
        method: Method,
        path: &str,
        body: Option<Vec<u8>>,
        headers: &[(&str, &str)],
    ) -> Answer {
        let mut request = self.client.request(method, format!("{}{path}", self.http)).bearer_auth(&self.token);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if let Some(body) = body {
            request = request.header("content-type", "application/json").body(body);
        }
        let answer = request.send().await.unwrap();
        let status = answer.status();
        let replayed = answer.headers().get("idempotent-replayed").is_some_and(|value| value == "true");
        let text = answer.text().await.unwrap();
        let envelope: Value = serde_json::from_str(&text).unwrap_or_else(|_| panic!("no envelope: {status} {text}"));
        Answer {
            status,
            code: envelope["code"].as_u64().unwrap(),
            message: envelope["message"].as_str().unwrap().to_owned(),
            data: envelope["data"].clone(),
            replayed,
        }
    }

    pub async fn posts(&self, path: &str, body: Value) -> Answer {
        self.asks(Method::POST, path, Some(body)).await
    }

    pub async fn gets(&self, path: &str) -> Answer {
        self.asks(Method::GET, path, None).await
    }

    /// The person `id`, at the same backend and in the same tenant `default`.
    #[must_use]
    pub fn person(&self, id: &str) -> Self {
        Self { id: id.into(), token: self.token_for(id), ..self.clone() }
    }

    /// A token of the user `id`. Where this party logged in long ago, the backend's clock stands there, and so does the login
    /// service's.
    fn token_for(&self, id: &str) -> String {
        let claims = self.token.split('.').nth(1).and_then(|part| URL_SAFE_NO_PAD.decode(part).ok());
        let claims = claims.and_then(|claims| serde_json::from_slice::<Value>(&claims).ok()).unwrap_or_default();
        match (claims["iat"].as_i64(), claims["exp"].as_i64()) {
            (Some(issued), Some(expires)) if Clock::system().now().since(Millis(issued * 1000)) > 3_600_000 => {
                let ttl_seconds = u32::try_from(expires - issued).unwrap();
                issued_at(id, Role::User, "default", (Millis(issued * 1000), ttl_seconds))
            }
            _ => token(id, Role::User, "default"),
        }
    }

    /// Places a new call that rings for `seconds`; the call's view. A person who has no phone yet gets `{callee}_phone`. An
    /// earlier call to the same person that still rings or lasts is ended first.
    pub async fn rings(&self, callee: &str, seconds: u32) -> Value {
        let mut pressed = self.presses(callee, seconds).await;
        if pressed.status == StatusCode::NOT_FOUND {
            self.person(callee).registers("phone").await;
            pressed = self.presses(callee, seconds).await;
        }
        let view = pressed.ok();
        if view["repeated"] == false {
            return view;
        }
        let end = if view["state"] == "active" { "hangup" } else { "cancelled" };
        self.caller_action(&call_id(&view), end).await.ok();
        self.presses(callee, seconds).await.ok()
    }

    /// Asks for a call that rings for `seconds`.
    pub async fn presses(&self, callee: &str, seconds: u32) -> Answer {
        let info = json!({ "name": "前门设备", "location": "小区大门" });
        self.posts("/api/calls", json!({ "callee_id": callee, "ring_seconds": seconds, "caller_info": info })).await
    }

    /// As the callee, from the phone `client`. One that is not registered yet registers.
    pub async fn callee_action(&self, call: &str, action: &str, client: Option<&str>) -> Answer {
        let acted = self.callee_acts(call, action, client).await;
        let rule = acted.data["rule"].as_str().unwrap_or_default();
        let Some(client) = client.filter(|_| acted.code == 40_001 && rule.contains("that is registered")) else {
            return acted;
        };
        self.posts("/api/mqtt/clients/register", json!({ "client_id": client })).await.ok();
        self.callee_acts(call, action, Some(client)).await
    }

    /// As the callee, in the name of `client`, whether it is registered or not.
    pub async fn callee_acts(&self, call: &str, action: &str, client: Option<&str>) -> Answer {
        let mut body = json!({ "call_id": call, "action": action });
        if let Some(client) = client {
            body["client_id"] = json!(client);
        }
        self.posts("/api/calls/callee-action", body).await
    }

    /// As the caller.
    pub async fn caller_action(&self, call: &str, action: &str) -> Answer {
        self.posts("/api/calls/caller-action", json!({ "call_id": call, "action": action })).await
    }

    /// Registers the client `{id}_{name}`; the answer's data.
    pub async fn registers(&self, name: &str) -> Value {
        let body = json!({
            "client_id": format!("{}_{name}", self.id), "device_type": "mobile", "platform": "android", "app_version": "1.2.3",
        });
        self.posts("/api/mqtt/clients/register", body).await.ok()
    }
}

/// The call id of a view.
#[must_use]
pub fn call_id(view: &Value) -> String {
    view["call_id"].as_str().unwrap().to_owned()
}
