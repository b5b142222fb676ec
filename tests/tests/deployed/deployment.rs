//! The deployment under test, and the parties that use its HTTP API.

use std::collections::BTreeMap;
use std::time::Duration;

use aws_config::BehaviorVersion;
use aws_sdk_lambda::primitives::Blob;
use aws_sdk_sqs::types::QueueAttributeName as Count;
use ilock_auth::{Arns, Identity, Role, Secret, issue_access_token};
use ilock_directory::Directory;
use ilock_env::Clock;
use ilock_events::{PartyId, TenantId, TopicPrefix};
use ilock_tests::Answer;
use reqwest::Method;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::time::Instant;

/// How long to wait for something that must happen. Emulated services are slow on a busy machine.
pub const TIMEOUT: Duration = Duration::from_mins(1);

/// The file that `infra/ministack/deploy.py` writes.
#[derive(Debug, Clone, Deserialize)]
pub struct Deployment {
    pub region: String,
    pub account: String,
    /// The URL of the HTTP API.
    pub api: String,
    /// What stands before its topics and client ids.
    pub topic_prefix: String,
    /// The stack's outputs.
    pub outputs: BTreeMap<String, String>,
    /// The template's routes.
    pub routes: Vec<Route>,
    /// Where the broker listens.
    pub mqtt: Broker,
    /// The login service's signing key.
    pub auth_secret: String,
    /// Tencent's signing key.
    pub trtc_callback_key: String,
}

/// A route of the template.
#[derive(Debug, Clone, Deserialize)]
pub struct Route {
    /// `POST` …
    pub method: String,
    /// `/api/calls/{call_id}` …
    pub path: String,
}

/// The broker's address, and the authority of its certificate.
#[derive(Debug, Clone, Deserialize)]
pub struct Broker {
    pub host: String,
    pub port: u16,
    /// The authority, as PEM.
    pub authority: String,
}

impl Deployment {
    /// The deployment that this test runs against.
    pub fn here() -> Self {
        let file = std::env::var("ILOCK_DEPLOYED")
            .expect("to be run so: infra/ministack/run cargo test -p ilock-tests --test deployed");
        serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap()
    }

    /// One output of the stack.
    #[track_caller]
    pub fn output(&self, name: &str) -> &str {
        self.outputs.get(name).unwrap_or_else(|| panic!("the stack has no output {name}: {:?}", self.outputs))
    }

    /// A person. Ids are unique to this run, so that earlier runs do not interfere.
    pub fn user(&self, name: &str) -> Party {
        self.party(name, Role::User)
    }

    pub fn door(&self, name: &str) -> Party {
        self.party(name, Role::Device)
    }

    pub fn auditor(&self, name: &str) -> Party {
        self.party(name, Role::Auditor)
    }

    fn party(&self, name: &str, role: Role) -> Party {
        let id = format!("{name}-{}", std::process::id());
        let identity =
            Identity { id: PartyId::new(id.clone()).unwrap(), role, tenant: TenantId::new("default").unwrap() };
        let secret = Secret::new(self.auth_secret.clone());
        let token = issue_access_token(&secret, &identity, None, Clock::system().now(), 3600).unwrap();
        Party { token: Some(token), ..self.nobody(&id) }
    }

    /// Somebody without a token.
    pub fn nobody(&self, id: &str) -> Party {
        Party { client: reqwest::Client::new(), api: self.api.clone(), id: id.to_owned(), token: None }
    }

    /// What the topic is called on the broker.
    pub fn topic(&self, topic: &str) -> String {
        TopicPrefix::new(self.topic_prefix.clone()).unwrap().topic(topic)
    }

    /// The MQTT client id of a person's client.
    pub fn client_of(&self, person: &Party, own: &str) -> String {
        let prefix = if self.topic_prefix.is_empty() { String::new() } else { format!("{}.", self.topic_prefix) };
        format!("{prefix}{}_{own}", person.id)
    }

    /// IoT Core's data endpoint.
    pub fn arns(&self) -> Arns {
        Arns { partition: "aws".into(), region: self.region.clone(), account: self.account.clone() }
    }

    /// The directory that the functions use.
    pub async fn directory(&self) -> Directory {
        Directory::new(dynamodb().await, self.output("DirectoryTableName"))
    }

    /// Invokes a function with `event`, as its event source does.
    pub async fn invokes(&self, function: &str, event: &Value) -> Value {
        let name = format!("{}{function}", self.output("FunctionPrefix"));
        let lambda = aws_sdk_lambda::Client::new(&aws().await);
        let answer = lambda.invoke().function_name(name).payload(Blob::new(event.to_string())).send().await.unwrap();
        let payload = answer.payload.map(Blob::into_inner).unwrap_or_default();
        assert!(answer.function_error.is_none(), "{function}: {}", String::from_utf8_lossy(&payload));
        serde_json::from_slice(&payload).unwrap_or_default()
    }

