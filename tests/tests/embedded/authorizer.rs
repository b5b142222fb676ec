//! The authorizer's answers to IoT Core, evaluated by a policy engine that shares no code with what wrote the policies.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ilock_auth::{Arns, Role};
use ilock_env::Clock;
use ilock_events::Millis;
use ilock_functions::service::mqtt_access::MqttAccess;
use ilock_functions::triggers::mqtt_authorizer::{AuthorizerRequest, AuthorizerResponse, authorize};
use ilock_local::Options;
use ilock_tests::{Party, World};
use serde_json::{Value, json};

/// `*` matches any characters and `?` any one, as in IAM and IoT Core policies.
fn glob(pattern: &[u8], text: &[u8]) -> bool {
    match (pattern.first(), text.first()) {
        (None, None) => true,
        (Some(b'*'), _) => glob(&pattern[1..], text) || (!text.is_empty() && glob(pattern, &text[1..])),
        (Some(b'?'), Some(_)) => glob(&pattern[1..], &text[1..]),
        (Some(a), Some(b)) if a == b => glob(&pattern[1..], &text[1..]),
        _ => false,
    }
}

fn any(value: &Value, of: impl Fn(&str) -> bool) -> bool {
    match value {
        Value::String(text) => of(text),
        Value::Array(items) => items.iter().any(|item| of(item.as_str().unwrap())),
        other => panic!("{other}"),
    }
}

/// Whether the documents together allow an action: some statement allows it, none denies it.
fn allowed(answer: &AuthorizerResponse, action: &str, resource: &str) -> bool {
    let documents: Vec<Value> =
        answer.policy_documents.iter().map(|document| serde_json::from_str(document).unwrap()).collect();
    let says = |effect: &str| {
        documents.iter().any(|document| {
            assert_eq!(document["Version"], "2012-10-17");
            document["Statement"].as_array().unwrap().iter().any(|statement| {
                let known = ["Effect", "Action", "Resource"];
                assert!(statement.as_object().unwrap().keys().all(|key| known.contains(&key.as_str())));
                statement["Effect"] == effect
                    && any(&statement["Action"], |pattern| glob(pattern.as_bytes(), action.as_bytes()))
                    && any(&statement["Resource"], |pattern| glob(pattern.as_bytes(), resource.as_bytes()))
            })
        })
    };
    says("Allow") && !says("Deny")
}

/// A request with every field that IoT Core may send ("Understanding the custom authentication workflow").
fn full(username: &str, password: &str, client_id: &str) -> Value {
    json!({
        "token": "a token that nobody signed", "signatureVerified": false,
        "protocols": ["tls", "http", "mqtt"],
        "protocolData": {
            "tls": { "serverName": "a1b2c3-ats.iot.eu-central-1.amazonaws.com" },
            "http": { "headers": { "#{name}": "#{value}" }, "queryString": "?#{name}=#{value}" },
            "mqtt": { "username": username, "password": STANDARD.encode(password), "clientId": client_id },
        },
        "connectionMetadata": { "id": "d2b8b2b6-2f4c-4f6f-8f0e-6a5d1f0a8f10" },
    })
}

async fn ask(world: &World, request: Value) -> AuthorizerResponse {
    ask_at(world, request, Clock::system()).await
}

async fn ask_at(world: &World, request: Value, clock: Clock) -> AuthorizerResponse {
    let request: AuthorizerRequest = serde_json::from_value(request).unwrap();
    authorize(&request, &world.stack.mqtt, &world.stack.directory, &clock).await.unwrap()
}

/// A registered client's username, password and client id.
async fn credentials(party: &Party, name: &str) -> [String; 3] {
    let made = &party.registers(name).await["mqtt_credentials"];
    ["username", "password", "client_id"].map(|field| made[field].as_str().unwrap().to_owned())
}

/// A registered client's password.
async fn password(party: &Party, name: &str) -> String {
    let [_, password, _] = credentials(party, name).await;
    password
}

const REGION: &str = "arn:aws:iot:local:000000000000:";

/// Actions of IoT Core, each with the kind of its resource.
const ACTIONS: [(&str, &str); 5] = [
    ("iot:Subscribe", "topicfilter"),
    ("iot:Receive", "topic"),
    ("iot:Publish", "topic"),
    ("iot:RetainPublish", "topic"),
    ("iot:GetThingShadow", "thing"),
];

/// The topics that a party may read.
fn own_topics(root: &str, id: &str) -> Vec<String> {
    let leaves =
        if root == "users" { &["calls/incoming", "calls/control", "devices/sync"][..] } else { &["calls/control"] };
    leaves.iter().map(|leaf| format!("{root}/{id}/{leaf}")).collect()
}

