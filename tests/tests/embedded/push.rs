//! Pushes to phones that are not connected: who gets which, who owns a token, and what happens to tokens that fail.

use std::time::Duration;

use ilock_directory::{Client, Directory};
use ilock_env::Clock;
use ilock_events::schema::schemas;
use ilock_events::{ClientName, Millis};
use ilock_functions::error::ApiError;
use ilock_functions::service::push_binding::PushBinding;
use ilock_functions::service::push_directory::Pushes;
use ilock_functions::triggers::push_feedback::{DeliveryFailure, Feedback, on_failure};
use ilock_lambda::aws::Warm;
use ilock_local::push::Shown;
use ilock_tests::aws::{Aws, PUSH_APP};
use ilock_tests::backend::dynamodb;
use ilock_tests::faults::{Fault, Faults, When};
use ilock_tests::parties::{call_id, user_at};
use ilock_tests::{Party, World};
use reqwest::Method;
use serde_json::{Value, json};

const REGISTER: &str = "/api/v1/devices/register";
const TIMEOUT: Duration = Duration::from_secs(15);

/// A token in the form of APNs.
fn apple(byte: u8) -> String {
    hex::encode([byte; 32])
}

async fn android(user: &Party, name: &str, token: &str) {
    let body = json!({ "client_id": format!("{}_{name}", user.id), "platform": "android", "push_token": token });
    user.posts("/api/mqtt/clients/register", body).await.ok();
}

async fn iphone(user: &Party, name: &str, alert: Option<&str>, voip: Option<&str>) {
    let client = format!("{}_{name}", user.id);
    let body = json!({ "client_id": client, "platform": "ios", "push_token": alert, "voip_token": voip });
    user.posts(REGISTER, body).await.ok();
}