    /// Waits until nothing is in the queue that this output names, be it visible, delayed or at work.
    pub async fn queue_runs_empty(&self, output: &str) {
        let sqs = aws_sdk_sqs::Client::new(&aws().await);
        eventually(&format!("nothing in {output}"), || async {
            let counts = [
                Count::ApproximateNumberOfMessages,
                Count::ApproximateNumberOfMessagesDelayed,
                Count::ApproximateNumberOfMessagesNotVisible,
            ];
            let asked = sqs.get_queue_attributes().queue_url(self.output(output));
            let answer = asked.set_attribute_names(Some(counts.to_vec())).send().await.unwrap();
            let attributes = answer.attributes.unwrap();
            counts.iter().all(|count| attributes[count] == "0").then_some(())
        })
        .await;
    }
}

/// Region, credentials and endpoint of the environment.
pub async fn aws() -> aws_config::SdkConfig {
    aws_config::load_defaults(BehaviorVersion::latest()).await
}

/// A DynamoDB client with the owner's credentials: no role limits it.
pub async fn dynamodb() -> aws_sdk_dynamodb::Client {
    aws_sdk_dynamodb::Client::new(&aws().await)
}

/// Retries until there is a result, for as long as [`TIMEOUT`].
pub async fn eventually<T, F: Future<Output = Option<T>>>(what: &str, mut asked: impl FnMut() -> F) -> T {
    let until = Instant::now() + TIMEOUT;
    loop {
        if let Some(there) = asked().await {
            return there;
        }
        assert!(Instant::now() < until, "waited in vain: {what}");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

/// A party that uses the API.
#[derive(Clone)]
pub struct Party {
    client: reqwest::Client,
    api: String,
    pub id: String,
    token: Option<String>,
}

impl Party {
    /// Sends a request; returns the status and the raw answer.
    pub async fn asks_plainly(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<String>,
    ) -> (u16, Value) {
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        let mut request = self.client.request(method, format!("{}{path}", self.api));
        if let Some(token) = &self.token {
            request = request.bearer_auth(token);
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if let Some(body) = body {
            request = request.header("content-type", "application/json").body(body);
        }
        let answer = request.send().await.unwrap();
        let status = answer.status().as_u16();
        let text = answer.text().await.unwrap();
        (status, serde_json::from_str(&text).unwrap_or_else(|_| panic!("no JSON: {status} {text}")))
    }

    /// Sends a request; the answer must be the API's envelope.
    pub async fn asks(&self, method: &str, path: &str, body: Option<Value>) -> Answer {
        let (status, envelope) = self.asks_plainly(method, path, &[], body.map(|body| body.to_string())).await;
        let code = envelope["code"].as_u64().unwrap_or_else(|| panic!("no envelope: {status} {envelope}"));
        Answer {
            status: status.try_into().unwrap(),
            code,
            message: envelope["message"].as_str().unwrap_or_default().to_owned(),
            data: envelope["data"].clone(),
            // Nothing here asks for that: headers are not kept.
            replayed: false,
        }
    }

    /// Registers the client `{id}_{name}`; the answer's data.
    pub async fn registers(&self, name: &str) -> Value {
        let body = json!({
            "client_id": format!("{}_{name}", self.id), "device_type": "mobile", "platform": "android", "app_version": "1.2.3",
        });
        self.asks("POST", "/api/mqtt/clients/register", Some(body)).await.ok()
    }

    /// Places a call that rings for `seconds`; its id. Somebody who has no phone yet gets one.
    pub async fn rings(&self, callee: &Party, seconds: u32) -> String {
        let info = json!({ "name": "前门设备", "location": "小区大门" });
        let body = json!({ "callee_id": callee.id, "ring_seconds": seconds, "caller_info": info });
        let mut answer = self.asks("POST", "/api/calls", Some(body.clone())).await;
        if answer.code == 40_402 {
            callee.registers("phone").await;
            answer = self.asks("POST", "/api/calls", Some(body)).await;
        }
        let view = answer.ok();
        view["call_id"].as_str().unwrap().to_owned()
    }

    /// As the callee, from the phone `client`.
    pub async fn as_callee(&self, call: &str, action: &str, client: &str) -> Value {
        let body = json!({ "call_id": call, "action": action, "client_id": client });
        self.asks("POST", "/api/calls/callee-action", Some(body)).await.ok()
    }

    /// As the caller.
    pub async fn as_caller(&self, call: &str, action: &str) -> Value {
        let body = json!({ "call_id": call, "action": action });
        self.asks("POST", "/api/calls/caller-action", Some(body)).await.ok()
    }

    /// The state of a call.
    pub async fn state_of(&self, call: &str) -> String {
        let view = self.asks("GET", &format!("/api/calls/{call}"), None).await.ok();
        view["state"].as_str().unwrap().to_owned()
    }

    /// Waits until the party's own history shows this state: the projector writes it.
    pub async fn history_comes_to_say(&self, call: &str, state: &str) {
        eventually(&format!("{call} {state} in the history of {}", self.id), || async {
            let page = self.asks("GET", "/api/calls", None).await.ok();
            let calls = page["calls"].as_array().unwrap();
            calls.iter().any(|each| each["call_id"] == call && each["state"] == state).then_some(())
        })
        .await;
    }
}
