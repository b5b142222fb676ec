//! Each role allows what its function asks of AWS, and nothing that it does not.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use aws_lambda_events::sqs::SqsEvent;
use axum::Router;
use axum::body::Body;
use ilock_auth::Role;
use ilock_directory::{Client, PushEndpoint, Taken};
use ilock_events::{ClientName, PartyId, PartyKind, PushService, TopicPrefix};
use ilock_functions::http::audit::list_accesses::{self, ListAccessesState};
use ilock_functions::http::audit::list_audit::{self, ListAuditState};
use ilock_functions::http::audit::prove_call::{self, ProveCallState};
use ilock_functions::http::audit::read_ledger::{self, ReadLedgerState};
use ilock_functions::http::audit::replay_call::{self, ReplayCallState};
use ilock_functions::http::calls::callee_action::{self, CalleeActionState};
use ilock_functions::http::calls::caller_action::{self, CallerActionState};
use ilock_functions::http::calls::create_call::{self, CreateCallState};
use ilock_functions::http::calls::get_call::{self, GetCallState};
use ilock_functions::http::calls::list_calls::{self, ListCallsState};
use ilock_functions::http::clients::blocks::{self, BlocksState};
use ilock_functions::http::clients::list_clients::{self, ListClientsState};
use ilock_functions::http::clients::register_client::{self, RegisterClientState};
use ilock_functions::http::clients::register_push_token::{self, RegisterPushTokenState};
use ilock_functions::http::clients::remove_client::{self, RemoveClientState};
use ilock_functions::http::clients::revoke_logins::{self, RevokeLoginsState};
use ilock_functions::http::clients::settings::{self, SettingsState};
use ilock_functions::http::clients::update_client_status::{self, UpdateClientStatusState};
use ilock_functions::http::router::service;
use ilock_functions::http::trtc_callback::{self, TrtcCallbackState};
use ilock_functions::triggers::ledger::LedgerKeeper;
use ilock_functions::triggers::presence::{PresenceEvent, on_event, on_queue};
use ilock_functions::triggers::projector::{Projector, Unprojected};
use ilock_functions::triggers::retry_queue::leave_to_queue;
use ilock_functions::triggers::{expire_call, mqtt_authorizer, push_feedback};
use ilock_functions::wiring::Wiring;
use ilock_lambda::aws::{OnAws, Warm};
use ilock_local::dynamodb::create_table;
use ilock_log::ledger::{LEDGER_TABLE, Ledger, Sequencer};
use ilock_tests::aws::{Aws, PUSH_APP, Request};
use ilock_tests::ledger::{FaultyStore, StoreFault, entries, of_commits};
use ilock_tests::parties::{call_id, registration, user_at};
use ilock_tests::tencent::{Report, Reports};
use ilock_tests::{Party, World};
use serde_json::{Value, json};
use tower::ServiceExt;

use super::template;

/// One statement of a role.
struct Statement {
    sid: String,
    actions: Vec<String>,
    resources: Vec<String>,
    leading_keys: Option<Vec<String>>,
    only_this_account: bool,
}

fn texts(value: &Value) -> Vec<String> {
    match value {
        Value::String(text) => vec![text.clone()],
        Value::Array(items) => items.iter().flat_map(texts).collect(),
        _ => vec![],
    }
}

/// What the role of `function` allows, but what Lambda itself needs to feed it and to log.
fn statements(template: &Value, function: &str) -> Vec<Statement> {
    let resources = template["Resources"].as_object().unwrap();
    let name = format!("${{AWS::StackName}}-{function}");
    let of = resources.values().find(|resource| resource["Properties"]["FunctionName"] == name.as_str()).unwrap();
    let role = of["Properties"]["Role"].as_str().unwrap().strip_suffix(".Arn").unwrap();
    let properties = &resources[role]["Properties"];
    let policies = properties["Policies"].as_array().unwrap().iter();
    // Of the policies that several have: those about pushes are there where pushes are used.
    let shared = texts(&properties["ManagedPolicyArns"]);
    let shared = shared.iter().filter(|name| ["Accounts", "PushPhones", "PushTokens"].contains(&name.as_str()));
    let policies = policies.chain(shared.map(|name| &resources[name]["Properties"]));
    let all = policies.flat_map(|policy| policy["PolicyDocument"]["Statement"].as_array().unwrap());
    // One that stands under a condition reads as its list: the condition, the statement, none.
    let all = all.map(|statement| if statement.is_array() { &statement[1] } else { statement });
    let all = all.map(|statement| {
        assert_eq!(statement["Effect"], "Allow");
        Statement {
            sid: statement["Sid"].as_str().unwrap().to_owned(),
            actions: texts(&statement["Action"]),
            // This stack has no prefix.
            resources: texts(&statement["Resource"]).into_iter().map(|arn| arn.replace("${Before}", "")).collect(),
            leading_keys: statement["Condition"]["ForAllValues:StringLike"]["dynamodb:LeadingKeys"]
                .as_array()
                .map(|keys| keys.iter().flat_map(texts).collect()),
            only_this_account: statement["Condition"]["StringEqualsIfExists"]["aws:ResourceAccount"]
                == "AWS::AccountId",
        }
    });
    all.collect()
}