/// The pushes from number `from` on, once there are exactly `count`.
async fn pushes(world: &World, from: usize, count: usize) -> Vec<Shown> {
    let until = tokio::time::Instant::now() + TIMEOUT;
    loop {
        let shown = world.stack.push.shown();
        if shown.len() >= from + count {
            tokio::time::sleep(Duration::from_millis(700)).await;
            let shown = world.stack.push.shown()[from..].to_vec();
            assert_eq!(shown.len(), count, "{shown:#?}");
            return shown;
        }
        assert!(tokio::time::Instant::now() < until, "{} of {count} pushes came: {shown:#?}", shown.len() - from);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

fn services(pushes: &[Shown]) -> Vec<&'static str> {
    let mut services: Vec<_> = pushes.iter().map(|push| push.service.word()).collect();
    services.sort_unstable();
    services
}

/// The data that the app receives.
fn data_of(push: &Shown) -> &Value {
    let android = &push.payload["fcmV1Message"]["message"]["data"];
    if android.is_null() { &push.payload } else { android }
}

fn assert_valid(push: &Shown) {
    let system = if push.payload.get("fcmV1Message").is_some() { "android" } else { "ios" };
    let kind = data_of(push)["type"].as_str().unwrap().to_lowercase();
    let form = format!("push.{system}.{kind}");
    let (_, schema) = schemas().into_iter().find(|(name, _)| *name == form).unwrap();
    let validator = jsonschema::draft202012::new(&schema.to_value()).unwrap();
    assert!(validator.is_valid(&push.payload), "{form}: {}", push.payload);
    assert!(!push.payload.to_string().contains("user_sig"));
}

async fn client(world: &World, user: &str, name: &str) -> Client {
    let client = ClientName::new(format!("{user}_{name}")).unwrap();
    world.stack.directory.client(&user_at(user), &client).await.unwrap().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_wakes_every_phone_in_its_own_way_and_an_answer_silences_the_others() {
    let world = World::new().await;
    let (door, anna) = (world.door("device123"), world.user("anna"));
    android(&anna, "pixel", "fcm-token-1").await;
    iphone(&anna, "iphone", Some(&apple(1)), Some(&apple(2))).await;
    iphone(&anna, "ipad", Some(&apple(3)), None).await;
    anna.registers("browser").await;
    let call = call_id(&door.rings("anna", 30).await);
    let rung = pushes(&world, 0, 3).await;
    assert_eq!(services(&rung), ["APNS", "APNS_VOIP", "GCM"]);
    for push in &rung {
        assert_valid(push);
        let data = data_of(push);
        assert_eq!((&data["type"], &data["call_id"]), (&json!("VIDEO_CALL"), &json!(call)));
        assert_eq!(data["caller_name"], "前门设备");
        assert!((25..30).contains(&push.ttl_seconds), "{}", push.ttl_seconds);
        let (kind, priority) = match push.service.word() {
            "APNS_VOIP" => (Some("voip"), Some(10)),
            "APNS" => (Some("alert"), Some(10)),
            _ => (None, None),
        };
        assert_eq!((push.push_type.as_deref(), push.priority), (kind, priority));
    }
    let listed = anna.gets("/dev/pushes").await.ok();
    assert_eq!(listed["pushes"].as_array().unwrap().len(), 3);

    anna.callee_action(&call, "accepted", Some("anna_pixel")).await.ok();
    let over = pushes(&world, 3, 2).await;
    assert_eq!(services(&over), ["APNS", "APNS"], "never by VoIP, and not to the one that answered");
    for push in &over {
        assert_valid(push);
        assert_eq!((&data_of(push)["type"], &data_of(push)["state"]), (&json!("CALL_ENDED"), &json!("active")));
        assert_eq!((push.push_type.as_deref(), push.priority), (Some("background"), Some(5)));
        assert_eq!(data_of(push)["device_id"], "anna_pixel");
    }

    let history = world.log(&call).await;
    let receipts = history.receipts.iter().filter(|receipt| receipt.n.0 == 1);
    let phones: Vec<String> = receipts.flat_map(|receipt| receipt.phones.keys().map(ToString::to_string)).collect();
    assert_eq!(phones, ["anna_ipad", "anna_iphone", "anna_pixel"]);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_call_silences_all_phones_and_a_missed_one_is_shown() {
    let world = World::new().await;
    let (door, anna) = (world.door("device123"), world.user("anna"));
    android(&anna, "pixel", "fcm-token-1").await;
    iphone(&anna, "iphone", Some(&apple(1)), Some(&apple(2))).await;
    let call = call_id(&door.rings("anna", 30).await);
    pushes(&world, 0, 2).await;
    door.caller_action(&call, "cancelled").await.ok();
    let over = pushes(&world, 2, 2).await;
    assert_eq!(services(&over), ["APNS", "GCM"]);
    for push in &over {
        assert_valid(push);
        assert_eq!(data_of(push)["type"], "CALL_ENDED");
    }
    let android = over.iter().find(|push| push.service.word() == "GCM").unwrap();
    assert_eq!(android.payload["fcmV1Message"]["message"]["android"]["priority"], "normal");

    door.rings("anna", 5).await;
    pushes(&world, 4, 2).await;
    let missed = pushes(&world, 6, 2).await;
    assert_eq!(services(&missed), ["APNS", "GCM"]);
    for push in &missed {
        assert_valid(push);
        assert_eq!(
            (&data_of(push)["type"], &data_of(push)["caller_name"]),
            (&json!("MISSED_CALL"), &json!("前门设备"))
        );
        assert!(push.ttl_seconds > 80_000);
    }
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stale_token_is_retired_while_the_others_ring_and_comes_back_only_by_registering() {
    let world = World::new().await;
    let (door, anna) = (world.door("device123"), world.user("anna"));
    android(&anna, "old", "fcm-old").await;
    android(&anna, "new", "fcm-new").await;
    let endpoint = client(&world, "anna", "old").await.main.unwrap();
    world.stack.push.disable(&endpoint.id);
    let call = call_id(&door.rings("anna", 30).await);
    let rung = pushes(&world, 0, 1).await;
    assert_ne!(rung[0].endpoint, endpoint.id);
    let retired = client(&world, "anna", "old").await.main.unwrap().retired.unwrap();
    assert_eq!(retired.why, "EndpointDisabled");
    let in_receipt = |history: &ilock_log::History, client: &str| {
        let client = ClientName::new(client).unwrap();
        history.receipts.iter().find_map(|receipt| receipt.phones.get(&client).cloned())
    };
    let handed = in_receipt(&world.log(&call).await, "anna_old").unwrap();
    assert_eq!(handed.error.as_deref(), Some("EndpointDisabled"));
    door.caller_action(&call, "cancelled").await.ok();
    pushes(&world, 1, 1).await;

    let next = call_id(&door.rings("anna", 30).await);
    pushes(&world, 2, 1).await;
    assert_eq!(in_receipt(&world.log(&next).await, "anna_old"), None, "it was not tried");
    door.caller_action(&next, "cancelled").await.ok();
    pushes(&world, 3, 1).await;

    android(&anna, "old", "fcm-old").await;
    door.rings("anna", 30).await;
    let rung = pushes(&world, 4, 2).await;
    assert!(rung.iter().any(|push| push.endpoint == endpoint.id));
    world.end().await;
}

/// The nonce of the last push that asks for proof.
fn nonce(world: &World) -> String {
    let shown = world.stack.push.shown();
    let asked: Vec<&Shown> = shown.iter().filter(|push| data_of(push)["type"] == "PUSH_CONFIRM").collect();
    let asked = asked.last().expect("nobody was asked for proof");
    assert_valid(asked);
    assert!(asked.payload["fcmV1Message"]["message"]["notification"].is_null(), "nothing is shown");
    data_of(asked)["nonce"].as_str().unwrap().to_owned()
}

async fn confirms(user: &Party, nonce: &str) -> ilock_tests::Answer {
    user.posts("/api/v1/devices/confirm", json!({ "nonce": nonce })).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_phone_that_changed_hands_is_never_rung_for_its_former_owner() {
    let world = World::new().await;
    let (door, anna, bert) = (world.door("device123"), world.user("anna"), world.user("bert"));
    android(&anna, "phone", "fcm-token-1").await;
    android(&anna, "tablet", "fcm-token-2").await;
    android(&bert, "phone", "fcm-token-1").await;
    assert_eq!(client(&world, "bert", "phone").await.main, None, "it stays anna's without proof");
    let confirmed = confirms(&bert, &nonce(&world)).await.ok();
    assert_eq!(confirmed["client_id"], "bert_phone");
    assert_eq!(client(&world, "anna", "phone").await.main, None);
    let mine = client(&world, "bert", "phone").await.main.unwrap();
    let call = call_id(&door.rings("anna", 30).await);
    let rung = pushes(&world, 1, 1).await;
    assert_ne!(rung[0].endpoint, mine.id, "it is bert's now");
    door.caller_action(&call, "cancelled").await.ok();
    pushes(&world, 2, 1).await;
    door.rings("bert", 30).await;
    assert_eq!(pushes(&world, 3, 1).await[0].endpoint, mine.id);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_only_knows_a_push_token_does_not_get_it_in_any_tenant() {
    let world = World::new().await;
    let (door, anna) = (world.door("device123"), world.user("anna"));
    android(&anna, "phone", "fcm-token-1").await;
    let mine = client(&world, "anna", "phone").await.main.unwrap();
    for thief in [world.user("thief"), world.party_of("other", "anna", ilock_auth::Role::User)] {
        let body = json!({ "platform": "android", "push_token": "fcm-token-1", "client_id": "x" });
        let answer = thief.posts(REGISTER, body).await.ok();
        assert_eq!((&answer["services"], &answer["unproven"]), (&json!([]), &json!(["GCM"])));
        let sent = nonce(&world);
        // What came to anna's phone is of no use to anybody but the one who asked, and a guess is of none.
        for (who, nonce) in [(&anna, sent.as_str()), (&thief, "0123456789abcdef0123456789abcdef"), (&thief, "")] {
            assert_eq!(confirms(who, nonce).await.code, 40_402);
        }
        assert_eq!(client(&world, "anna", "phone").await.main, Some(mine.clone()));
    }
    let asked = world.stack.push.shown().len();
    door.rings("anna", 30).await;
    assert_eq!(pushes(&world, asked, 1).await[0].endpoint, mine.id);
    // Who has logged out has no tokens: nothing is left to prove.
    anna.asks(Method::DELETE, "/api/mqtt/clients/anna_phone", None).await.ok();
    let bert = world.user("bert");
    let body = json!({ "platform": "android", "push_token": "fcm-token-1" });
    let answer = bert.posts(REGISTER, body).await.ok();
    assert_eq!((&answer["services"], &answer["unproven"]), (&json!(["GCM"]), &Value::Null));
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proof_counts_once_and_for_a_minute_and_takes_the_call_token_of_the_same_iphone_along() {
    let ahead = std::sync::Arc::new(std::sync::atomic::AtomicI64::new(0));
    let ms = ahead.clone();
    let clock = Clock::new(move || Clock::system().now().plus(ms.load(std::sync::atomic::Ordering::SeqCst)));
    let world = World::with(ilock_local::Options { clock, ..ilock_local::Options::anywhere() }).await;
    let (anna, bert) = (world.user("anna"), world.user("bert"));
    iphone(&anna, "iphone", Some(&apple(1)), Some(&apple(2))).await;
    let tokens =
        json!({ "platform": "ios", "client_id": "bert_iphone", "push_token": apple(1), "voip_token": apple(2) });
    let answer = bert.posts(REGISTER, tokens.clone()).await.ok();
    assert_eq!(answer["unproven"], json!(["APNS", "APNS_VOIP"]));
    let late = nonce(&world);
    ahead.fetch_add(60_000, std::sync::atomic::Ordering::SeqCst);
    assert_eq!(confirms(&bert, &late).await.code, 40_402);
    // Every registration tries anew.
    bert.posts(REGISTER, tokens).await.ok();
    let sent = nonce(&world);
    confirms(&bert, &sent).await.ok();
    assert_eq!(confirms(&bert, &sent).await.code, 40_402);
    let (annas, berts) = (client(&world, "anna", "iphone").await, client(&world, "bert", "iphone").await);
    assert_eq!((annas.main, annas.voip), (None, None));
    assert!(berts.main.is_some() && berts.voip.is_some());

    // A call token alone cannot be asked for, nor beside an alert token of another phone.
    let clara = world.user("clara");
    let asked = world.stack.push.shown().len();
    for body in [
        json!({ "platform": "ios", "client_id": "c", "voip_token": apple(2) }),
        json!({ "platform": "ios", "client_id": "c", "push_token": apple(3), "voip_token": apple(2) }),
    ] {
        assert_eq!(clara.posts(REGISTER, body).await.ok()["unproven"], json!(["APNS_VOIP"]));
    }
    assert_eq!(world.stack.push.shown().len(), asked);
    assert!(client(&world, "bert", "iphone").await.voip.is_some());
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proof_for_a_client_that_was_removed_meanwhile_proves_nothing_and_is_not_tried_again() {
    let world = World::new().await;
    let (anna, bert) = (world.user("anna"), world.user("bert"));
    android(&anna, "phone", "fcm-token-1").await;
    let annas = client(&world, "anna", "phone").await.main;
    android(&bert, "phone", "fcm-token-1").await;
    let sent = nonce(&world);
    bert.asks(Method::DELETE, "/api/mqtt/clients/bert_phone", None).await.ok();
    for _ in 0..2 {
        let answer = confirms(&bert, &sent).await;
        assert_eq!((answer.status.as_u16(), answer.code), (404, 40_402), "{answer:?}");
    }
    assert_eq!(client(&world, "anna", "phone").await.main, annas);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proof_for_a_phone_that_others_have_proved_to_have_proves_nothing() {
    let world = World::new().await;
    let (anna, bert, clara) = (world.user("anna"), world.user("bert"), world.user("clara"));
    iphone(&anna, "iphone", Some(&apple(1)), Some(&apple(2))).await;
    iphone(&bert, "iphone", Some(&apple(1)), Some(&apple(2))).await;
    let berts = nonce(&world);
    iphone(&clara, "iphone", Some(&apple(1)), None).await;
    let claras = nonce(&world);
    confirms(&clara, &claras).await.ok();
    let answer = confirms(&bert, &berts).await;
    assert_eq!((answer.status.as_u16(), answer.code), (404, 40_402), "{answer:?}");
    assert!(client(&world, "clara", "iphone").await.main.is_some());
    let bert = client(&world, "bert", "iphone").await;
    assert_eq!((bert.main, bert.voip), (None, None), "nor the call token of a phone that is another's");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proof_that_the_table_did_not_take_can_be_sent_again() {
    let world = World::new().await;
    let (anna, bert) = (world.user("anna"), world.user("bert"));
    android(&anna, "phone", "fcm-token-1").await;
    android(&bert, "phone", "fcm-token-1").await;
    let sent = nonce(&world);
    let faults = Faults::before(&world.stack.at.dynamodb.to_string()).await;
    let directory = Directory::new(dynamodb(&faults.url()), "directory");
    let binding = PushBinding { directory, pushes: Pushes(None) };
    let confirm = async || binding.confirm(&user_at("bert"), &sent, Clock::system().now()).await;
    for operation in ["TransactWriteItems", "DeleteItem"] {
        faults.plan_for(operation, Fault::Throttled, When::From(0));
        assert!(matches!(confirm().await, Err(ApiError::Directory(_))), "{operation}");
        assert!(faults.off().iter().any(|asked| asked == operation));
    }
    assert_eq!(confirm().await.unwrap(), Some(ClientName::new("bert_phone").unwrap()));
    assert_eq!(confirm().await.unwrap(), None, "it counts once");
    assert!(client(&world, "bert", "phone").await.main.is_some());
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_proofs_at_once_by_one_nonce_each_is_told_what_became_of_it() {
    let world = World::new().await;
    let (anna, bert) = (world.user("anna"), world.user("bert"));
    for round in 0..10 {
        let token = format!("fcm-token-{round}");
        android(&anna, "phone", &token).await;
        android(&bert, "phone", &token).await;
        let sent = nonce(&world);
        let answers = futures::join!(confirms(&bert, &sent), confirms(&bert, &sent));
        // Whoever comes after the proof was forgotten hears that it counts no more.
        let codes = [answers.0.code, answers.1.code];
        assert!(codes.contains(&0) && codes.iter().all(|code| [0, 40_402].contains(code)), "{answers:?}");
        assert!(client(&world, "bert", "phone").await.main.is_some());
        assert_eq!(client(&world, "anna", "phone").await.main, None);
    }
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_without_a_client_id_are_those_of_the_phone_and_end_with_it() {
    let world = World::new().await;
    let (door, anna) = (world.door("device123"), world.user("anna"));
    anna.registers("phone").await;
    let registers = async |token: &str| {
        anna.posts(REGISTER, json!({ "platform": "android", "fcm_token": token })).await.ok()["client_id"].clone()
    };
    assert_eq!(registers("fcm-1").await, "anna_phone", "the only one of its platform");
    let first = client(&world, "anna", "phone").await.main.unwrap();
    assert_eq!(registers("fcm-2").await, "anna_phone", "a refreshed token replaces the old one");
    assert_eq!(world.stack.directory.owner_of_endpoint(&first.id).await.unwrap(), None);
    anna.registers("tablet").await;
    assert_eq!(registers("fcm-2").await, "anna_phone", "the one that has it");
    let call = call_id(&door.rings("anna", 30).await);
    pushes(&world, 0, 1).await;
    door.caller_action(&call, "cancelled").await.ok();
    pushes(&world, 1, 1).await;
    anna.asks(Method::DELETE, "/api/mqtt/clients/anna_phone", None).await.ok();
    door.rings("anna", 30).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    pushes(&world, 2, 0).await;
    // Of several phones it is that of the same login.
    let logged_in = |session: &str| world.logged_in("bert", Some(session));
    for session in ["one", "two"] {
        logged_in(session).registers(session).await;
    }
    for session in ["one", "two"] {
        let body = json!({ "platform": "android", "fcm_token": format!("bert-{session}") });
        assert_eq!(logged_in(session).posts(REGISTER, body).await.ok()["client_id"], format!("bert_{session}"));
    }
    world.end().await;
}

/// An app that registers its token first, and itself later, is one phone all the same.
#[tokio::test(flavor = "multi_thread")]
async fn one_phone_is_one_client_whichever_of_its_registrations_comes_first() {
    let world = World::new().await;
    let door = world.door("device123");
    let token = |platform: &str, token: &str| json!({ "platform": platform, "fcm_token": token });
    let app = |id: &str, more: Value| {
        let mut body = json!({ "client_id": format!("{id}_android_1") });
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        body
    };
    let of_android = json!({ "platform": "android" });
    let with_token = json!({ "platform": "android", "push_token": "uma-token" });
    for (id, session, first, then) in [
        ("uma", None, token("android", "uma-token"), with_token),
        ("vera", Some("one"), token("android", "vera-token"), of_android.clone()),
        ("wim", Some("two"), token("harmony", "wim-token"), of_android),
    ] {
        let person = world.logged_in(id, session);
        person.posts(REGISTER, first.clone()).await.ok();
        person.posts("/api/mqtt/clients/register", app(id, then)).await.ok();
        person.posts(REGISTER, first).await.ok();
        let clients = person.gets("/api/mqtt/clients").await.ok()["clients"].clone();
        assert_eq!(clients.as_array().unwrap().len(), 1, "{clients}");
        let before = world.stack.push.shown().len();
        let call = call_id(&door.rings(id, 30).await);
        if id != "wim" {
            pushes(&world, before, 1).await;
        }
        let answered = person.callee_action(&call, "accepted", None).await.ok();
        assert_eq!(answered["answered_by"], format!("{id}_android_1"));
        door.caller_action(&call, "hangup").await.ok();
        person.asks(Method::DELETE, &format!("/api/mqtt/clients/{id}_android_1"), None).await.ok();
        assert_eq!(door.posts("/api/calls", json!({ "callee_id": id })).await.code, 40_402, "nothing of it is left");
    }
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_token_takes_the_place_of_the_old_and_logout_ends_the_ringing() {
    let world = World::new().await;
    let (door, anna) = (world.door("device123"), world.user("anna"));
    android(&anna, "phone", "fcm-first").await;
    let first = client(&world, "anna", "phone").await.main.unwrap();
    android(&anna, "phone", "fcm-second").await;
    // Registering without a token, as at each start, changes nothing.
    anna.registers("phone").await;
    let second = client(&world, "anna", "phone").await.main.unwrap();
    assert_ne!(first.id, second.id);
    assert_eq!(world.stack.directory.owner_of_endpoint(&first.id).await.unwrap(), None);
    let call = call_id(&door.rings("anna", 30).await);
    assert_eq!(pushes(&world, 0, 1).await[0].endpoint, second.id);
    anna.asks(Method::DELETE, "/api/mqtt/clients/anna_phone", None).await.ok();
    assert_eq!(world.stack.directory.owner_of_endpoint(&second.id).await.unwrap(), None);
    door.caller_action(&call, "cancelled").await.ok();
    door.rings("anna", 30).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    pushes(&world, 1, 0).await;
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn while_the_push_services_are_down_calls_go_on_and_the_projector_wakes_the_phones_later() {
    let world = World::new().await;
    let (door, anna) = (world.door("device123"), world.user("anna"));
    android(&anna, "phone", "fcm-token-1").await;
    world.stack.push.down(true);
    let call = call_id(&door.rings("anna", 60).await);
    anna.callee_action(&call, "ringing", Some("anna_browser")).await.ok();
    assert!(world.stack.push.shown().is_empty());
    world.stack.push.down(false);
    let rung = pushes(&world, 0, 1).await;
    assert!(rung[0].ttl_seconds < 60);
    let history = world.log(&call).await;
    let phones = history.receipts.iter().filter(|receipt| !receipt.phones.is_empty());
    assert_eq!(phones.map(|receipt| receipt.path.word()).collect::<Vec<_>>(), ["projector"]);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn on_aws_the_connection_to_sns_is_opened_at_start_by_a_publish_that_reaches_nobody() {
    let world = World::new().await;
    let aws = Aws::before(world.stack.at.dynamodb, Duration::ZERO).await;
    aws.parts_with(true).warm(&[Warm::Push]).await;
    let asked: Vec<_> = aws.asked().into_iter().map(|request| (request.action, request.resource)).collect();
    let nobody = format!("{}/00000000-0000-0000-0000-000000000000", PUSH_APP.replace(":app/", ":endpoint/"));
    assert_eq!(asked, [("sns:Publish".to_owned(), nobody)]);
    aws.parts_with(false).warm(&[Warm::Push]).await;
    assert!(aws.asked().is_empty(), "without a platform application there is nobody to ask");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_who_calls_a_person_shows_their_name_and_what_their_app_sends_along() {
    let world = World::new().await;
    let (anna, bert) = (world.user("anna"), world.user("bert"));
    // As the second app sends it.
    let headers = [("accept-language", "en")];
    let body = json!({ "fcm_token": "fcm-token-1", "platform": "android" });
    let registered = anna.asks_with(Method::POST, REGISTER, Some(body), &headers).await.ok();
    assert!(registered["client_id"].as_str().unwrap().starts_with("anna_push_"));
    assert_eq!(registered["services"], json!(["GCM"]));
    let invitation = json!({ "caller_id": 7, "nested": { "deep": ["门", null] } });
    let place = json!({ "callee_id": "anna", "caller_info": { "name": "Bert 🧑‍🚀" }, "invitation_data": invitation });
    bert.posts("/api/calls", place).await.ok();
    let rung = pushes(&world, 0, 1).await;
    let data = data_of(&rung[0]);
    assert_eq!((&data["caller_id"], &data["caller_name"]), (&json!("bert"), &json!("Bert 🧑‍🚀")));
    assert_eq!(data["body"], "Bert 🧑‍🚀 is calling you");
    assert_eq!(serde_json::from_str::<Value>(data["invitation_data"].as_str().unwrap()).unwrap(), invitation);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn names_and_data_of_any_size_are_cut_or_refused_and_no_call_is_lost() {
    let world = World::new().await;
    let (door, anna) = (world.door("device123"), world.user("anna"));
    android(&anna, "phone", "fcm-token-1").await;
    let place = |name: String, data: Value| json!({ "callee_id": "anna", "caller_info": { "name": name }, "invitation_data": data });
    for bad in [json!([]), json!("text"), json!(7), json!({ "a": "x".repeat(5000) })] {
        let refused = door.posts("/api/calls", place("a".into(), bad)).await.refused(400);
        assert_eq!(refused["field"], "invitation_data");
    }
    let long = "👩‍👩‍👧".repeat(200);
    door.posts("/api/calls", place(long, json!({}))).await.ok();
    let name = data_of(&pushes(&world, 0, 1).await[0])["caller_name"].as_str().unwrap().to_owned();
    assert_eq!(name.chars().count(), 64);
    assert!(name.ends_with('…'));
    // From another door: a second press of the same is the same call.
    let gate = world.door("gate");
    gate.posts("/api/calls", place("n".repeat(2000), json!({ "a": "\"".repeat(1900) }))).await.ok();
    let rung = pushes(&world, 1, 1).await;
    assert_eq!(
        (&data_of(&rung[0])["invitation_data"], &data_of(&rung[0])["truncated"]),
        (&json!("{}"), &json!("true"))
    );
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_that_no_push_service_could_have_given_are_refused_by_name() {
    let world = World::new().await;
    let (door, anna) = (world.door("device123"), world.user("anna"));
    for (field, body) in [
        ("fcm_token", json!({ "platform": "android", "fcm_token": "x".repeat(10_000) })),
        ("push_token", json!({ "platform": "android", "push_token": "a\nb" })),
        ("push_token", json!({ "platform": "android", "push_token": "" })),
        ("push_token", json!({ "platform": "android", "push_token": "门" })),
        ("push_token", json!({ "platform": "android" })),
        ("push_token", json!({ "platform": "ios", "push_token": "not hexadecimal" })),
        ("voip_token", json!({ "platform": "ios", "voip_token": "xyz" })),
        ("voip_token", json!({ "platform": "android", "push_token": "a", "voip_token": "00" })),
        ("platform", json!({ "platform": "web", "push_token": "a" })),
        ("platform", json!({ "push_token": "a" })),
        ("environment", json!({ "platform": "ios", "push_token": "00", "environment": "staging" })),
        ("language", json!({ "platform": "ios", "push_token": "00", "language": 7 })),
    ] {
        let refused = anna.posts(REGISTER, body.clone()).await.refused(400);
        assert_eq!(refused["field"], field, "{body}");
    }
    // A system or a language that is new here is no mistake.
    let new = json!({ "platform": "harmony", "push_token": "a", "language": "fr", "client_id": "anna_new" });
    assert_eq!(anna.posts(REGISTER, new).await.ok()["services"], json!([]));
    let body = json!({ "platform": "ios", "push_token": "00", "client_id": "bert 1" });
    assert_eq!(anna.posts(REGISTER, body).await.refused(400)["field"], "client_id");
    // Whatever anna names is hers.
    let body = json!({ "platform": "ios", "push_token": "00", "client_id": "bert_1" });
    assert_eq!(anna.posts(REGISTER, body).await.ok()["client_id"], "anna_bert_1");
    door.posts(REGISTER, json!({ "platform": "android", "push_token": "a" })).await.refused(403);
    // A token is one endpoint whatever the case of its digits; the sandbox is another service.
    for (token, service) in [("ABCDEF", "APNS"), ("abcdef", "APNS")] {
        let body = json!({ "platform": "ios", "push_token": token, "client_id": "anna_phone" });
        assert_eq!(anna.posts(REGISTER, body).await.ok()["services"], json!([service]));
    }
    let upper = client(&world, "anna", "phone").await.main.unwrap();
    let body =
        json!({ "platform": "ios", "push_token": "ABCDEF", "client_id": "anna_phone", "environment": "sandbox" });
    assert_eq!(anna.posts(REGISTER, body).await.ok()["services"], json!(["APNS_SANDBOX"]));
    assert_ne!(client(&world, "anna", "phone").await.main.unwrap().id, upper.id);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_ios_app_with_a_token_of_fcm_is_woken_by_fcm_and_shows_what_ios_shows() {
    let world = World::new().await;
    let (door, anna) = (world.door("device123"), world.user("anna"));
    let fcm = "dGhpcyBpcyBh:APA91bH-Phone_1";
    let body = |push: &str, voip: Option<String>| {
        json!({
            "client_id": "anna_iphone", "platform": "ios", "environment": "sandbox", "push_token": push, "voip_token": voip,
        })
    };
    let mut endpoints = vec![];
    for token in [&fcm.to_lowercase(), fcm] {
        let registered = anna.posts(REGISTER, body(token, None)).await.ok();
        assert_eq!(registered["services"], json!(["GCM"]), "the sandbox is Apple's only");
        endpoints.push(client(&world, "anna", "iphone").await.main.unwrap().id);
    }
    assert_ne!(endpoints[0], endpoints[1], "the case of its letters matters");

    let call = call_id(&door.rings("anna", 30).await);
    let rung = pushes(&world, 0, 1).await.remove(0);
    assert_valid(&rung);
    assert_eq!((rung.service.word(), &data_of(&rung)["call_id"]), ("GCM", &json!(call)));
    let apns = &rung.payload["fcmV1Message"]["message"]["apns"];
    assert_eq!(apns["headers"], json!({ "apns-push-type": "alert", "apns-priority": "10" }));
    assert_eq!(apns["payload"]["aps"]["alert"]["title"], "视频通话邀请");
    assert_eq!(apns["payload"]["call_info"]["call_id"], json!(call));
    door.caller_action(&call, "cancelled").await.ok();
    let over = pushes(&world, 1, 1).await.remove(0);
    assert_eq!(data_of(&over)["type"], "CALL_ENDED");
    let apns = &over.payload["fcmV1Message"]["message"]["apns"]["payload"];
    assert_eq!(apns["aps"]["alert"]["title"], "未接视频通话", "the caller gave up: somebody had called");

    // Beside a token of PushKit the call rings by VoIP, and what follows goes by FCM.
    let registered = anna.posts(REGISTER, body(fcm, Some(apple(2)))).await.ok();
    assert_eq!(registered["services"], json!(["GCM", "APNS_VOIP_SANDBOX"]));
    let call = call_id(&door.rings("anna", 30).await);
    assert_eq!(services(&pushes(&world, 2, 1).await), ["APNS_VOIP_SANDBOX"]);
    door.caller_action(&call, "cancelled").await.ok();
    assert_eq!(services(&pushes(&world, 3, 1).await), ["GCM"]);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_sns_tells_later_retires_the_token_unless_it_was_registered_anew() {
    let world = World::new().await;
    let anna = world.user("anna");
    android(&anna, "phone", "fcm-token-1").await;
    let directory = &world.stack.directory;
    let endpoint = client(&world, "anna", "phone").await.main.unwrap();
    let now = Clock::system().now();
    let failure = |kind: &str, endpoint: &str| -> DeliveryFailure {
        serde_json::from_value(json!({
            "DeliveryAttempts": 1, "EndpointArn": endpoint, "EventType": "DeliveryFailure", "FailureType": kind,
            "FailureMessage": "Platform token associated with the endpoint is not valid",
            "MessageId": "5f87d16e-8d3b-5a8f-9d0b-8a9e2a4b6c11", "Service": "SNS", "Time": "2026-11-25T00:00:00.000Z",
        }))
        .unwrap()
    };
    let tells =
        async |kind: &str, id: &str, at: Millis| on_failure(directory, &failure(kind, id), at, now).await.unwrap();
    assert_eq!(tells("NotificationTTLExpired", &endpoint.id, now).await, Feedback::Passing);
    assert_eq!(tells("SomethingNew", &endpoint.id, now).await, Feedback::Unknown);
    assert_eq!(tells("InvalidPlatformToken", "nobody's", now).await, Feedback::Outdated);
    assert_eq!(tells("InvalidPlatformToken", &endpoint.id, endpoint.since.plus(-1)).await, Feedback::Outdated);
    assert!(client(&world, "anna", "phone").await.main.unwrap().retired.is_none());
    assert_eq!(tells("InvalidPlatformToken", &endpoint.id, now).await, Feedback::Retired);
    assert_eq!(tells("InvalidPlatformToken", &endpoint.id, now).await, Feedback::Outdated, "told twice");
    assert_eq!(client(&world, "anna", "phone").await.main.unwrap().retired.unwrap().why, "InvalidPlatformToken");
    world.end().await;
}
