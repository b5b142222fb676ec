//! Logins that end: of one client, of all others, everywhere; and what does not end because somebody else's does.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use ilock_auth::Role;
use ilock_env::Clock;
use ilock_events::Millis;
use ilock_local::Options;
use ilock_tests::parties::{Answer, call_id, session_token, user_at};
use ilock_tests::phone::Credentials;
use ilock_tests::throttle::Throttle;
use ilock_tests::{Party, Phone, Version, World};
use reqwest::Method;
use serde_json::{Value, json};

/// A clock that a test moves on.
#[derive(Clone, Default)]
struct Later(Arc<AtomicI64>);

impl Later {
    fn clock(&self) -> Clock {
        let ms = self.0.clone();
        Clock::new(move || Clock::system().now().plus(ms.load(Ordering::SeqCst)))
    }

    fn now(&self) -> Millis {
        self.clock().now()
    }

    fn by(&self, ms: i64) {
        self.0.fetch_add(ms, Ordering::SeqCst);
    }

    async fn world(&self, settings: &'static [(&'static str, &'static str)]) -> World {
        let read =
            move |name: &str| settings.iter().find(|(set, _)| *set == name).map(|(_, value)| (*value).to_owned());
        World::with(Options { clock: self.clock(), settings: Box::new(read), ..Options::anywhere() }).await
    }
}

fn now() -> Millis {
    Clock::system().now()
}

/// The user `id`, logged in by `session` at `at`.
fn logged_in(world: &World, id: &str, session: Option<&str>, at: Millis) -> Party {
    world.bearer(id, session_token(id, Role::User, session, at))
}

async fn removes(party: &Party, client: &str) -> Answer {
    party.asks(Method::DELETE, &format!("/api/mqtt/clients/{client}"), None).await
}

/// Every endpoint that a party may ask, with a body where it takes one.
fn endpoints(call: &str) -> Vec<(Method, String, Option<Value>)> {
    let status = json!({ "client_id": "a", "status": "active", "priority": 1, "last_active": 1_679_886_400_000_i64 });
    vec![
        (Method::POST, "/api/mqtt/clients/register".into(), Some(json!({ "client_id": "fresh" }))),
        (Method::PUT, "/api/mqtt/clients/status".into(), Some(status)),
        (Method::GET, "/api/mqtt/clients".into(), None),
        (Method::DELETE, "/api/mqtt/clients".into(), None),
        (Method::DELETE, "/api/mqtt/clients/a".into(), None),
        (Method::POST, "/api/v1/devices/register".into(), Some(json!({ "platform": "android", "push_token": "t" }))),
        (Method::POST, "/api/calls".into(), Some(json!({ "callee_id": "bert" }))),
        (Method::GET, "/api/calls".into(), None),
        (Method::GET, format!("/api/calls/{call}"), None),
        (Method::POST, "/api/calls/callee-action".into(), Some(json!({ "call_id": call, "action": "accepted" }))),
        (Method::POST, "/api/calls/caller-action".into(), Some(json!({ "call_id": call, "action": "cancelled" }))),
        (Method::GET, "/api/blocks".into(), None),
        (Method::PUT, "/api/blocks?caller_id=bert".into(), None),
        (Method::DELETE, "/api/blocks?caller_id=bert".into(), None),
    ]
}

async fn is_logged_out_everywhere(party: &Party, call: &str) {
    for (method, path, body) in endpoints(call) {
        let answer = party.asks(method.clone(), &path, body).await;
        assert_eq!((answer.status.as_u16(), answer.code), (403, 40_302), "{method} {path}: {answer:?}");
    }
}