fn like(pattern: &str, text: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == text,
        Some((head, tail)) => text.starts_with(head) && (tail.is_empty() || text.ends_with(tail)),
    }
}

impl Statement {
    fn allows(&self, request: &Request) -> bool {
        let resource = self.resources.iter().any(|resource| match request.action.split(':').next() {
            Some("dynamodb") => {
                let table = match request.resource.as_str() {
                    "events" => "EventsTable.Arn",
                    table if table.starts_with("ledger") => "LedgerTable.Arn",
                    "events/index/by_day" => "${EventsTable.Arn}/index/by_day",
                    _ => "DirectoryTable.Arn",
                };
                resource == table
            }
            Some("kms") => resource == "LedgerKey.Arn",
            Some("s3") if request.action == "s3:ListBucket" => resource == "LedgerBucket.Arn",
            Some("s3") => {
                let key = request.resource.strip_prefix("ledger/").unwrap_or_default();
                let pattern = resource.strip_prefix("${LedgerBucket.Arn}/");
                pattern.is_some_and(|pattern| pattern == "*" || pattern == "tile/*.p/*" && key.contains(".p/"))
            }
            Some("sqs") => {
                let queue = match request.resource.as_str() {
                    "expire" => "ExpireQueue.Arn",
                    "projector" => "ProjectorQueue.Arn",
                    _ => "PresenceQueue.Arn",
                };
                resource == queue
            }
            // The ARNs of the applications are parameters, and those of their endpoints are made of them.
            Some("sns") if request.action == "sns:Publish" => {
                request.resource.contains(":endpoint/") && resource == ":endpoint/"
            }
            // AWS knows no resource for what makes endpoints and changes them.
            Some("sns") => resource == "*" && self.only_this_account,
            _ => resource.split_once("${AWS::AccountId}:").is_some_and(|(_, own)| like(own, &request.resource)),
        });
        let key = match (&self.leading_keys, &request.leading_key) {
            (None, _) => true,
            (Some(patterns), Some(key)) => patterns.iter().any(|pattern| like(pattern, key)),
            (Some(_), None) => false,
        };
        self.actions.contains(&request.action) && resource && key
    }
}

/// What Lambda does for a function in its name, and what only a fault brings about.
const NOT_ASKED_BY_THE_FUNCTION: [(&str, &str, &str); 7] = [
    ("FcmAccount", "secretsmanager:", "only where FCM is asked without SNS, which fcm.rs does"),
    ("OwnLogs", "logs:", "Lambda writes the log"),
    ("Secrets", "secretsmanager:GetSecretValue", "read before there are any parts; environment.rs says which"),
    ("Stream", "dynamodb:", "Lambda reads the stream"),
    (
        "",
        "sqs:ReceiveMessage sqs:DeleteMessage sqs:GetQueueAttributes sqs:ChangeMessageVisibility",
        "Lambda feeds from the queue",
    ),
    ("GivenUp", "sqs:SendMessage", "Lambda sends what was given up"),
    ("LedgerListed", "s3:ListBucket", "who may not list is not told that an object is not there"),
];

/// Actions that only older engines make needful; DynamoDB hands over the item that was in the way.
const OLDER_ENGINES: [(&str, &str, &str); 1] = [("create-call", "Rooms", "dynamodb:GetItem")];

fn asked_by_lambda(statement: &Statement, action: &str) -> bool {
    NOT_ASKED_BY_THE_FUNCTION.iter().any(|(sid, actions, _)| {
        (sid.is_empty() || statement.sid.starts_with(sid))
            && actions.split(' ').any(|known| action == known || (known.ends_with(':') && action.starts_with(known)))
    })
}

/// What each function asked, in every way that it can.
/// What each function asked for.
type Asked = BTreeMap<&'static str, Vec<Request>>;

struct Scenes {
    world: World,
    aws: Aws,
    asked: Asked,
}