/// Everybody's topics, and filters that would match several.
fn topics_to_try() -> Vec<String> {
    let mut topics = vec!["#".to_owned(), "+".into(), "users/#".into(), "users/+/calls/incoming".into()];
    topics.extend(
        ["devices/+/calls/control", "$aws/events/presence/#", "$share/g/users/anna/calls/incoming", ""]
            .map(str::to_owned),
    );
    for root in ["users", "devices"] {
        for id in ["anna", "anna_b", "ann", "door-1", "*", "?nna", "nobody"] {
            for leaf in ["calls/incoming", "calls/control", "devices/sync", "calls", "#", "calls/+"] {
                topics.push(format!("{root}/{id}/{leaf}"));
            }
        }
    }
    topics
}

#[tokio::test(flavor = "multi_thread")]
async fn every_client_may_do_its_own_and_nothing_else() {
    let world = World::new().await;
    let parties = [
        ("users", world.user("anna"), vec!["ios_1", "android_2"]),
        // Ids with a common prefix, and a door station with the id of a person.
        ("users", world.user("anna_b"), vec!["ios_1"]),
        ("users", world.user("ann"), vec!["a"]),
        ("devices", world.door("door-1"), vec!["main"]),
        ("devices", world.door("anna"), vec!["door"]),
    ];
    let mut topics = topics_to_try();
    let mut clients: std::collections::BTreeSet<String> = parties
        .iter()
        .flat_map(|(_, party, names)| names.iter().map(|name| format!("{}_{name}", party.id)))
        .chain(["*".into(), "anna".into(), "anna_ios_1x".into(), String::new()])
        .collect();
    let mut checked = 0;
    for (root, party, names) in &parties {
        for name in names {
            let [username, password, own] = credentials(party, name).await;
            let answer = ask(&world, full(&username, &password, &own)).await;
            assert!(answer.is_authenticated);
            let mine = own_topics(root, &username);
            topics.extend(mine.iter().filter(|topic| !topics.contains(topic)).cloned().collect::<Vec<_>>());
            clients.insert(own.clone());
            for topic in &topics {
                for (action, kind) in ACTIONS {
                    let reads = matches!(action, "iot:Subscribe" | "iot:Receive");
                    let may = allowed(&answer, action, &format!("{REGION}{kind}/{topic}"));
                    assert_eq!(may, reads && mine.contains(topic), "{own}: {action} {topic}");
                    checked += 1;
                }
            }
            for client in &clients {
                let may = allowed(&answer, "iot:Connect", &format!("{REGION}client/{client}"));
                assert_eq!(may, *client == own, "{own} connects as {client}");
                checked += 1;
            }
            assert!(!allowed(&answer, "iot:Connect", &format!("arn:aws:iot:local:999999999999:client/{own}")));
        }
    }
    assert!(checked > 2000, "only {checked}");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn where_the_authorizer_must_be_named_the_user_name_that_is_answered_names_it_and_lets_in() {
    let settings = Box::new(|name: &str| (name == "MQTT_AUTHORIZER").then(|| "MqttAuthorizer-1".to_owned()));
    let world = World::with(Options { settings, ..Options::anywhere() }).await;
    let anna = world.user("anna");
    let [username, password, client] = credentials(&anna, "ios_1").await;
    assert_eq!(username, "anna?x-amz-customauthorizer-name=MqttAuthorizer-1");
    assert!(ask(&world, full(&username, &password, &client)).await.is_authenticated);
    let mut phone = world.phone(&anna, "ios_1").await;
    world.door("device123").rings("anna", 30).await;
    phone.hears("incoming").await;
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn where_a_signature_is_wanted_the_user_name_that_is_answered_has_it_and_lets_in() {
    let key = include_str!("../../../shared/auth/tests/keys/test-rsa-1.pem");
    let settings = Box::new(|name: &str| (name == "MQTT_SIGNING_KEY").then(|| key.to_owned()));
    let world = World::with(Options { settings, ..Options::anywhere() }).await;
    let anna = world.user("anna");
    let [username, password, client] = credentials(&anna, "ios_1").await;
    let behind = username.strip_prefix("anna?ilock-client=anna_ios_1&x-amz-customauthorizer-signature=");
    assert!(behind.is_some_and(|signature| signature.len() > 340), "{username}");
    assert!(ask(&world, full(&username, &password, &client)).await.is_authenticated);
    let mut phone = world.phone(&anna, "ios_1").await;
    world.door("device123").rings("anna", 30).await;
    phone.hears("incoming").await;
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_longest_ids_stay_within_iot_cores_limits() {
    let world = World::new().await;
    let person = world.user(&"a".repeat(64));
    let [username, password, client] = credentials(&person, &"b".repeat(52)).await;
    let request = full(&username, &password, &client);
    let request: AuthorizerRequest = serde_json::from_value(request).unwrap();
    // The longest partition and region that there are.
    let arns = Arns { partition: "aws-us-gov".into(), region: "ap-southeast-1".into(), account: "123456789012".into() };
    let mqtt = MqttAccess { arns, ..world.stack.mqtt.clone() };
    let answer = authorize(&request, &mqtt, &world.stack.directory, &world.stack.calls.clock).await.unwrap();
    assert!(answer.is_authenticated);
    assert!((1..=10).contains(&answer.policy_documents.len()));
    for document in &answer.policy_documents {
        assert!(document.len() <= 2048, "{} characters", document.len());
    }
    let principal = answer.principal_id.unwrap();
    assert!((1..=128).contains(&principal.len()) && principal.chars().all(|c| c.is_ascii_alphanumeric()));
    assert!((300..=86_400).contains(&answer.disconnect_after_in_seconds.unwrap()));
    assert!((300..=86_400).contains(&answer.refresh_after_in_seconds.unwrap()));
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_answer_has_the_fields_that_iot_core_reads() {
    let world = World::new().await;
    let person = world.user("anna");
    let yes = ask(&world, full("anna", &password(&person, "1").await, "anna_1")).await;
    let yes = serde_json::to_value(yes).unwrap();
    let fields: Vec<&str> = yes.as_object().unwrap().keys().map(String::as_str).collect();
    let all =
        ["isAuthenticated", "principalId", "disconnectAfterInSeconds", "refreshAfterInSeconds", "policyDocuments"];
    assert!(all.iter().all(|field| fields.contains(field)) && fields.len() == all.len(), "{fields:?}");
    assert!(yes["policyDocuments"].as_array().unwrap().iter().all(Value::is_string), "documents are JSON as text");
    let no = ask(&world, full("anna", "wrong", "anna_1")).await;
    assert_eq!(serde_json::to_value(no).unwrap(), json!({ "isAuthenticated": false }));
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_missing_may_be_missing_and_the_authorizers_name_may_follow_the_username() {
    let world = World::new().await;
    let person = world.user("anna");
    let password = password(&person, "1").await;
    let mqtt = |username: &str| json!({ "protocolData": { "mqtt": { "username": username, "password": STANDARD.encode(&password), "clientId": "anna_1" } } });
    for username in ["anna", "anna?x-amz-customauthorizer-name=ilock-dev", "anna?SDK=Android&Version=1", "anna?"] {
        assert!(ask(&world, mqtt(username)).await.is_authenticated, "{username}");
    }
    for username in ["", "?x-amz-customauthorizer-name=ilock-dev", "annas", "Anna", "anna ?", "anna_1"] {
        assert!(!ask(&world, mqtt(username)).await.is_authenticated, "{username}");
    }
    for request in [
        json!({}),
        json!({ "protocolData": {} }),
        json!({ "protocolData": { "mqtt": {} } }),
        json!({ "protocolData": { "mqtt": { "username": "anna" } } }),
        json!({ "protocolData": { "mqtt": { "username": "anna", "clientId": "anna_1", "password": password } } }),
        json!({ "protocolData": { "mqtt": { "username": "anna", "clientId": "anna_1", "password": "/w==" } } }),
        json!({ "protocolData": { "http": { "queryString": "?token=x", "headers": {} } } }),
        json!({ "token": password, "signatureVerified": true, "protocols": ["http"] }),
    ] {
        assert!(!ask(&world, request.clone()).await.is_authenticated, "{request}");
    }
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_is_for_one_client_while_it_is_registered_and_for_a_time() {
    let world = World::new().await;
    let (anna, other) = (world.user("anna"), world.user("otto"));
    let (registered, ottos) = (anna.registers("1").await, password(&other, "1").await);
    let registered = &registered["mqtt_credentials"];
    let (annas, ends) =
        (registered["password"].as_str().unwrap().to_owned(), registered["expires_at"].as_i64().unwrap());
    anna.registers("2").await;
    for (username, password, client) in [
        ("anna", &annas, "anna_2"),
        ("anna", &ottos, "anna_1"),
        ("otto", &annas, "otto_1"),
        ("anna", &anna.token, "anna_1"),
    ] {
        assert!(!ask(&world, full(username, password, client)).await.is_authenticated, "{username} as {client}");
    }
    let request = full("anna", &annas, "anna_1");
    let at = move |ms: i64| Clock::new(move || Millis(ends + ms));
    assert!(!ask_at(&world, request.clone(), at(120_000)).await.is_authenticated, "it has run out");
    // In the token's last minutes the lifetime is the shortest that IoT Core accepts.
    let late = ask_at(&world, request.clone(), at(-60_000)).await;
    assert_eq!((late.is_authenticated, late.disconnect_after_in_seconds), (true, Some(300)));
    anna.asks(reqwest::Method::DELETE, "/api/mqtt/clients/anna_1", None).await.ok();
    assert!(!ask(&world, request).await.is_authenticated, "it was removed");
    let auditor = world.party("anna", Role::Auditor);
    assert!(!ask(&world, full("anna", &auditor.token, "anna_1")).await.is_authenticated);
    world.end().await;
}