/// Whether the broker takes these credentials.
async fn is_let_in(credentials: &Credentials) -> bool {
    Phone::with(credentials.clone(), Version::V5).await.is_ok()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_phone_that_another_logs_out_is_out_for_good_and_the_other_notices_nothing() {
    let world = World::new().await;
    let door = world.door("device123");
    let (lost, kept) =
        (logged_in(&world, "anna", Some("s-lost"), now()), logged_in(&world, "anna", Some("s-kept"), now()));
    let mut lost_phone = world.phone(&lost, "lost").await;
    let mut kept_phone = world.phone(&kept, "kept").await;
    let credentials = lost_phone.credentials.clone();
    let call = call_id(&door.rings("anna", 60).await);
    lost_phone.hears("incoming").await;
    kept_phone.hears("incoming").await;
    assert!(lost.gets(&format!("/api/calls/{call}")).await.ok()["room_info"].is_object());

    let removed = removes(&kept, "anna_lost").await.ok();
    assert_eq!(removed, json!({ "removed": ["anna_lost"] }));
    is_logged_out_everywhere(&lost, &call).await;
    // A token of the same session that was refreshed since, and the same session from another device.
    let refreshed = logged_in(&world, "anna", Some("s-lost"), now().plus(5_000));
    is_logged_out_everywhere(&refreshed, &call).await;
    assert!(!is_let_in(&credentials).await);
    door.caller_action(&call, "cancelled").await.ok();
    let call = call_id(&door.rings("anna", 60).await);
    lost_phone.hears_nothing(Duration::from_secs(1)).await;

    kept_phone.hears("cancelled").await;
    kept_phone.hears("incoming").await;
    kept.callee_action(&call, "accepted", Some("anna_kept")).await.ok();
    kept_phone.hears("accepted").await;
    let again = logged_in(&world, "anna", Some("s-new"), now());
    let mut new_phone = world.phone(&again, "lost").await;
    assert!(!is_let_in(&credentials).await, "the stolen password stays dead when its client is registered anew");
    door.caller_action(&call, "hangup").await.ok();
    kept_phone.hears("hangup").await;
    new_phone.hears("hangup").await;
    door.rings("anna", 60).await;
    new_phone.hears("incoming").await;
    is_logged_out_everywhere(&lost, &call).await;
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_connection_of_a_removed_client_is_cut_within_two_seconds() {
    let world = World::new().await;
    let (lost, kept) = (logged_in(&world, "anna", Some("a"), now()), logged_in(&world, "anna", Some("b"), now()));
    let _phone = world.phone(&lost, "lost").await;
    kept.registers("kept").await;
    let online = async || {
        let listed = kept.gets("/api/mqtt/clients").await.ok();
        let listed = listed["clients"].as_array().unwrap().clone();
        listed.iter().any(|client| client["client_id"] == "anna_lost" && client["online"] == true)
    };
    let until = tokio::time::Instant::now() + Duration::from_secs(5);
    while !online().await {
        assert!(tokio::time::Instant::now() < until, "it is connected, and not listed so");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    removes(&kept, "anna_lost").await.ok();
    let client = ilock_events::ClientName::new("anna_lost").unwrap();
    let until = tokio::time::Instant::now() + Duration::from_secs(2);
    while world.stack.directory.presence(&client).await.unwrap().is_none_or(|presence| presence.connected) {
        assert!(tokio::time::Instant::now() < until, "the connection stands after two seconds");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_that_a_session_registered_goes_with_it() {
    let world = World::new().await;
    let (one, other) = (logged_in(&world, "anna", Some("a"), now()), logged_in(&world, "anna", Some("b"), now()));
    for name in ["phone", "tablet"] {
        one.registers(name).await;
    }
    other.registers("web").await;
    let removed = removes(&other, "anna_phone").await.ok();
    assert_eq!(removed["removed"], json!(["anna_phone", "anna_tablet"]));
    let left = other.gets("/api/mqtt/clients").await.ok();
    assert_eq!(left["clients"].as_array().unwrap().len(), 1);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn where_no_session_is_named_a_removed_client_comes_back_by_a_later_login_only() {
    let later = Later::default();
    let world = later.world(&[]).await;
    let early = logged_in(&world, "anna", None, later.now());
    let credentials = Credentials::of(&early.registers("phone").await);
    assert!(is_let_in(&credentials).await);
    later.by(2_000);
    let removed = removes(&early, "anna_phone").await.ok();
    assert_eq!(removed["removed"], json!(["anna_phone"]));
    let until = removed["access_token_until"].as_i64().unwrap();
    assert!((3_590_000..=3_600_000).contains(&(until + 2_000 - later.now().0)), "{removed}");
    assert_eq!(removes(&early, "anna_phone").await.code, 40_402);

    let register =
        async |party: &Party| party.posts("/api/mqtt/clients/register", json!({ "client_id": "anna_phone" })).await;
    assert_eq!(register(&early).await.code, 40_302);
    assert_eq!(register(&early).await.code, 40_302);
    assert!(!is_let_in(&credentials).await);
    // The same second counts as after.
    let late = logged_in(&world, "anna", None, later.now());
    let again = Credentials::of(&register(&late).await.ok());
    assert!(is_let_in(&again).await);
    assert!(!is_let_in(&credentials).await);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_password_ends_the_old_one_a_minute_after_it_was_used_and_a_lost_answer_cuts_nobody_off() {
    let later = Later::default();
    let world = later.world(&[("LIMIT_REGISTRATIONS_AN_HOUR", "1000")]).await;
    let token = || session_token("anna", Role::User, Some("s"), later.now());
    let anna = || world.bearer("anna", token());
    let first = Credentials::of(&anna().registers("phone").await);
    assert!(is_let_in(&first).await);
    // The answers are lost.
    for _ in 0..3 {
        anna().registers("phone").await;
        later.by(120_000);
        assert!(is_let_in(&first).await, "no later password was used");
    }
    let second = Credentials::of(&anna().registers("phone").await);
    assert!(is_let_in(&second).await);
    later.by(50_000);
    assert!(is_let_in(&first).await);
    later.by(11_000);
    assert!(!is_let_in(&first).await, "a minute later");
    assert!(is_let_in(&second).await);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_registrations_in_a_row_leave_the_password_of_a_connection_that_stands() {
    let later = Later::default();
    let world = later.world(&[("LIMIT_REGISTRATIONS_AN_HOUR", "1000")]).await;
    let anna = || world.logged_in("anna", Some("s"));
    let first = Credentials::of(&anna().registers("phone").await);
    assert!(is_let_in(&first).await);
    // Neither of the two is used, and nothing connects between them.
    let unused = Credentials::of(&anna().registers("phone").await);
    let newest = Credentials::of(&anna().registers("phone").await);
    later.by(600_000);
    assert!(is_admitted(&world, &first, &later).await, "the authorizer is asked about a connection that stands");
    assert!(is_let_in(&first).await);
    assert!(is_let_in(&newest).await);
    later.by(61_000);
    for old in [&first, &unused] {
        assert!(!is_admitted(&world, old, &later).await, "a minute after the newest was used");
    }
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_phone_that_registers_anew_every_ten_seconds_for_an_hour_is_never_cut_and_its_old_passwords_die() {
    let later = Later::default();
    let world = later.world(&[("LIMIT_REGISTRATIONS_AN_HOUR", "1000")]).await;
    let anna = || world.logged_in("anna", Some("s"));
    let mut passwords: Vec<Credentials> = vec![];
    for round in 0..360 {
        passwords.push(Credentials::of(&anna().registers("phone").await));
        let newest = passwords.last().unwrap();
        // Two of three answers are used.
        if round % 3 != 1 {
            assert!(is_admitted(&world, newest, &later).await, "round {round}");
        }
        let before = &passwords[passwords.len().saturating_sub(2)];
        assert!(is_admitted(&world, before, &later).await, "round {round}: the one before, within a minute");
        later.by(10_000);
        if let Some(old) = passwords.len().checked_sub(8).map(|index| &passwords[index]) {
            assert!(!is_admitted(&world, old, &later).await, "round {round}: an old one");
        }
    }
    world.end().await;
}

/// Whether the authorizer lets these credentials in.
async fn is_admitted(world: &World, credentials: &Credentials, later: &Later) -> bool {
    use base64::Engine;
    let password = base64::engine::general_purpose::STANDARD.encode(&credentials.password);
    let mqtt = json!({ "username": credentials.username, "password": password, "clientId": credentials.client_id });
    let request = serde_json::from_value(json!({ "protocolData": { "mqtt": mqtt } })).unwrap();
    let (mqtt, directory, clock) = (&world.stack.mqtt, &world.stack.directory, later.clock());
    let answer = ilock_functions::triggers::mqtt_authorizer::authorize(&request, mqtt, directory, &clock);
    answer.await.unwrap().is_authenticated
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_ends_when_its_password_has_run_out() {
    let later = Later::default();
    let world = later.world(&[("MQTT_TOKEN_SECONDS", "300")]).await;
    let anna = logged_in(&world, "anna", None, later.now());
    let phone = world.phone(&anna, "phone").await;
    let client = ilock_events::ClientName::new("anna_phone").unwrap();
    let connected = async || world.stack.directory.presence(&client).await.unwrap().is_some_and(|at| at.connected);
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert!(connected().await);
    // With the minute that clocks may be apart a password works for six.
    later.by(400_000);
    let until = tokio::time::Instant::now() + Duration::from_secs(5);
    while connected().await {
        assert!(tokio::time::Instant::now() < until, "the connection stands");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    drop(phone);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_logs_a_person_out_everywhere_and_nobody_else() {
    let later = Later::default();
    let world = later.world(&[]).await;
    let operator = world.bearer("op", session_token("op", Role::Operator, None, later.now()));
    let parties = [Some("s1"), None].map(|session| logged_in(&world, "anna", session, later.now()));
    for (party, name) in parties.iter().zip(["phone", "web"]) {
        party.registers(name).await;
    }
    let without_iat = world.bearer("anna", token_without_iat("anna"));
    without_iat.gets("/api/calls").await.ok();
    let auditor = world.bearer("anna", session_token("anna", Role::Auditor, None, later.now()));
    let (bert, door) = (
        logged_in(&world, "bert", None, later.now()),
        world.bearer("anna", session_token("anna", Role::Device, None, later.now())),
    );
    let key_before = parties[0].registers("phone").await["payload_key"].clone();
    let call = call_id(&bert.rings("anna", 60).await);
    for other in [&parties[0], &bert, &door] {
        let refused = other.posts("/api/admin/revocations", json!({ "user_id": "anna" })).await;
        assert_eq!(refused.code, 40_301);
    }
    later.by(2_000);
    let revoked = operator.posts("/api/admin/revocations", json!({ "user_id": "anna" })).await.ok();
    let mut removed: Vec<&str> =
        revoked["removed"].as_array().unwrap().iter().map(|name| name.as_str().unwrap()).collect();
    removed.sort_unstable();
    assert_eq!(removed, ["anna_phone", "anna_web"]);
    for party in parties.iter().chain([&without_iat]) {
        is_logged_out_everywhere(party, &call).await;
    }
    assert_eq!(auditor.gets("/api/audit/calls?day=2026-01-01").await.code, 40_302, "in every role");
    bert.gets("/api/calls").await.ok();
    door.gets("/api/calls").await.ok();
    // A refreshed token of the ended session stays out; a login of the same second, and a later one, are in.
    is_logged_out_everywhere(&logged_in(&world, "anna", Some("s1"), later.now().plus(3_000)), &call).await;
    let again = logged_in(&world, "anna", Some("s2"), later.now());
    let key = again.registers("phone").await["payload_key"].clone();
    assert_ne!((&key["k"], &key["kid"]), (&key_before["k"], &key_before["kid"]));
    operator.posts("/api/admin/revocations", json!({ "device_id": "anna" })).await.ok();
    assert_eq!(door.gets("/api/calls").await.code, 40_302);
    for (field, body) in [("user_id", json!({})), ("device_id", json!({ "user_id": "a", "device_id": "b" }))] {
        assert_eq!(operator.posts("/api/admin/revocations", body).await.refused(400)["field"], field);
    }
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_whose_time_lies_ahead_does_not_survive_log_out_everywhere() {
    let later = Later::default();
    let world = later.world(&[]).await;
    let anna = logged_in(&world, "anna", Some("s1"), later.now());
    // By a login service whose clock is 30 seconds ahead, and by one whose clock is ahead by more than clocks may be apart.
    let ahead = logged_in(&world, "anna", None, later.now().plus(30_000));
    let registered = logged_in(&world, "anna", Some("s2"), later.now().plus(30_000));
    let far_ahead = logged_in(&world, "anna", None, later.now().plus(5_000_000));
    anna.registers("phone").await;
    registered.registers("tablet").await;
    ahead.gets("/api/calls").await.ok();
    let reason = far_ahead.gets("/api/calls").await.refused(401)["reason"].clone();
    assert_eq!(reason, "the token's claim iat lies ahead");
    let call = call_id(&world.door("device123").rings("anna", 60).await);

    later.by(2_000);
    anna.asks(Method::DELETE, "/api/mqtt/clients", None).await.ok();
    for party in [&anna, &ahead, &registered] {
        is_logged_out_everywhere(party, &call).await;
    }
    let again = logged_in(&world, "anna", Some("s3"), later.now());
    again.registers("phone").await;
    // A login behind the logout by the same fast clock is in once the backend's clock has caught up.
    let again = logged_in(&world, "anna", Some("s4"), later.now().plus(30_000));
    assert_eq!(again.gets("/api/calls").await.code, 40_302);
    later.by(31_000);
    again.registers("tablet").await;
    is_logged_out_everywhere(&registered, &call).await;
    world.end().await;
}

fn token_without_iat(id: &str) -> String {
    use ilock_auth::{AccessClaims, Identity, Secret};
    let identity = Identity { id: id.parse().unwrap(), role: Role::User, tenant: "default".parse().unwrap() };
    let claims = AccessClaims {
        identity: &identity,
        issuer: None,
        audience: Some(ilock_functions::settings::DEV_AUDIENCE),
        issued_at: now(),
        ttl_seconds: 3600,
        session: None,
        more: serde_json::Map::from_iter([("iat".to_owned(), Value::Null)]),
    };
    claims.sign(&Secret::new(ilock_functions::settings::DEV_SECRET)).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_logs_out_all_others_or_everywhere() {
    let later = Later::default();
    let world = later.world(&[]).await;
    let parties = ["s1", "s2", "s3"].map(|session| logged_in(&world, "anna", Some(session), later.now()));
    for (party, name) in parties.iter().zip(["phone", "web", "panel"]) {
        party.registers(name).await;
    }
    let listed = parties[1].gets("/api/mqtt/clients").await.ok();
    let current: Vec<&Value> =
        listed["clients"].as_array().unwrap().iter().filter(|client| client["current"] == true).collect();
    assert_eq!(current.len(), 1);
    assert_eq!(current[0]["client_id"], "anna_web");

    let others =
        async |except: &str| parties[1].asks(Method::DELETE, &format!("/api/mqtt/clients?except={except}"), None).await;
    assert_eq!(others("anna_nobody").await.code, 40_402);
    let mut removed = others("web").await.ok()["removed"].as_array().unwrap().clone();
    removed.sort_by_key(ToString::to_string);
    assert_eq!(removed, ["anna_panel", "anna_phone"]);
    assert_eq!(parties[0].gets("/api/calls").await.code, 40_302);
    assert_eq!(parties[2].gets("/api/calls").await.code, 40_302);
    assert_eq!(parties[1].gets("/api/mqtt/clients").await.ok()["clients"].as_array().unwrap().len(), 1);

    // A login that never registered a client, as a thief of a token has it.
    let thief = logged_in(&world, "anna", Some("s4"), later.now());
    thief.gets("/api/calls").await.ok();
    later.by(1_000);
    let everywhere = parties[1].asks(Method::DELETE, "/api/mqtt/clients", None).await.ok();
    assert_eq!(everywhere["removed"], json!(["anna_web"]));
    for party in [&parties[1], &thief] {
        assert_eq!(party.gets("/api/calls").await.code, 40_302);
    }
    world.end().await;
}

/// A broker that fails once for each of two phones of three.
struct Troubled {
    world: World,
    operator: Party,
    /// Whose phones they are, by a login each.
    logins: [Party; 3],
    phones: Vec<Phone>,
    /// The call that rings.
    call: String,
}

impl Troubled {
    async fn starts() -> Self {
        let throttle = Throttle::default();
        let world = World::with(Options { mqtt_layer: Some(throttle.layer()), ..Options::anywhere() }).await;
        let before = now().plus(-2_000);
        let logins = ["s1", "s2", "s3"].map(|session| logged_in(&world, "anna", Some(session), before));
        let mut phones = vec![];
        for (login, name) in logins.iter().zip(["one", "two", "three"]) {
            phones.push(world.phone(login, name).await);
        }
        throttle.refuse_to_end(["anna_one", "anna_two"].map(|name| name.parse().unwrap()));
        let operator = world.bearer("op", session_token("op", Role::Operator, None, now()));
        let call = call_id(&world.door("door").rings("anna", 60).await);
        Self { world, operator, logins, phones, call }
    }

    /// None of the first `count` phones hears of a call any more, nor is any of them registered.
    async fn are_out(mut self, count: usize) {
        let left = self.world.stack.directory.clients(&user_at("anna")).await.unwrap();
        assert_eq!(left.len(), 3 - count);
        self.world.door("door").caller_action(&self.call, "cancelled").await.ok();
        for phone in self.phones.iter_mut().take(count) {
            let heard = phone.all_within(Duration::from_millis(300)).await;
            assert!(heard.iter().all(|heard| heard.body["action"] != "cancelled"), "{heard:?}");
        }
        self.world.end().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_logout_that_the_brokers_trouble_cut_short_is_done_by_its_repetition() {
    let troubled = Troubled::starts().await;
    let revoke = async || troubled.operator.posts("/api/admin/revocations", json!({ "user_id": "anna" })).await;
    revoke().await.refused(503);
    let mut removed = revoke().await.ok()["removed"].as_array().unwrap().clone();
    removed.sort_by_key(ToString::to_string);
    assert_eq!(removed, ["anna_one", "anna_three", "anna_two"], "also what the first try removed");
    troubled.are_out(3).await;

    // The login that asks is over by the first try: the repetition is refused, and does the rest.
    let troubled = Troubled::starts().await;
    let everywhere = async || troubled.logins[0].asks(Method::DELETE, "/api/mqtt/clients", None).await;
    everywhere().await.refused(503);
    assert_eq!(everywhere().await.code, 40_302);
    troubled.are_out(3).await;

    let troubled = Troubled::starts().await;
    let others = async || troubled.logins[2].asks(Method::DELETE, "/api/mqtt/clients?except=anna_three", None).await;
    others().await.refused(503);
    others().await.ok();
    troubled.are_out(2).await;

    let troubled = Troubled::starts().await;
    removes(&troubled.logins[0], "anna_one").await.refused(503);
    assert_eq!(removes(&troubled.logins[0], "anna_one").await.code, 40_302);
    troubled.are_out(1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_logout_that_ended_the_logins_and_then_failed_removes_their_clients_when_it_is_repeated() {
    let troubled = Troubled::starts().await;
    troubled.world.stack.directory.end_all_sessions(&user_at("anna"), now()).await.unwrap();
    let everywhere = async || troubled.logins[0].asks(Method::DELETE, "/api/mqtt/clients", None).await;
    everywhere().await.refused(503);
    assert_eq!(everywhere().await.code, 40_302);
    troubled.are_out(3).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_other_phones_are_told_of_another_login_under_the_name_of_a_known_client() {
    let world = World::new().await;
    let owner = logged_in(&world, "anna", Some("s-owner"), now());
    let mut phone = world.phone(&owner, "phone").await;
    owner.registers("tablet").await;
    phone.hears("client_added").await;
    logged_in(&world, "anna", Some("s-thief"), now()).registers("tablet").await;
    assert_eq!(phone.hears("client_added").await["device_id"], "anna_tablet");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_has_more_clients_than_they_may_since_today_loses_all_that_are_too_many() {
    let later = Later::default();
    let world = later.world(&[("LIMIT_CLIENTS", "2")]).await;
    let anna = world.user("anna");
    let text = |text: String| AttributeValue::S(text);
    for name in ["a", "b"] {
        anna.registers(name).await;
    }
    // Three more, of the time when more were allowed.
    for name in ["c", "d", "e"] {
        let tables = world.stack.dynamodb.clone();
        let found = tables.get_item().table_name("directory").key("pk", text("party#user#anna".into()));
        let mut item = found.key("sk", text("client#anna_a".into())).send().await.unwrap().item.unwrap();
        item.insert("sk".into(), text(format!("client#anna_{name}")));
        item.insert("client_id".into(), text(format!("anna_{name}")));
        tables.put_item().table_name("directory").set_item(Some(item)).send().await.unwrap();
    }
    later.by(2_000);
    anna.registers("last").await;
    assert_eq!(world.stack.directory.clients(&user_at("anna")).await.unwrap().len(), 2);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_other_phones_are_told_of_a_new_client_and_of_no_renewal() {
    let world = World::new().await;
    let anna = world.user("anna");
    let mut phone = world.phone(&anna, "phone").await;
    let body = json!({ "client_id": "anna_web", "platform": "web", "device_type": "browser" });
    anna.posts("/api/mqtt/clients/register", body).await.ok();
    let told = phone.hears("client_added").await;
    assert_eq!((&told["device_id"], &told["platform"]), (&json!("anna_web"), &json!("web")));
    let schemas = ilock_events::schema::schemas();
    let (_, form) = schemas.iter().find(|(name, _)| name == "message.client").unwrap();
    assert!(jsonschema::draft202012::new(&form.clone().to_value()).unwrap().is_valid(&told), "{told}");
    for name in ["web", "phone"] {
        anna.registers(name).await;
    }
    let heard = phone.all_within(Duration::from_millis(700)).await;
    assert!(heard.is_empty(), "{heard:?}");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_has_no_more_clients_than_they_may_however_many_register_at_once() {
    const MOST: usize = 8;
    let later = Later::default();
    let world = later.world(&[("LIMIT_REGISTRATIONS_AN_HOUR", "1000"), ("LIMIT_CLIENTS", "8")]).await;
    let anna = world.user("anna");
    let count = async || anna.gets("/api/mqtt/clients").await.ok()["clients"].as_array().unwrap().len();
    let all: Vec<_> = (0..24)
        .map(|n| {
            let anna = anna.clone();
            tokio::spawn(async move {
                let body = json!({ "client_id": format!("many{n}") });
                loop {
                    match anna.posts("/api/mqtt/clients/register", body.clone()).await.code {
                        0 => return,
                        // Others were at it.
                        50_301 => tokio::time::sleep(Duration::from_millis(100)).await,
                        other => panic!("{other}"),
                    }
                }
            })
        })
        .collect();
    for registered in all {
        registered.await.unwrap();
        assert!(count().await <= MOST);
    }
    assert_eq!(count().await, MOST);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_sixty_fifth_client_puts_out_the_one_unseen_longest_and_the_phones_are_told() {
    let later = Later::default();
    let world = later.world(&[("LIMIT_REGISTRATIONS_AN_HOUR", "1000")]).await;
    let anna = world.user("anna");
    let mut first = world.phone(&anna, "first").await;
    anna.registers("second").await;
    first.hears("client_added").await;
    let status = json!({ "client_id": "first", "status": "active", "priority": 1, "last_active": now().0 + 1000 });
    for n in 2..64 {
        anna.registers(&format!("more{n}")).await;
    }
    later.by(2_000);
    anna.asks(Method::PUT, "/api/mqtt/clients/status", Some(status)).await.ok();
    anna.registers("last").await;
    let known = anna.gets("/api/mqtt/clients").await.ok();
    let names: Vec<&str> =
        known["clients"].as_array().unwrap().iter().map(|client| client["client_id"].as_str().unwrap()).collect();
    assert_eq!(names.len(), 64);
    assert!(!names.contains(&"anna_second"), "it was unseen longest");
    assert!(names.contains(&"anna_first") && names.contains(&"anna_last"));
    let told = first.all_within(Duration::from_secs(1)).await;
    let removed: Vec<&Value> =
        told.iter().map(|heard| &heard.body).filter(|body| body["action"] == "client_removed").collect();
    assert_eq!(removed.len(), 1, "{told:?}");
    assert_eq!(removed[0]["device_id"], "anna_second");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_registers_so_often_an_hour_and_hears_when_to_come_back() {
    let later = Later::default();
    let world = later.world(&[("LIMIT_REGISTRATIONS_AN_HOUR", "3")]).await;
    let (anna, bert) = (world.user("anna"), world.user("bert"));
    for name in ["a", "b", "a"] {
        anna.registers(name).await;
    }
    let register = async |who: &Party| who.posts("/api/mqtt/clients/register", json!({ "client_id": "c" })).await;
    let refused = register(&anna).await;
    assert_eq!(refused.code, 42_904);
    let seconds = refused.refused(429)["retry_after"].as_i64().unwrap();
    assert!((3_590..=3_600).contains(&seconds), "{seconds}");
    let push = json!({ "platform": "android", "push_token": "t", "client_id": "a" });
    assert_eq!(anna.posts("/api/v1/devices/register", push).await.code, 42_904);
    register(&bert).await.ok();
    later.by(seconds * 1000);
    let anna = world.bearer("anna", session_token("anna", Role::User, None, later.now()));
    register(&anna).await.ok();
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_has_registered_too_often_reaches_no_push_service_whether_it_takes_the_tokens_or_not() {
    let later = Later::default();
    let world = later.world(&[("LIMIT_REGISTRATIONS_AN_HOUR", "3")]).await;
    let register = async |who: &Party, token: usize| {
        let body = json!({ "platform": "android", "push_token": format!("token-{token}") });
        who.posts("/api/v1/devices/register", body).await.code
    };
    for (person, refuses, answered) in [("anna", false, 0), ("bert", true, 40_001)] {
        world.stack.push.refuses(refuses);
        let person = world.user(person);
        let before = world.stack.push.registered();
        for token in 0..3 {
            assert_eq!(register(&person, token).await, answered);
        }
        assert_eq!(world.stack.push.registered(), before + 3);
        for token in 3..10 {
            assert_eq!(register(&person, token).await, 42_904);
        }
        assert_eq!(world.stack.push.registered(), before + 3);
    }
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_blocks_and_unblocks_callers_of_any_id() {
    let world = World::new().await;
    let (anna, door) = (world.user("anna"), world.door("device123"));
    let blocks = async || anna.gets("/api/blocks").await.ok()["blocks"].as_array().unwrap().clone();
    assert!(blocks().await.is_empty());
    for (path, id) in [("bert", "bert"), ("auth0%7C1%2F2%3F%23", "auth0|1/2?#"), ("%E5%BC%A0%E4%B8%89", "张三")] {
        let path = format!("/api/blocks?caller_id={path}");
        for _ in 0..2 {
            anna.asks(Method::PUT, &path, None).await.ok();
        }
        let found = anna.gets(&path).await.ok();
        assert_eq!(found["blocks"][0]["caller_id"], id);
        assert!(blocks().await.iter().any(|block| block["caller_id"] == id));
        anna.asks(Method::DELETE, &path, None).await.ok();
        assert_eq!(anna.asks(Method::DELETE, &path, None).await.code, 40_402);
        assert!(anna.gets(&path).await.ok()["blocks"].as_array().unwrap().is_empty());
    }
    for method in [Method::PUT, Method::DELETE] {
        assert_eq!(anna.asks(method.clone(), "/api/blocks", None).await.refused(400)["field"], "caller_id");
        assert_eq!(anna.asks(method, "/api/blocks?caller_id=", None).await.refused(400)["field"], "caller_id");
    }
    door.gets("/api/blocks").await.refused(403);
    // Each person has their own.
    anna.asks(Method::PUT, "/api/blocks?caller_id=bert", None).await.ok();
    assert_eq!(world.user("clara").gets("/api/blocks").await.ok(), json!({ "blocks": [] }));
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_authorization_headers_are_refused() {
    let world = World::new().await;
    let anna = world.user("anna");
    let answer = anna.asks_with(Method::GET, "/api/calls", None, &[("authorization", "Bearer x")]).await;
    assert_eq!(answer.refused(400)["field"], "Authorization");
    // As API Gateway joins them.
    let joined = world.bearer("anna", format!("{0},Bearer {0}", anna.token));
    assert_eq!(joined.gets("/api/calls").await.refused(400)["field"], "Authorization");
    world.end().await;
}