async fn asks(app: &Router, who: &Party, method: &str, path: &str, key: Option<&str>, body: Option<Value>) -> u16 {
    let mut request = axum::http::Request::builder().method(method).uri(path);
    request = request.header("authorization", format!("Bearer {}", who.token));
    if let Some(key) = key {
        request = request.header("idempotency-key", key);
    }
    let body = body.map_or_else(Body::empty, |body| Body::from(body.to_string()));
    app.clone().oneshot(request.body(body).unwrap()).await.unwrap().status().as_u16()
}

impl Scenes {
    fn note(&mut self, function: &'static str) {
        self.asked.entry(function).or_default().extend(self.aws.asked());
    }

    async fn start(&self, warm: &[Warm]) -> OnAws {
        let parts = self.aws.parts_with(true);
        parts.warm(warm).await;
        parts
    }

    /// One of anna's phones has a token that works, as far as anybody knows, and one has one that does not.
    async fn stale_token(&self) {
        let directory = &self.world.stack.directory;
        let anna = ilock_events::Party { kind: PartyKind::User, id: PartyId::new("anna").unwrap() };
        let since = ilock_env::Clock::system().now();
        for name in ["good", "stale"] {
            let client = ClientName::new(format!("anna_{name}")).unwrap();
            directory.register(&registration(&anna, Client::new(client.clone(), since))).await.unwrap();
            let id = format!("{}/{name}", PUSH_APP.replace(":app/", ":endpoint/"));
            let endpoint = PushEndpoint { id, service: PushService::Gcm, since, retired: None };
            let taken = directory.take_endpoint(&user_at("anna"), &client, &endpoint, None).await.unwrap();
            assert_eq!(taken, Taken::Yes);
        }
    }

    /// What a person wishes of calls.
    async fn wishes(&mut self) {
        let anna = self.world.user("anna");
        let parts = self.start(&[Warm::Directory]).await;
        let app = service(blocks::routes(BlocksState::new(&parts.wiring).unwrap()));
        for method in ["PUT", "GET", "DELETE"] {
            assert_eq!(asks(&app, &anna, method, "/api/blocks?caller_id=bert", None, None).await, 200);
        }
        assert_eq!(asks(&app, &anna, "GET", "/api/blocks", None, None).await, 200);
        self.note("blocks");

        let parts = self.start(&[Warm::Directory]).await;
        let app = service(settings::routes(SettingsState::new(&parts.wiring).unwrap()));
        let body = Some(json!({ "when_busy": "refuse" }));
        let bert = self.world.user("bert");
        assert_eq!(asks(&app, &bert, "PUT", "/api/settings", None, body).await, 200);
        assert_eq!(asks(&app, &bert, "GET", "/api/settings", None, None).await, 200);
        self.note("settings");
    }

