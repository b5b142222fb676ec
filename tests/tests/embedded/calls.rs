//! Whole calls, from the button to the end.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use futures::future::join_all;
use ilock_env::Clock;
use ilock_events::Carrier;
use ilock_local::Options;
use ilock_tests::parties::{call_id, user_at};
use ilock_tests::{Phone, Version, World};
use ilock_trtc::{ALL_PRIVILEGES, Credential};
use reqwest::Method;
use serde_json::{Value, json};

const A_MOMENT: Duration = Duration::from_millis(700);

fn common(message: &Value, call: &str, n: u64, index: u64, state: &str) {
    assert_eq!(message["call_id"], call);
    assert_eq!(message["message_id"], format!("{call}:{n}:{index}"));
    assert_eq!(message["seq"], n);
    assert_eq!(message["state"], state);
    assert!(message["expires_at"].is_i64() && message["timestamp"].is_i64());
}

async fn a_whole_call(version: Version) {
    let world = World::new().await;
    let (door, user) = (world.door("device123"), world.user("user456"));
    let mut panel = Phone::connect(&door, "panel", version).await;
    let mut phone = Phone::connect(&user, "android_1", version).await;
    let mut tablet = Phone::connect(&user, "ios_2", version).await;

    let placed = door.rings("user456", 30).await;
    let call = call_id(&placed);
    assert!(call.starts_with("call_device123_user456_"));
    assert_eq!(placed["state"], "ringing");
    assert!(placed["room_info"]["user_id"].as_str().unwrap().ends_with("_dn"), "{placed}");
    assert!(placed["room_info"]["user_sig"].is_string() && placed["room_info"]["private_map_key"].is_string());

    let incoming = phone.hears("incoming").await;
    common(&incoming, &call, 1, 0, "ringing");
    assert_eq!(incoming["caller_id"], "device123");
    assert_eq!(incoming["caller_info"], json!({ "name": "前门设备", "location": "小区大门" }));
    assert_eq!(incoming["room_info"]["room_id"], placed["room_info"]["room_id"]);
    assert_eq!(incoming["room_info"]["sdk_app_id"], 1_400_000_001);
    assert_eq!(incoming["room_info"]["user_id"], "user456");
    assert_eq!(incoming["room_info"]["user_sig"].as_str().unwrap().split('.').count(), 5, "a compact JWE");
    assert!(incoming["room_info"].get("private_map_key").is_none());
    assert_eq!(incoming["expires_at"], placed["expires_at"]);
    assert_eq!(tablet.hears("incoming").await, incoming, "both phones hear the same");
    common(&panel.hears("ringing").await, &call, 1, 1, "ringing");

    let phone_id = phone.credentials.client_id.clone();
    user.callee_action(&call, "ringing", Some(&phone_id)).await.ok();
    common(&panel.hears("alerted").await, &call, 2, 0, "ringing");
    let accepted = user.callee_action(&call, "accepted", Some(&phone_id)).await.ok();
    assert_eq!(accepted["state"], "active");
    assert_eq!(accepted["answered_by"], phone_id.as_str());
    assert_eq!(accepted["room_info"]["user_id"], "user456_0", "each phone enters under a name of its own");

    common(&panel.hears("accepted").await, &call, 3, 0, "active");
    for other in [&mut phone, &mut tablet] {
        let sync = other.hears("accepted").await;
        common(&sync, &call, 3, 1, "active");
        assert_eq!(sync["device_id"], phone_id.as_str());
    }

    door.caller_action(&call, "hangup").await.ok();
    common(&phone.hears("hangup").await, &call, 4, 0, "ended");
    tablet.hears("hangup").await;
    panel.hears_nothing(A_MOMENT).await;
    phone.hears_nothing(Duration::from_millis(1)).await;

    let over = user.gets(&format!("/api/calls/{call}")).await.ok();
    assert_eq!(over["state"], "ended");
    assert!(over.get("room_info").is_none(), "a call that is over cannot be joined");
    let log = world.log(&call).await;
    assert_eq!(log.commits.len(), 4);
    let told = log.receipts.iter().flat_map(|receipt| receipt.notices.keys().map(|index| (receipt.n, *index)));
    assert_eq!(told.collect::<BTreeSet<_>>().len(), 8, "every notice has its receipt");
    let mut handed = log.receipts.iter().flat_map(|receipt| receipt.notices.values());
    // No phone has a push token.
    assert!(handed.all(|handed| handed.error.is_none() || handed.carrier == Carrier::Push));
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_door_rings_a_phone_which_answers_and_the_door_hangs_up_over_mqtt_5() {
    a_whole_call(Version::V5).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_door_rings_a_phone_which_answers_and_the_door_hangs_up_over_mqtt_3_1_1() {
    a_whole_call(Version::V311).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_has_both_credentials_where_the_operator_sends_them_plain_and_else_neither() {
    for mode in ["plain", "none"] {
        let read = move |name: &str| (name == "USER_SIG_IN_MESSAGES").then(|| mode.to_owned());
        let world = World::with(Options { settings: Box::new(read), ..Options::anywhere() }).await;
        let mut phone = world.phone(&world.user("user456"), "android_1").await;
        world.door("device123").rings("user456", 30).await;
        let room = phone.hears("incoming").await["room_info"].clone();
        assert!(room.get("receive_only").is_none());
        if mode == "none" {
            assert!(room.get("user_sig").is_none() && room.get("private_map_key").is_none(), "{room}");
        } else {
            let credential = |name: &str| Credential::decode(room[name].as_str().unwrap()).unwrap();
            let (sig, key) = (credential("user_sig"), credential("private_map_key"));
            assert_eq!((sig.identifier.as_str(), key.identifier.as_str()), ("user456", "user456"));
            assert_eq!(sig.expire, key.expire);
            let permit = key.room.unwrap();
            assert_eq!(room["room_id"], permit.room.to_string());
            assert_eq!(permit.privileges, ALL_PRIVILEGES);
        }
        world.end().await;
    }
}

/// A phone that a push woke waits with its sound as one that the message reached.
#[tokio::test(flavor = "multi_thread")]
async fn message_push_and_call_name_the_same_phone_that_sounds_first() {
    let world = World::new().await;
    let (door, user) = (world.door("device123"), world.user("user456"));
    let mut phone = world.phone(&user, "android_1").await;
    let tablet = json!({ "client_id": "user456_tablet", "platform": "android", "push_token": "a-token" });
    user.posts("/api/mqtt/clients/register", tablet).await.ok();
    let status = json!({
        "client_id": "user456_tablet", "status": "active", "priority": 7, "last_active": 1_679_886_400_000_i64,
    });
    user.asks(Method::PUT, "/api/mqtt/clients/status", Some(status)).await.ok();
    let placed = door.rings("user456", 30).await;
    assert!(placed.get("primary").is_none(), "it is nothing to the caller");
    assert_eq!(phone.hears("incoming").await["primary"], "user456_tablet");
    let path = format!("/api/calls/{}", call_id(&placed));
    assert_eq!(user.gets(&path).await.ok()["primary"], "user456_tablet");
    while world.stack.push.shown().is_empty() {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let push = world.stack.push.shown()[0].payload.clone();
    assert_eq!(push["fcmV1Message"]["message"]["data"]["primary"], "user456_tablet", "{push}");
    user.callee_action(&call_id(&placed), "accepted", Some("user456_android_1")).await.ok();
    assert!(user.gets(&path).await.ok().get("primary").is_none(), "it does not ring any more");
    world.end().await;
}

/// The others would be quiet for the whole ring.
#[tokio::test(flavor = "multi_thread")]
async fn no_phone_that_cannot_ring_is_the_one_that_sounds_first() {
    let ahead = Arc::<AtomicI64>::default();
    let ms = ahead.clone();
    let clock = Clock::new(move || Clock::system().now().plus(ms.load(Ordering::SeqCst)));
    let world = World::with(Options { clock, ..Options::anywhere() }).await;
    let (door, user) = (world.door("device123"), world.user("user456"));
    user.registers("p1").await;
    let mut phone = world.phone(&user, "p2").await;
    let directory = &world.stack.directory;
    let clients = async || directory.clients(&user_at("user456")).await.unwrap();
    while clients().await.iter().all(|client| client.offline_since.is_some()) {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let reports = async |client: &str, status: &str, priority: u8| {
        let body = json!({
            "client_id": client, "status": status, "priority": priority, "last_active": 1_679_886_400_000_i64,
        });
        user.asks(Method::PUT, "/api/mqtt/clients/status", Some(body)).await.ok();
    };
    reports("p1", "active", 10).await;
    reports("p2", "active", 5).await;
    let mut primary = async || {
        let call = call_id(&door.rings("user456", 30).await);
        let primary = phone.hears("incoming").await["primary"].clone();
        door.caller_action(&call, "cancelled").await.ok();
        phone.hears("cancelled").await;
        primary
    };
    // It has had the time to connect.
    ahead.store(6_000, Ordering::SeqCst);
    assert_eq!(primary().await, "user456_p2");

    let body = json!({ "client_id": "p1", "platform": "android", "push_token": "a-token" });
    user.posts("/api/mqtt/clients/register", body).await.ok();
    assert_eq!(primary().await, "user456_p1", "a push reaches it");
    reports("p1", "offline", 10).await;
    assert_eq!(primary().await, "user456_p2");
    reports("p2", "offline", 5).await;
    assert_eq!(primary().await, Value::Null);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_phone_refuses_and_says_why() {
    let world = World::new().await;
    let (door, user) = (world.door("device123"), world.user("user456"));
    let mut panel = world.phone(&door, "panel").await;
    let mut phone = world.phone(&user, "android_1").await;
    let mut tablet = world.phone(&user, "ios_2").await;
    let call = call_id(&door.rings("user456", 30).await);
    phone.hears("incoming").await;
    tablet.hears("incoming").await;
    panel.hears("ringing").await;

    let body = json!({ "call_id": call, "action": "rejected", "reason": "现在不方便", "client_id": phone.credentials.client_id });
    user.posts("/api/calls/callee-action", body).await.ok();
    let rejected = panel.hears("rejected").await;
    common(&rejected, &call, 2, 2, "rejected");
    assert_eq!(rejected["reason"], "现在不方便");
    let sync = tablet.hears("rejected").await;
    assert_eq!(sync["device_id"], phone.credentials.client_id.as_str());
    let commit = serde_json::to_string(&world.log(&call).await.commits).unwrap();
    assert!(!commit.contains("现在不方便"), "what a person said is not in the commit");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_caller_gives_up_and_the_phones_fall_silent() {
    let world = World::new().await;
    let (door, user) = (world.door("device123"), world.user("user456"));
    let mut phone = world.phone(&user, "android_1").await;
    let call = call_id(&door.rings("user456", 30).await);
    phone.hears("incoming").await;
    door.caller_action(&call, "cancelled").await.ok();
    common(&phone.hears("cancelled").await, &call, 2, 0, "cancelled");
    let late = user.callee_action(&call, "accepted", None).await.refused(409);
    assert_eq!(late, json!({ "state": "cancelled", "winner": "device123" }));
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_answers_and_both_sides_are_told() {
    let world = World::new().await;
    let (door, user) = (world.door("device123"), world.user("user456"));
    let mut panel = world.phone(&door, "panel").await;
    let mut phone = world.phone(&user, "android_1").await;
    let call = call_id(&door.rings("user456", 5).await);
    phone.hears("incoming").await;
    panel.hears("ringing").await;
    common(&panel.hears("timeout").await, &call, 2, 0, "missed");
    common(&phone.hears("cancelled").await, &call, 2, 1, "missed");
    let late = user.callee_action(&call, "accepted", None).await.refused(409);
    assert_eq!(late, json!({ "state": "missed", "winner": "timer" }));
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_calls_a_person() {
    let world = World::new().await;
    let (anna, ben) = (world.user("anna"), world.user("ben"));
    let mut annas = world.phone(&anna, "ios_1").await;
    let mut bens = world.phone(&ben, "android_1").await;
    let body = json!({ "callee_id": "ben", "caller_info": { "name": "Anna", "avatar": 7 }, "invitation_data": { "mode": "video" } });
    let placed = anna.posts("/api/calls", body).await.ok();
    let call = call_id(&placed);
    let incoming = bens.hears("incoming").await;
    assert_eq!(
        incoming["caller_info"],
        json!({ "name": "Anna", "avatar": 7 }),
        "what the caller's app adds is handed on"
    );
    annas.hears("ringing").await;
    let seen = ben.gets(&format!("/api/calls/{call}")).await.ok();
    assert_eq!(seen["invitation_data"], json!({ "mode": "video" }));
    ben.callee_action(&call, "accepted", Some("ben_android_1")).await.ok();
    annas.hears("accepted").await;
    bens.hears("accepted").await;
    ben.callee_action(&call, "hangup", Some("ben_android_1")).await.ok();
    annas.hears("hangup").await;
    let sync = bens.hears("hangup").await;
    assert_eq!(sync["device_id"], "ben_android_1", "the phone that did it knows itself by its name");
    bens.hears_nothing(A_MOMENT).await;
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_is_sent_again_under_its_key_is_one_request() {
    let world = World::new().await;
    let (door, user) = (world.door("device123"), world.user("user456"));
    let mut phone = world.phone(&user, "android_1").await;
    let key = [("idempotency-key", "press-1")];
    let body = json!({ "callee_id": "user456" });
    let first = door.asks_with(Method::POST, "/api/calls", Some(body.clone()), &key).await.ok();
    let again = door.asks_with(Method::POST, "/api/calls", Some(body), &key).await.ok();
    assert_eq!(first["call_id"], again["call_id"]);
    assert_eq!(first["room_info"]["room_id"], again["room_info"]["room_id"]);
    phone.hears("incoming").await;
    phone.hears_nothing(A_MOMENT).await;

    world.user("user789").registers("phone").await;
    let other = json!({ "callee_id": "user789" });
    door.asks_with(Method::POST, "/api/calls", Some(other), &key).await.refused(422);

    let call = call_id(&first);
    let accept = json!({ "call_id": call, "action": "accepted" });
    let key = [("idempotency-key", "answer-1")];
    user.asks_with(Method::POST, "/api/calls/callee-action", Some(accept.clone()), &key).await.ok();
    user.asks_with(Method::POST, "/api/calls/callee-action", Some(accept), &key).await.ok();
    assert_eq!(world.log(&call).await.commits.len(), 2);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn twenty_calls_in_one_millisecond_are_twenty_calls() {
    let stopped = Clock::fixed(Clock::system().now());
    let world = World::with(Options { clock: stopped, ..Options::anywhere() }).await;
    world.user("user456").registers("phone").await;
    let doors: Vec<_> = (0..2).map(|n| world.door(&format!("device{n}"))).collect();
    // Of one door each call is over before the next, as two presses at once would be one call.
    let calls = join_all(doors.iter().map(async |door| {
        let mut calls = vec![];
        for _ in 0..10 {
            let call = door.presses("user456", 30).await.ok();
            door.caller_action(&call_id(&call), "cancelled").await.ok();
            calls.push(call);
        }
        calls
    }));
    let calls: Vec<Value> = calls.await.concat();
    let ids: BTreeSet<String> = calls.iter().map(call_id).collect();
    assert_eq!(ids.len(), 20);
    let rooms: BTreeSet<String> = calls.iter().map(|call| call["room_info"]["room_id"].to_string()).collect();
    assert_eq!(rooms.len(), 20);
    world.end().await;
}

/// Actual-Chat#4736: an answer 0.3 s after the deadline was "missed".
#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_comes_just_after_the_deadline_counts() {
    let world = World::new().await;
    let (door, user) = (world.door("device123"), world.user("user456"));
    user.registers("phone").await;
    let call = door.presses("user456", 5).await.ok();
    let late = call["expires_at"].as_i64().unwrap() + 300;
    let left = u64::try_from(late - Clock::system().now().0).unwrap();
    tokio::time::sleep(Duration::from_millis(left)).await;
    let accepted = user.callee_action(&call_id(&call), "accepted", Some("user456_phone")).await.ok();
    assert_eq!((&accepted["state"], &accepted["answered_by"]), (&json!("active"), &json!("user456_phone")));
    world.end().await;
}

/// stream-video-js#1828: `MAX_CALL_SECONDS` ended nothing, and the way into the room was given for ever.
#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_both_sides_have_forgotten_ends_at_its_limit_and_both_are_told() {
    let data = tempfile::tempdir().unwrap();
    let started = async |ahead_ms: i64| {
        let clock = Clock::new(move || Clock::system().now().plus(ahead_ms));
        let settings = Box::new(|name: &str| (name == "MAX_CALL_SECONDS").then(|| "60".to_owned()));
        World::with(Options { data_dir: Some(data.path().into()), clock, settings, ..Options::anywhere() }).await
    };
    let world = started(0).await;
    let call = call_id(&world.door("device123").rings("user456", 5).await);
    world.user("user456").callee_action(&call, "accepted", Some("user456_phone")).await.ok();
    world.end().await;

    // Fifty seconds later.
    let world = started(50_000).await;
    let (door, user) = (world.door("device123"), world.user("user456"));
    let (mut panel, mut phone) = (world.phone(&door, "panel").await, world.phone(&user, "phone").await);
    let path = format!("/api/calls/{call}");
    let active = user.gets(&path).await.ok();
    assert!(active["state"] == "active" && active["room_info"]["user_sig"].is_string(), "{active}");
    for told in [&mut panel, &mut phone] {
        let message = tokio::time::timeout(Duration::from_secs(20), async {
            loop {
                if let Some(heard) = told.next_within(Duration::from_secs(20)).await
                    && heard.body["state"] == "ended"
                {
                    return heard.body;
                }
            }
        });
        let message = message.await.expect("the call ends");
        assert_eq!((&message["call_id"], &message["reason_code"]), (&json!(call), &json!("limit")), "{message}");
    }
    for party in [&door, &user] {
        let ended = party.gets(&path).await.ok();
        assert_eq!((&ended["state"], &ended["reason"]), (&json!("ended"), &json!("limit")), "{ended}");
        assert!(ended["room_info"].is_null(), "nobody is let into its room any more: {ended}");
    }
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_winner_may_repeat_itself_and_a_phone_that_does_not_say_which_it_is_is_inferred_when_it_is_the_only_one() {
    let world = World::new().await;
    let (door, user) = (world.door("device123"), world.user("user456"));
    let _phone = world.phone(&user, "android_1").await;
    let call = call_id(&door.rings("user456", 30).await);
    let accepted = user.callee_action(&call, "accepted", None).await.ok();
    assert_eq!(accepted["answered_by"], "user456_android_1");
    user.callee_action(&call, "accepted", None).await.ok();
    user.callee_action(&call, "accepted", Some("user456_android_1")).await.ok();
    let loser = user.callee_action(&call, "accepted", Some("user456_ios_2")).await.refused(409);
    assert_eq!(loser, json!({ "state": "active", "winner": "user456_android_1" }));
    assert_eq!(world.log(&call).await.commits.len(), 2);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_with_two_phones_that_do_not_say_which_they_are_answers_once() {
    let world = World::new().await;
    let (door, user) = (world.door("device123"), world.user("user456"));
    user.registers("a").await;
    user.registers("b").await;
    let call = call_id(&door.rings("user456", 30).await);
    user.callee_action(&call, "accepted", None).await.ok();
    let loser = user.callee_action(&call, "accepted", None).await.refused(409);
    assert_eq!(loser, json!({ "state": "active", "winner": "user456" }));
    world.end().await;
}
