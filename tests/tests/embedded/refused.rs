//! What a stranger or a broken app can send, and the answers.

use std::time::Duration;

use ilock_auth::Role;
use ilock_lambda::lines_of_json;
use ilock_tests::parties::{call_id, token};
use ilock_tests::phone::Credentials;
use ilock_tests::{LogLines, Phone, Version, World};
use reqwest::Method;
use rumqttc::{AsyncClient, LastWill, MqttOptions, QoS};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

async fn unauthenticated(bearer: &str) -> Value {
    let world = World::new().await;
    let stranger = world.bearer("user456", bearer.to_owned());
    let routes = [
        (Method::POST, "/api/mqtt/clients/register"),
        (Method::PUT, "/api/mqtt/clients/status"),
        (Method::DELETE, "/api/mqtt/clients/user456_a"),
        (Method::POST, "/api/calls"),
        (Method::GET, "/api/calls"),
        (Method::GET, "/api/calls/call_a_b_1"),
        (Method::POST, "/api/calls/callee-action"),
        (Method::POST, "/api/calls/caller-action"),
    ];
    let mut said = Value::Null;
    for (method, path) in routes {
        let answer = stranger.asks(method, path, Some(json!({}))).await;
        assert_eq!(answer.code, 40_101, "{path}: {answer:?}");
        said = answer.refused(401);
    }
    world.end().await;
    said["reason"].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_token_every_route_is_closed() {
    let world = World::new().await;
    for path in ["/api/calls", "/api/calls/call_a_b_1"] {
        let answer = reqwest::get(format!("http://{}{path}", world.stack.at.http)).await.unwrap();
        assert_eq!(answer.status(), 401);
        assert_eq!(answer.headers()["www-authenticate"], "Bearer");
    }
    world.end().await;
    assert!(unauthenticated("").await.is_string());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_has_expired_is_refused() {
    use ilock_auth::{Identity, Secret, issue_access_token};
    use ilock_functions::settings::{DEV_AUDIENCE, DEV_SECRET};
    let identity = Identity { id: "user456".parse().unwrap(), role: Role::User, tenant: "default".parse().unwrap() };
    let long_ago = ilock_env::Clock::system().now().plus(-7_200_000);
    let old = issue_access_token(&Secret::new(DEV_SECRET), &identity, Some(DEV_AUDIENCE), long_ago, 3600).unwrap();
    assert_eq!(unauthenticated(&old).await, "the token has expired");
    let other =
        issue_access_token(&Secret::new(DEV_SECRET), &identity, Some("somebody-else"), long_ago.plus(7_200_000), 3600);
    assert_eq!(unauthenticated(&other.unwrap()).await, "the token is for another audience");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_is_not_signed_is_refused() {
    use base64::Engine;
    let good = token("user456", Role::User, "default");
    let payload = good.split('.').nth(1).unwrap();
    let header = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(r#"{"alg":"none","typ":"JWT"}"#);
    assert!(unauthenticated(&format!("{header}.{payload}.")).await.is_string());
    let forged = good.replace(good.rsplit('.').next().unwrap(), "AAAA");
    assert!(unauthenticated(&forged).await.is_string());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_mqtt_password_is_no_access_token_and_the_other_way_round() {
    let world = World::new().await;
    let user = world.user("user456");
    let registered = user.registers("android_1").await;
    let password = registered["mqtt_credentials"]["password"].as_str().unwrap().to_owned();
    world.bearer("user456", password).gets("/api/calls").await.refused(401);
    let mut credentials = Credentials::of(&registered);
    credentials.password = user.token.clone();
    assert!(Phone::with(credentials, Version::V5).await.is_err());
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_auditor_is_no_party_to_calls() {
    let world = World::new().await;
    let auditor = world.party("auditor1", Role::Auditor);
    auditor.posts("/api/calls", json!({ "callee_id": "user456" })).await.refused(403);
    auditor.gets("/api/calls").await.refused(403);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_registers_or_acts_as_another_ones_client() {
    let world = World::new().await;
    let user = world.user("user456");
    world.user("user789").registers("android_1").await;
    let body = json!({ "client_id": "user456_a", "user_id": "user789" });
    user.posts("/api/mqtt/clients/register", body).await.refused(403);
    for body in [json!({ "client_id": "user456_" }), json!({ "client_id": "d.user456_a" })] {
        user.posts("/api/mqtt/clients/register", body).await.refused(400);
    }
    // Whatever else is sent is a name of the asker's own.
    for sent in ["user789_android_1", "user4567_android_1"] {
        let made = user.posts("/api/mqtt/clients/register", json!({ "client_id": sent })).await.ok();
        assert_eq!(made["mqtt_credentials"]["client_id"], format!("user456_{sent}"));
        assert_eq!(made["mqtt_credentials"]["username"], "user456");
    }
    let call = call_id(&world.door("device123").rings("user456", 30).await);
    let accepted = user.callee_action(&call, "accepted", Some("user789_android_1")).await.ok();
    assert_eq!(accepted["answered_by"], "user456_user789_android_1");
    let status =
        json!({ "client_id": "user789_a", "status": "active", "priority": 1, "last_active": 1_679_886_400_000_i64 });
    user.asks(Method::PUT, "/api/mqtt/clients/status", Some(status)).await.refused(404);
    world.end().await;
}

/// Bodies that are refused: the path, the field that the answer must name, the body.
fn broken_bodies() -> Vec<(&'static str, &'static str, String)> {
    let long = "x".repeat(10 * 1024);
    let deep = format!("{}{}", "[".repeat(500), "]".repeat(500));
    vec![
        ("/api/calls", "body", String::new()),
        ("/api/calls", "body", "{".into()),
        ("/api/calls", "body", "[1]".into()),
        ("/api/calls", "body", "null".into()),
        ("/api/calls", "body", format!(r#"{{"callee_id":"a"}} {deep}"#)),
        ("/api/calls", "callee_id", "{}".into()),
        ("/api/calls", "callee_id", r#"{"callee_id":null}"#.into()),
        ("/api/calls", "callee_id", r#"{"callee_id":7.5}"#.into()),
        ("/api/calls", "callee_id", r#"{"callee_id":""}"#.into()),
        ("/api/calls", "callee_id", r#"{"callee_id":"a\nb"}"#.into()),
        ("/api/calls", "callee_id", format!(r#"{{"callee_id":"{}"}}"#, "门".repeat(129))),
        ("/api/calls", "callee_id", r#"{"callee_id":"a\u0000"}"#.into()),
        ("/api/calls", "callee_id", format!(r#"{{"callee_id":"{long}"}}"#)),
        ("/api/calls", "callee_ids", r#"{"callee_ids":[]}"#.into()),
        ("/api/calls", "callee_ids", r#"{"callee_ids":"user456"}"#.into()),
        ("/api/calls", "callee_ids[1]", r#"{"callee_ids":["user456",""]}"#.into()),
        ("/api/calls", "callee_ids", r#"{"callee_id":"user456","callee_ids":["user456"]}"#.into()),
        ("/api/calls", "client_id", r##"{"callee_id":"user456","client_id":"#"}"##.into()),
        ("/api/calls", "ring_seconds", r#"{"callee_id":"a","ring_seconds":4}"#.into()),
        ("/api/calls", "ring_seconds", r#"{"callee_id":"a","ring_seconds":121}"#.into()),
        ("/api/calls", "ring_seconds", r#"{"callee_id":"a","ring_seconds":-5}"#.into()),
        ("/api/calls", "ring_seconds", r#"{"callee_id":"a","ring_seconds":"30"}"#.into()),
        ("/api/calls", "ring_seconds", r#"{"callee_id":"a","ring_seconds":30.5}"#.into()),
        ("/api/calls", "caller_info", r#"{"callee_id":"a","caller_info":"Anna"}"#.into()),
        ("/api/calls", "caller_info.name", r#"{"callee_id":"a","caller_info":{"name":7}}"#.into()),
        ("/api/calls", "caller_info.name", r#"{"callee_id":"a","caller_info":{"name":"\u001b[31m"}}"#.into()),
        (
            "/api/calls",
            "caller_info",
            format!(r#"{{"callee_id":"a","caller_info":{{"more":"{}"}}}}"#, "x".repeat(5000)),
        ),
        ("/api/calls", "invitation_data", r#"{"callee_id":"a","invitation_data":[1]}"#.into()),
        (
            "/api/calls",
            "invitation_data",
            format!(r#"{{"callee_id":"a","invitation_data":{{"x":"{}"}}}}"#, "x".repeat(5000)),
        ),
        ("/api/calls/caller-action", "action", r#"{"call_id":"a","action":"accepted"}"#.into()),
        ("/api/calls/caller-action", "call_id", r#"{"call_id":"a/b","action":"hangup"}"#.into()),
        ("/api/calls/caller-action", "call_id", r#"{"action":"hangup"}"#.into()),
        (
            "/api/calls/caller-action",
            "reason",
            format!(r#"{{"call_id":"a","action":"hangup","reason":"{}"}}"#, "x".repeat(1001)),
        ),
        ("/api/calls/callee-action", "client_id", r##"{"call_id":"a","action":"accepted","client_id":"#x_y"}"##.into()),
        ("/api/mqtt/clients/register", "client_id", r#"{"client_id":""}"#.into()),
        ("/api/mqtt/clients/register", "platform", r#"{"client_id":"device123_a","platform":7}"#.into()),
        (
            "/api/mqtt/clients/register",
            "push_token",
            format!(r#"{{"client_id":"device123_a","push_token":"{}"}}"#, "x".repeat(5000)),
        ),
        ("/api/mqtt/clients/register", "push_token", r#"{"client_id":"device123_a","push_token":"a\nb"}"#.into()),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_body_is_answered_with_the_field_that_is_wrong() {
    let world = World::new().await;
    world.user("user456").registers("a").await;
    let door = world.door("device123");
    for (path, field, body) in broken_bodies() {
        let shown: String = body.chars().take(80).collect();
        let answer = door.asks_raw(Method::POST, path, Some(body.into_bytes()), &[("accept-language", "en")]).await;
        assert_eq!(answer.status, 400, "{shown}: {answer:?}");
        assert_eq!(answer.data["field"], field, "{shown}: {answer:?}");
        assert!(answer.data["rule"].as_str().is_some_and(|rule| !rule.is_empty()), "{shown}: {answer:?}");
    }
    let not_utf8 = door.asks_raw(Method::POST, "/api/calls", Some(vec![b'"', 0xff, b'"']), &[]).await;
    assert_eq!(not_utf8.refused(400)["field"], "body");
    let utf16: Vec<u8> = r#"{"callee_id":"a"}"#.encode_utf16().flat_map(u16::to_le_bytes).collect();
    assert_eq!(door.asks_raw(Method::POST, "/api/calls", Some(utf16), &[]).await.refused(400)["field"], "body");
    let large = format!(r#"{{"callee_id":"user456","padding":"{}"}}"#, "x".repeat(32 * 1024));
    let large = door.asks_raw(Method::POST, "/api/calls", Some(large.into_bytes()), &[]).await;
    assert_eq!((large.code, &large.refused(413)["field"]), (41_301, &json!("body")));
    for (encoding, code) in [("gzip", 41_501), ("identity, br", 41_501), ("identity", 0)] {
        let body = json!({ "callee_id": "user456" });
        let answer = door.asks_with(Method::POST, "/api/calls", Some(body), &[("content-encoding", encoding)]).await;
        assert_eq!(answer.code, code, "{encoding}: {answer:?}");
    }
    // Unknown fields are ignored: later versions may have them.
    door.posts("/api/calls", json!({ "callee_id": "user456", "colour": "red" })).await.ok();
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_address_or_header_is_answered_in_the_envelope() {
    let world = World::new().await;
    let user = world.user("user456");
    let long = "x".repeat(10 * 1024);
    for (path, field) in [
        ("/api/calls/a%2Fb".to_owned(), "call_id"),
        ("/api/calls/a%23".to_owned(), "call_id"),
        ("/api/calls/a%2B".to_owned(), "call_id"),
        ("/api/calls/a%00".to_owned(), "call_id"),
        ("/api/calls/%FF".to_owned(), "address"),
        (format!("/api/calls/{long}"), "call_id"),
        ("/api/calls?limit=0".to_owned(), "limit"),
        ("/api/calls?limit=101".to_owned(), "limit"),
        ("/api/calls?limit=many".to_owned(), "limit"),
        ("/api/calls?cursor=nonsense".to_owned(), "cursor"),
        ("/api/calls?limit=1&limit=2".to_owned(), "limit"),
        ("/api/calls?x=1&x=2&limit=1&limit=1".to_owned(), "limit"),
        ("/api/calls?limit=1&lim%69t=2".to_owned(), "limit"),
        ("/api/calls?limit=%zz".to_owned(), "limit"),
        ("/api/calls?cursor=%ff".to_owned(), "cursor"),
        ("/api/calls/%ff?x=1&x=2".to_owned(), "address"),
        ("/api/calls/a?client_id=%ff".to_owned(), "client_id"),
    ] {
        let told = user.gets(&path).await.refused(400);
        assert_eq!(told["field"], field, "{path:.40}: {told}");
    }
    // What is not known is not looked at.
    user.gets("/api/calls?x=1&x=2&y=%ff").await.ok();
    user.gets("/api/nothing").await.refused(404);
    user.asks(Method::PATCH, "/api/calls", None).await.refused(405);
    let body = json!({ "callee_id": "user789" });
    let key = "k".repeat(65);
    for key in [key.as_str(), "with space"] {
        let headers = [("idempotency-key", key)];
        let told = user.asks_with(Method::POST, "/api/calls", Some(body.clone()), &headers).await.refused(400);
        assert_eq!(told["field"], "Idempotency-Key");
    }
    let english = user.asks_with(Method::GET, "/api/nothing", None, &[("accept-language", "en")]).await;
    assert_eq!(english.message, "No such route");
    assert_eq!(user.gets("/api/nothing").await.message, "接口不存在");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_action_out_of_turn_says_where_the_call_stands() {
    let world = World::new().await;
    let (door, user) = (world.door("device123"), world.user("user456"));
    let call = call_id(&door.rings("user456", 30).await);
    assert_eq!(door.caller_action(&call, "hangup").await.refused(409)["state"], "ringing");
    assert_eq!(user.callee_action(&call, "hangup", None).await.refused(409)["state"], "ringing");
    user.callee_action(&call, "accepted", None).await.ok();
    assert_eq!(door.caller_action(&call, "cancelled").await.refused(409)["state"], "active");
    assert_eq!(user.callee_action(&call, "rejected", None).await.refused(409)["state"], "active");
    door.caller_action(&call, "hangup").await.ok();
    assert_eq!(user.callee_action(&call, "hangup", None).await.refused(409)["state"], "ended");
    world.end().await;
}

/// Subscribes to `filter` beside its own topics; returns what it hears of a call to somebody else.
async fn eavesdrop(filter: &str) {
    let world = World::new().await;
    let (door, victim, spy) = (world.door("device123"), world.user("user456"), world.user("spy"));
    let mut phone = world.phone(&victim, "android_1").await;
    let mut credentials = Credentials::of(&spy.registers("android_1").await);
    credentials.topics.push(filter.to_owned());
    // The broker refuses that filter and keeps the connection.
    let Ok(mut ears) = Phone::with(credentials, Version::V5).await else { return };
    door.rings("user456", 30).await;
    phone.hears("incoming").await;
    ears.hears_nothing(Duration::from_millis(600)).await;
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_hears_another_ones_topics() {
    let filters = [
        "users/user456/calls/incoming",
        "users/+/calls/incoming",
        "users/user456/#",
        "#",
        "+/+/+/+",
        "$share/spies/users/user456/calls/incoming",
    ];
    for filter in filters {
        eavesdrop(filter).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_connects_as_another_client_or_user_or_with_a_will() {
    let world = World::new().await;
    let (user, spy) = (world.user("user456"), world.user("spy"));
    let victims = Credentials::of(&user.registers("android_1").await);
    let good = Credentials::of(&spy.registers("android_1").await);
    let other_client = Credentials { client_id: victims.client_id.clone(), ..good.clone() };
    let other_user = Credentials { username: "user456".into(), ..good.clone() };
    let no_password = Credentials { password: String::new(), ..good.clone() };
    let changed = Credentials { password: format!("{}x", good.password), ..good.clone() };
    for bad in [other_client, other_user, no_password, changed] {
        for version in [Version::V311, Version::V5] {
            assert!(Phone::with(bad.clone(), version).await.is_err(), "{bad:?} was let in");
        }
    }
    // The username may name the authorizer, as IoT Core requires.
    let named = Credentials { username: "spy?x-amz-customauthorizer-name=ilock".into(), ..good.clone() };
    Phone::with(named, Version::V5).await.unwrap();

    for topic in ["users/user456/calls/incoming", "users/spy/calls/control"] {
        assert!(is_refused_with_a_will(&good, topic).await, "a will on {topic} was taken");
    }
    world.end().await;
}

async fn is_refused_with_a_will(login: &Credentials, topic: &str) -> bool {
    let mut options = MqttOptions::new(&login.client_id, &login.broker.0, login.broker.1);
    options.set_credentials(&login.username, &login.password);
    options.set_last_will(LastWill::new(topic, "{}", QoS::AtLeastOnce, false));
    let (_client, mut events) = AsyncClient::new(options, 8);
    events.poll().await.is_err()
}

/// mqtt5_client#131: the will was refused, and the log did not say why. All tasks of this runtime run on this thread, and so
/// only they log here.
#[tokio::test]
async fn a_will_that_is_refused_is_named_in_the_log() {
    let lines = LogLines::default();
    let to = lines.clone();
    let _logging = tracing::subscriber::set_default(lines_of_json(move || to.clone()));
    let world = World::new().await;
    let login = Credentials::of(&world.user("spy").registers("android_1").await);
    let topic = "users/spy/calls/control";
    assert!(is_refused_with_a_will(&login, topic).await);
    let text = lines.text();
    let names = |line: &str| ["may not have a will", &login.client_id, topic].iter().all(|part| line.contains(part));
    assert!(text.lines().any(names), "{text}");
    world.end().await;
}

#[tokio::test]
async fn names_that_a_sender_chose_stand_in_the_answer_and_in_no_line_of_the_log() {
    let lines = LogLines::default();
    let to = lines.clone();
    let _logging = tracing::subscriber::set_default(lines_of_json(move || to.clone()));
    let world = World::new().await;
    let door = world.door("device123");
    for part in ["invitation_data", "caller_info"] {
        let body = format!(r#"{{"callee_id":"a","{part}":{{"Frau Meier\u001b[31m\n2026 ERROR TAMPERED":[1e400]}}}}"#);
        let told = door.asks_raw(Method::POST, "/api/calls", Some(body.into_bytes()), &[]).await.refused(400);
        assert!(told["field"].as_str().unwrap().starts_with(&format!("{part}.Frau Meier")), "{told}");
    }
    let long = "Frau%20Meier".repeat(500);
    let told = door.gets(&format!("/api/calls?{long}=1&{long}=2&limit=0")).await.refused(400);
    assert_eq!(told["field"], "limit");
    let text = lines.text();
    assert!(text.contains("invitation_data breaks its rule"), "{text}");
    for sent in ["Meier", "TAMPERED", "1e400"] {
        assert!(!text.contains(sent), "{text}");
    }
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_publishes_anything() {
    let world = World::new().await;
    let (user, spy) = (world.user("user456"), world.user("spy"));
    let mut phone = world.phone(&user, "android_1").await;
    let good = Credentials::of(&spy.registers("android_1").await);
    for topic in ["users/user456/calls/incoming", "users/spy/calls/control", "$SYS/x"] {
        for retain in [false, true] {
            let mut options = MqttOptions::new(&good.client_id, &good.broker.0, good.broker.1);
            options.set_credentials(&good.username, &good.password);
            let (client, mut events) = AsyncClient::new(options, 8);
            client.publish(topic, QoS::AtLeastOnce, retain, r#"{"message_id":"x"}"#).await.unwrap();
            let polled = async { while events.poll().await.is_ok() {} };
            let _ = tokio::time::timeout(Duration::from_millis(200), polled).await;
        }
    }
    phone.hears_nothing(Duration::from_millis(500)).await;
    world.end().await;
}

/// A client that speaks bytes, so that it sees every packet that the broker sends.
struct RawClient(TcpStream);

impl RawClient {
    /// Connects with a clean session and reads the CONNACK, which must let it in.
    async fn connect(version: u8, login: &Credentials) -> Self {
        let text = |text: &str| [&u16::try_from(text.len()).unwrap().to_be_bytes()[..], text.as_bytes()].concat();
        let properties: &[u8] = if version == 5 { &[0] } else { &[] };
        let header = [&text("MQTT")[..], &[version, 0b1100_0010, 0, 60], properties].concat();
        let payload = [text(&login.client_id), text(&login.username), text(&login.password)].concat();
        let mut client = Self(TcpStream::connect((login.broker.0.as_str(), login.broker.1)).await.unwrap());
        client.send(0x10, &[header, payload].concat()).await;
        let (kind, connack) = client.packet().await.expect("a CONNACK");
        assert_eq!((kind, connack[1]), (0x20, 0), "let in: {connack:?}");
        client
    }

    async fn send(&mut self, kind: u8, body: &[u8]) {
        let mut packet = vec![kind];
        let mut left = body.len();
        loop {
            let seven = u8::try_from(left % 128).unwrap();
            left /= 128;
            packet.push(if left > 0 { seven | 128 } else { seven });
            if left == 0 {
                break;
            }
        }
        packet.extend_from_slice(body);
        self.0.write_all(&packet).await.unwrap();
    }

    async fn publish(&mut self, version: u8, topic: &str, qos: u8) {
        let length = u16::try_from(topic.len()).unwrap().to_be_bytes();
        let id: &[u8] = if qos > 0 { &[0, 7] } else { &[] };
        let properties: &[u8] = if version == 5 { &[0] } else { &[] };
        self.send(0x30 | (qos << 1), &[&length[..], topic.as_bytes(), id, properties, b"{}"].concat()).await;
    }

    /// The next packet; none when the broker has closed the connection.
    async fn packet(&mut self) -> Option<(u8, Vec<u8>)> {
        let read = async {
            let kind = self.0.read_u8().await.ok()?;
            let (mut length, mut shift) = (0_usize, 0);
            loop {
                let byte = self.0.read_u8().await.ok()?;
                length |= usize::from(byte & 127) << shift;
                shift += 7;
                if byte & 128 == 0 {
                    break;
                }
            }
            let mut body = vec![0; length];
            self.0.read_exact(&mut body).await.ok()?;
            Some((kind, body))
        };
        tokio::time::timeout(Duration::from_secs(5), read).await.expect("a packet, or the end of the connection")
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_publish_closes_the_connection_and_is_not_answered() {
    let world = World::new().await;
    let login = Credentials::of(&world.user("spy").registers("android_1").await);
    for version in [4, 5] {
        for qos in [0, 1, 2] {
            for topic in ["users/user456/calls/incoming", "users/spy/calls/control", "anything"] {
                let mut client = RawClient::connect(version, &login).await;
                client.publish(version, topic, qos).await;
                assert_eq!(client.packet().await, None, "MQTT {version}, QoS {qos}, {topic}");
            }
        }
    }
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_taken_over_is_told_so_where_its_version_of_mqtt_has_words_for_it() {
    let world = World::new().await;
    let login = Credentials::of(&world.user("user456").registers("android_1").await);
    for newer in [4, 5] {
        let mut client = RawClient::connect(4, &login).await;
        let _newer = RawClient::connect(newer, &login).await;
        assert_eq!(client.packet().await, None, "MQTT 3.1.1 has no DISCONNECT to a client");
        let mut client = RawClient::connect(5, &login).await;
        let mut newer = RawClient::connect(newer, &login).await;
        let (kind, body) = client.packet().await.expect("a DISCONNECT");
        assert_eq!((kind, body.first()), (0xe0, Some(&0x8e)), "session taken over");
        assert_eq!(client.packet().await, None);
        // The newer one stays.
        newer.send(0xc0, &[]).await;
        assert_eq!(newer.packet().await, Some((0xd0, vec![])));
    }
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_answer_is_kept_by_a_cache() {
    let world = World::new().await;
    let anna = world.user("anna");
    let client = reqwest::Client::new();
    for (method, path, body) in [
        (Method::POST, "/api/mqtt/clients/register", Some(json!({ "client_id": "phone" }))),
        (Method::GET, "/api/calls", None),
        (Method::GET, "/api/nothing", None),
    ] {
        let mut request =
            client.request(method, format!("http://{}{path}", world.stack.at.http)).bearer_auth(&anna.token);
        if let Some(body) = body {
            request = request.json(&body);
        }
        let answer = request.send().await.unwrap();
        assert_eq!(answer.headers()["cache-control"], "no-store", "{path}");
        assert_eq!(answer.headers()["x-content-type-options"], "nosniff", "{path}");
    }
    world.end().await;
}