    async fn clients(&mut self) {
        let (anna, other) = (self.world.user("anna"), self.world.party_of("other", "anna", Role::User));
        let parts = self.start(&[Warm::Directory]).await;
        let app = service(register_client::routes(RegisterClientState::new(&parts.wiring).unwrap()));
        let register = |name: usize| Some(json!({ "client_id": format!("anna_{name}"), "platform": "ios" }));
        // One too many: the oldest makes room, and its session ends.
        for name in 0..=ilock_directory::MAX_CLIENTS {
            assert_eq!(asks(&app, &anna, "POST", "/api/mqtt/clients/register", None, register(name)).await, 200);
        }
        assert_eq!(asks(&app, &other, "POST", "/api/mqtt/clients/register", None, register(1)).await, 200);
        // A token, another in its place, and one that was somebody else's.
        for (client, token) in [("anna_1", "first"), ("anna_1", "second"), ("anna_2", "second")] {
            let body = json!({ "client_id": client, "platform": "android", "push_token": token });
            assert_eq!(asks(&app, &anna, "POST", "/api/mqtt/clients/register", None, Some(body)).await, 200);
        }
        let body = json!({ "client_id": "bert_1", "platform": "android", "push_token": "second" });
        let bert = self.world.user("bert");
        assert_eq!(asks(&app, &bert, "POST", "/api/mqtt/clients/register", None, Some(body)).await, 200);
        self.note("register-client");

        let parts = self.start(&[Warm::Directory]).await;
        let app = service(register_push_token::routes(RegisterPushTokenState::new(&parts.wiring).unwrap()));
        for (client, token) in [("anna_3", "third"), ("anna_3", "fourth"), ("anna_4", "fourth"), ("anna_new", "fifth")]
        {
            let body = json!({ "client_id": client, "platform": "android", "push_token": token });
            assert_eq!(asks(&app, &anna, "POST", "/api/v1/devices/register", None, Some(body)).await, 200);
        }
        // One that another person has: it is asked for proof, which does not come.
        let body = json!({ "platform": "android", "push_token": "fifth" });
        let bert = self.world.user("bert");
        assert_eq!(asks(&app, &bert, "POST", "/api/v1/devices/register", None, Some(body)).await, 200);
        let body = json!({ "nonce": "none" });
        assert_eq!(asks(&app, &bert, "POST", "/api/v1/devices/confirm", None, Some(body)).await, 404);
        self.note("register-push-token");

        self.stale_token().await;
        let parts = self.start(&[Warm::Directory]).await;
        let (directory, clock) = (parts.wiring.directory().unwrap(), parts.wiring.clock.clone());
        let failure = json!({ "EndpointArn": format!("{}/stale", PUSH_APP.replace(":app/", ":endpoint/")),
            "FailureType": "InvalidPlatformToken" });
        let failure = serde_json::from_value(failure).unwrap();
        let heard = push_feedback::on_failure(&directory, &failure, clock.now(), clock.now()).await.unwrap();
        assert_eq!(heard, push_feedback::Feedback::Retired);
        self.note("push-feedback");

        let parts = self.start(&[Warm::Directory]).await;
        let app = service(update_client_status::routes(UpdateClientStatusState::new(&parts.wiring).unwrap()));
        for (client, at, status) in [("anna_9", 2, 200), ("anna_9", 1, 200), ("anna_none", 1, 404)] {
            let body = json!({ "client_id": client, "status": "active", "priority": 1, "last_active": 1_679_886_400_000_i64 + at });
            assert_eq!(asks(&app, &anna, "PUT", "/api/mqtt/clients/status", None, Some(body)).await, status);
        }
        self.note("update-client-status");

        let parts = self.start(&[Warm::Directory, Warm::Broker]).await;
        let app = service(remove_client::routes(RemoveClientState::new(&parts.wiring).unwrap()));
        assert_eq!(asks(&app, &anna, "DELETE", "/api/mqtt/clients/anna_4", None, None).await, 200);
        let clara = self.world.logged_in("clara", Some("clara"));
        clara.registers("phone").await;
        assert_eq!(asks(&app, &clara, "DELETE", "/api/mqtt/clients/clara_phone", None, None).await, 200);
        self.note("remove-client");

        let parts = self.start(&[Warm::Directory]).await;
        let app = service(list_clients::routes(ListClientsState::new(&parts.wiring).unwrap()));
        assert_eq!(asks(&app, &anna, "GET", "/api/mqtt/clients", None, None).await, 200);
        self.note("list-clients");

        self.wishes().await;

        let dora = self.world.logged_in("dora", Some("dora"));
        let body = json!({ "client_id": "phone", "platform": "android", "push_token": "doras" });
        dora.posts("/api/mqtt/clients/register", body).await.ok();
        let operator = self.world.party("op", Role::Operator);
        let parts = self.start(&[Warm::Directory]).await;
        let app = service(revoke_logins::routes(RevokeLoginsState::new(&parts.wiring).unwrap()));
        let dora = Some(json!({ "user_id": "dora" }));
        assert_eq!(asks(&app, &operator, "POST", "/api/admin/revocations", None, dora).await, 200);
        self.note("revoke-logins");

        let parts = self.start(&[Warm::Directory]).await;
        let (mqtt, directory) = (parts.wiring.mqtt_access().unwrap(), parts.wiring.directory().unwrap());
        let clock = parts.wiring.clock.clone();
        let credentials = anna.registers("door").await["mqtt_credentials"].clone();
        let password = base64::Engine::encode(
            &base64::engine::general_purpose::STANDARD,
            credentials["password"].as_str().unwrap(),
        );
        let request = json!({ "protocolData": { "mqtt": { "username": "anna", "password": password, "clientId": "anna_door" } } });
        let request = serde_json::from_value(request).unwrap();
        let answer = mqtt_authorizer::authorize(&request, &mqtt, &directory, &clock);
        assert!(answer.await.unwrap().is_authenticated);
        self.note("mqtt-authorizer");

        let parts = self.start(&[Warm::Directory]).await;
        let (directory, again) = (parts.wiring.directory().unwrap(), parts.carriers.presence_queue().unwrap());
        let told = json!({ "clientId": "anna_door", "timestamp": 1, "eventType": "disconnected", "versionNumber": 0 });
        let event: PresenceEvent = serde_json::from_value(told.clone()).unwrap();
        on_event(&directory, &again, &TopicPrefix::default(), event).await.unwrap();
        let batch = json!({ "Records": [{ "messageId": "1", "body": told.to_string() }] });
        let answer =
            on_queue(&directory, &TopicPrefix::default(), serde_json::from_value::<SqsEvent>(batch).unwrap()).await;
        assert!(answer.batch_item_failures.is_empty());
        self.note("presence");
    }

    async fn calls(&mut self) {
        let (door, anna) = (self.world.door("device123"), self.world.user("anna"));
        self.stale_token().await;
        let place = json!({ "callee_id": "anna", "ring_seconds": 30, "caller_info": { "name": "前门设备" } });
        let parts = self.start(&[Warm::Log, Warm::Directory, Warm::Broker, Warm::Timer]).await;
        let app = service(create_call::routes(CreateCallState::new(&parts.wiring).unwrap()));
        // The same request twice at once: the quicker one's words stand, the slower one drops its own.
        let (twin, caller, body) = (app.clone(), door.clone(), place.clone());
        self.aws.before_the_next_commit(move || {
            Box::pin(async move {
                assert_eq!(asks(&twin, &caller, "POST", "/api/calls", Some("press"), Some(body)).await, 200);
            })
        });
        assert_eq!(asks(&app, &door, "POST", "/api/calls", Some("press"), Some(place)).await, 200);
        self.note("create-call");

        let call = call_id(&door.rings("anna", 30).await);
        let act = |action: &str| json!({ "call_id": call, "action": action, "reason": "now", "client_id": "anna_1" });
        let parts = self.start(&[Warm::Log, Warm::Broker]).await;
        let app = service(callee_action::routes(CalleeActionState::new(&parts.wiring).unwrap()));
        let without_client = json!({ "call_id": call, "action": "ringing" });
        assert_eq!(asks(&app, &anna, "POST", "/api/calls/callee-action", None, Some(without_client)).await, 200);
        // Another phone answers while this one is being put down.
        let (other, id) = (anna.clone(), call.clone());
        self.aws.before_the_next_commit(move || {
            Box::pin(async move {
                other.callee_action(&id, "accepted", Some("anna_2")).await.ok();
            })
        });
        assert_eq!(asks(&app, &anna, "POST", "/api/calls/callee-action", None, Some(act("rejected"))).await, 409);
        self.stale_token().await;
        // From another door: the first one's call lasts.
        let next = call_id(&self.world.door("gate").rings("anna", 30).await);
        let reject = json!({ "call_id": next, "action": "rejected", "client_id": "anna_1" });
        assert_eq!(asks(&app, &anna, "POST", "/api/calls/callee-action", None, Some(reject)).await, 200);
        // Who talks with a person is no stranger to them from then on.
        let berts = call_id(&self.world.user("bert").rings("anna", 30).await);
        let accept = json!({ "call_id": berts, "action": "accepted", "client_id": "anna_1" });
        assert_eq!(asks(&app, &anna, "POST", "/api/calls/callee-action", None, Some(accept)).await, 200);
        self.world.user("bert").caller_action(&berts, "hangup").await.ok();
        self.note("callee-action");

        let parts = self.start(&[Warm::Log, Warm::Broker]).await;
        let app = service(caller_action::routes(CallerActionState::new(&parts.wiring).unwrap()));
        let (other, id) = (anna.clone(), call.clone());
        self.aws.before_the_next_commit(move || {
            Box::pin(async move {
                other.callee_action(&id, "hangup", Some("anna_2")).await.ok();
            })
        });
        let hangup = json!({ "call_id": call, "action": "hangup", "reason": "now" });
        let over = asks(&app, &door, "POST", "/api/calls/caller-action", None, Some(hangup)).await;
        assert_eq!(over, 409, "both hung up; the callee was first");
        let next = call_id(&door.rings("anna", 30).await);
        self.stale_token().await;
        let cancel = json!({ "call_id": next, "action": "cancelled" });
        assert_eq!(asks(&app, &door, "POST", "/api/calls/caller-action", None, Some(cancel)).await, 200);
        self.note("caller-action");

        let parts = self.start(&[Warm::Log]).await;
        let app = service(get_call::routes(GetCallState::new(&parts.wiring).unwrap()));
        for (asker, client) in [(&door, ""), (&anna, ""), (&anna, "?client_id=anna_1")] {
            assert_eq!(asks(&app, asker, "GET", &format!("/api/calls/{call}{client}"), None, None).await, 200);
        }
        self.note("get-call");

        door.rings("anna", 30).await;
        // Until the projector has noted it.
        while door.gets("/api/calls").await.ok()["calls"][0]["state"] != "ringing" {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        let parts = self.start(&[Warm::Directory]).await;
        let app = service(list_calls::routes(ListCallsState::new(&parts.wiring).unwrap()));
        assert_eq!(asks(&app, &door, "GET", "/api/calls", None, None).await, 200);
        assert_eq!(asks(&app, &anna, "GET", "/api/calls?unseen=true", None, None).await, 200);
        let seen = json!({ "until": 1_700_000_000_000_i64 });
        assert_eq!(asks(&app, &anna, "PUT", "/api/calls/seen", None, Some(seen)).await, 200);
        self.note("list-calls");
    }

    async fn audits(&mut self) {
        let door = self.world.door("device123");
        let call = call_id(&door.rings("anna", 30).await);
        let at = self.world.log(&call).await.commits[0].at;
        let auditor = self.world.party("auditor7", Role::Auditor);
        let asked = async |scenes: &Self, routes: fn(&Wiring) -> Router, path: &str| {
            let parts = scenes.start(&[Warm::Log]).await;
            let app = service(routes(&parts.wiring));
            assert_eq!(asks(&app, &auditor, "GET", path, None, None).await, 200, "{path}");
        };
        let of_day = format!("/api/audit/calls?day={}", ilock_proof::Day::of(at));
        asked(self, |on| list_audit::routes(ListAuditState::new(on).unwrap()), &of_day).await;
        self.note("list-audit");
        let events = format!("/api/audit/calls/{call}/events");
        asked(self, |on| replay_call::routes(ReplayCallState::new(on).unwrap()), &events).await;
        self.note("replay-call");
        let accesses = of_day.replace("calls", "accesses");
        asked(self, |on| list_accesses::routes(ListAccessesState::new(on).unwrap()), &accesses).await;
        self.note("list-accesses");

        // The bucket is empty: nothing was sequenced into it, and so nothing can be proven.
        let parts = self.start(&[Warm::Log]).await;
        let state = ProveCallState::new(&parts.wiring, parts.ledger_reader().unwrap()).unwrap();
        let proof = format!("/api/audit/calls/{call}/proof");
        assert_eq!(asks(&service(prove_call::routes(state)), &auditor, "GET", &proof, None, None).await, 503);
        self.note("prove-call");
        let parts = self.start(&[Warm::Directory]).await;
        let state = ReadLedgerState::new(&parts.wiring, parts.ledger_reader().unwrap()).unwrap();
        let app = service(read_ledger::routes(state));
        assert_eq!(asks(&app, &auditor, "GET", "/api/audit/ledger/checkpoint", None, None).await, 404);
        self.note("read-ledger");
    }

    async fn ends(&mut self) {
        let (door, anna) = (self.world.door("device123"), self.world.user("anna"));
        let parts = self.start(&[Warm::Log, Warm::Broker]).await;
        let calls = parts.wiring.calls().unwrap();
        let call = call_id(&door.rings("anna", 30).await);
        self.stale_token().await;
        let alarms = |body: Value| {
            let record = json!({ "messageId": "1", "body": body.to_string() });
            serde_json::from_value::<SqsEvent>(json!({ "Records": [record] })).unwrap()
        };
        let batch = |id: &str| alarms(json!({ "call_id": id }));
        // Whoever placed this one was ended before.
        let unplaced = ilock_events::CallId::new("call_device123_anna_1_aaaaaaaaaaaaa").unwrap();
        let words = ilock_events::PersonalText { reason: Some("words".into()), ..Default::default() };
        let words = ilock_proof::salt_personal(words, [7; 16]).unwrap().unwrap();
        let placing = ilock_log::Placing { parties: vec![], until: ilock_events::Millis(0) };
        let log = &self.world.stack.calls.log;
        log.keep_personal_of(&placing, &unplaced, &words, ilock_env::Clock::system().now()).await.unwrap();
        assert!(expire_call::on_queue(&calls, batch(unplaced.as_str())).await.batch_item_failures.is_empty());
        // Too early, as by a clock that runs ahead: it is set again. Then, by a clock that is a minute on, in time.
        assert!(expire_call::on_queue(&calls, batch(&call)).await.batch_item_failures.is_empty());
        let later = ilock_env::Clock::new(|| ilock_env::Clock::system().now().plus(60_000));
        let calls = ilock_functions::service::calls::Calls { clock: later.clone(), ..calls };
        assert!(expire_call::on_queue(&calls, batch(&call)).await.batch_item_failures.is_empty());
        // And one to whose room nobody came.
        let empty = call_id(&door.rings("anna", 30).await);
        anna.callee_action(&empty, "accepted", Some("anna_1")).await.ok();
        let alarm = alarms(json!({ "call_id": empty, "kind": "room_empty" }));
        assert!(expire_call::on_queue(&calls, alarm).await.batch_item_failures.is_empty());
        assert_eq!(anna.gets(&format!("/api/calls/{empty}")).await.ok()["state"], "ended");
        self.note("expire-call");
    }

    /// Tencent reports who leaves. Answers a call of which it did.
    async fn leaves(&mut self) -> String {
        let (door, anna) = (self.world.door("device123"), self.world.user("anna"));
        let view = door.rings("anna", 30).await;
        let (call, room) = (call_id(&view), view["room_info"]["room_id"].as_str().unwrap().parse::<u32>().unwrap());
        anna.callee_action(&call, "accepted", Some("anna_1")).await.ok();
        let parts = self.start(&[Warm::Directory]).await;
        let app = service(trtc_callback::routes(TrtcCallbackState::new(&parts.wiring).unwrap()));
        let now = ilock_env::Clock::system().now().0;
        let reports = Reports::to("", "key");
        // Somebody hangs up while the last one's leaving is written down.
        let (other, id) = (anna.clone(), call.clone());
        self.aws.before_the_next_commit(move || {
            Box::pin(async move {
                other.callee_action(&id, "hangup", Some("anna_1")).await.ok();
            })
        });
        for report in [
            Report::entered(room, "anna").with("EventMsTs", now),
            // Whose connection is lost may be back in a moment.
            Report::left(room, "anna").with("Reason", 2).with("EventMsTs", now + 60_000),
            Report::left(room, "anna").with("EventMsTs", now + 61_000),
        ] {
            let raw = report.raw(now.cast_unsigned());
            let request = axum::http::Request::post("/api/trtc/callback").header("sign", reports.sign(&raw));
            let answer = app.clone().oneshot(request.body(Body::from(raw)).unwrap()).await.unwrap();
            assert_eq!(answer.status(), 200);
        }
        // And a call that nobody else ends is told to both.
        let view = door.rings("anna", 30).await;
        let (call, room) = (call_id(&view), view["room_info"]["room_id"].as_str().unwrap().parse::<u32>().unwrap());
        anna.callee_action(&call, "accepted", Some("anna_1")).await.ok();
        let raw = Report::dismissed(room).with("EventMsTs", now + 60_000).raw(now.cast_unsigned());
        let request = axum::http::Request::post("/api/trtc/callback").header("sign", reports.sign(&raw));
        assert_eq!(app.clone().oneshot(request.body(Body::from(raw)).unwrap()).await.unwrap().status(), 200);
        self.note("trtc-callback");
        call
    }

    /// What the stream of the log feeds, behind `call` among others.
    async fn is_fed(&mut self, call: &str) {
        let door = self.world.door("device123");
        let parts = self.start(&[Warm::Log, Warm::Directory, Warm::Broker]).await;
        let projector = Projector::new(&parts.wiring).unwrap();
        let door_only = door.rings("anna", 30).await;
        let mut commits = self.world.log(&call_id(&door_only)).await.commits;
        commits.extend(self.world.log(call).await.commits);
        let fast = projector.notifier.clone();
        self.stale_token().await;
        // Nobody has told anything yet, as far as this one knows.
        for commit in &commits {
            let mut history = self.world.log(commit.call_id.as_str()).await;
            history.receipts.clear();
            fast.deliver_pending(&history, commit).await.unwrap();
        }
        assert!(projector.project(commits.clone()).await.is_empty());
        // What could wait is left to its queue.
        let rest = Unprojected::Rest(Box::new(Unprojected::NotNoted));
        let queue = parts.carriers.projector_queue().unwrap();
        assert!(leave_to_queue(&queue, vec![(commits.remove(0), rest)]).await.is_empty());
        self.note("projector");

        let parts = self.start(&[Warm::Ledger]).await;
        let keeper = LedgerKeeper::new(&parts.wiring).unwrap();
        keeper.enter(&of_commits(&self.world.log(call).await.commits)).await.unwrap();
        self.note("ledger");

        // A round that another run left is finished, and the next one fills a tile that was partial.
        let parts = self.start(&[]).await;
        let mut sequencer = parts.sequencer().unwrap();
        // The stack has a sequencer of its own; this one has another table.
        let table = "ledger-of-the-sequencer";
        create_table(&self.world.stack.dynamodb, table, LEDGER_TABLE).await.unwrap();
        sequencer.ledger = Ledger::new(parts.wiring.dynamodb.clone(), table);
        sequencer.ledger.enter(&entries(0..10)).await.unwrap();
        let left = std::sync::Arc::new(FaultyStore::new(sequencer.store.clone(), StoreFault::Fails, 5));
        Sequencer { store: left, ..sequencer.clone() }.run(|| true).await.unwrap_err();
        sequencer.run(|| true).await.unwrap();
        sequencer.ledger.enter(&entries(10..300)).await.unwrap();
        assert_eq!(sequencer.run(|| true).await.unwrap().entries, 290);
        self.note("sequencer");
    }
}

/// Plays all scenes on a stack of their own. What each function asked for is added to `asked`.
async fn played(asked: Asked) -> Asked {
    let world = World::new().await;
    let aws = Aws::before(world.stack.at.dynamodb, Duration::ZERO).await;
    let mut scenes = Scenes { world, aws, asked };
    Box::pin(scenes.clients()).await;
    scenes.calls().await;
    scenes.audits().await;
    scenes.ends().await;
    let call = scenes.leaves().await;
    scenes.is_fed(&call).await;
    scenes.world.end().await;
    scenes.asked
}

/// What differs between the roles and what their functions asked for.
fn wrong_roles(asked: &Asked) -> Vec<String> {
    let template = template();
    let mut wrong = vec![];
    for (name, _) in super::made().iter().filter(|(name, _)| name != "iot-endpoint") {
        let asked = &asked[name.as_str()];
        let statements = statements(&template, name);
        for request in asked {
            if !statements.iter().any(|statement| statement.allows(request)) {
                wrong.push(format!("{name} may not {request:?}"));
            }
        }
        for statement in &statements {
            for action in &statement.actions {
                let used = asked.iter().any(|request| request.action == *action && statement.allows(request));
                let older = OLDER_ENGINES.contains(&(name.as_str(), statement.sid.as_str(), action.as_str()));
                if !used && !older && !asked_by_lambda(statement, action) {
                    wrong.push(format!("{name} needs no {action} ({})", statement.sid));
                }
            }
        }
    }
    wrong
}

#[tokio::test(flavor = "multi_thread")]
async fn each_role_allows_what_its_function_asks_and_nothing_else() {
    let mut asked = Asked::new();
    let mut wrong = vec![];
    // On a busy machine a function gives up before it has told everybody, and so asks for less than it may.
    for _ in 0..3 {
        asked = Box::pin(played(asked)).await;
        wrong = wrong_roles(&asked);
        if wrong.is_empty() {
            break;
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_endpoints_function_only_describes() {
    let template = template();
    let allowed: BTreeSet<String> = statements(&template, "iot-endpoint")
        .into_iter()
        .filter(|statement| statement.sid != "OwnLogs")
        .flat_map(|statement| statement.actions)
        .collect();
    assert_eq!(allowed, ["iot:DescribeDomainConfiguration", "iot:DescribeEndpoint"].map(str::to_owned).into());
}

#[test]
fn lambda_may_feed_the_functions_in_their_name_and_say_what_they_gave_up() {
    let template = template();
    let queue = ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"];
    let stream = ["dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator"];
    for (function, resource, actions) in [
        ("projector", "${EventsTable.Arn}/stream/*", &stream[..]),
        ("projector", "*", &["dynamodb:ListStreams"]),
        ("ledger", "${EventsTable.Arn}/stream/*", &stream[..]),
        ("ledger", "*", &["dynamodb:ListStreams"]),
        ("ledger", "LedgerDeadLetters.Arn", &["sqs:SendMessage"]),
        ("projector", "ProjectorDeadLetters.Arn", &["sqs:SendMessage"]),
        ("expire-call", "ExpireQueue.Arn", &queue),
        ("projector", "ProjectorQueue.Arn", &queue),
        ("push-feedback", "PushFeedbackLost.Arn", &["sqs:SendMessage"]),
        ("presence", "PresenceQueue.Arn", &queue),
        ("presence", "PresenceLost.Arn", &["sqs:SendMessage"]),
    ] {
        for action in actions {
            let may = |statement: &Statement| {
                statement.actions.iter().any(|allowed| allowed == action)
                    && statement.resources.iter().any(|allowed| allowed == resource)
            };
            assert!(statements(&template, function).iter().any(may), "{function} may not {action} on {resource}");
        }
    }
}
