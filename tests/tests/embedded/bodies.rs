//! Whatever JSON an app sends, and whatever is none: an answer that helps, and never one that says "ask again".

use std::collections::BTreeMap;

use futures::stream::{self, StreamExt};
use ilock_events::PlaceCall;
use ilock_events::app_json::normalize;
use ilock_local::Options;
use ilock_tests::World;
use ilock_tests::bodies::{Bodies, Sent};
use ilock_tests::parties::{Answer, Party, call_id};
use reqwest::Method;
use serde_json::{Value, json};

const HOW_MANY: usize = 10_000;
const AT_ONCE: usize = 8;

/// The same JSON, numbers by value.
fn same(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Number(one), Value::Number(other)) => one.as_f64() == other.as_f64(),
        (Value::Array(one), Value::Array(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| same(one, other))
        }
        (Value::Object(one), Value::Object(other)) => {
            one.len() == other.len()
                && one.iter().all(|(name, one)| other.get(name).is_some_and(|other| same(one, other)))
        }
        _ => one == other,
    }
}

/// What is sent along with a call is what everybody gets to see of it.
async fn kept_what_was_sent(user: &Party, sent: &Sent, answer: &Answer) {
    let meant: PlaceCall = serde_json::from_str(&normalize(&sent.body).unwrap()).unwrap();
    let meant = [json!(meant.caller_info.unwrap_or_default()), json!(meant.invitation_data)];
    let stored = user.gets(&format!("/api/calls/{}", call_id(&answer.data))).await.ok();
    for (meant, stored) in meant.iter().zip([&stored["caller_info"], &stored["invitation_data"]]) {
        assert!(same(meant, stored), "{meant} became {stored}");
    }
}

fn judge(sent: &Sent, answer: &Answer) {
    let shown = || {
        let body = String::from_utf8_lossy(&sent.body);
        format!("{} {} {:?} {:.600} → {answer:?}", sent.method, sent.path, sent.encoding, body)
    };
    let status = answer.status.as_u16();
    // So many are too often for one person.
    assert!(matches!(status, 200 | 400 | 401 | 403 | 404 | 409 | 413 | 415 | 422 | 429), "{}", shown());
    if matches!(status, 400 | 413 | 415) {
        for part in ["field", "rule"] {
            assert!(answer.data[part].as_str().is_some_and(|said| !said.is_empty()), "{}", shown());
        }
        let rule = answer.data["rule"].as_str().unwrap();
        let jargon =
            ["invalid type", "invalid value", "unknown variant", "struct", "u32", "u8", "i64", "::", "expected a "];
        assert!(!jargon.iter().any(|word| rule.contains(word)), "{}", shown());
        let well_formed = normalize(&sent.body).is_ok_and(|text| serde_json::from_str::<Value>(&text).is_ok());
        assert!(!well_formed || !rule.starts_with("must be JSON: "), "it is JSON: {}", shown());
    }
    assert_eq!(status == 413, sent.body.len() > 32 * 1024 && status != 415 && status != 401, "{}", shown());
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_bodies_are_answered_and_none_with_an_error_of_ours() {
    let settings = Box::new(|name: &str| name.starts_with("LIMIT_REGISTRATIONS").then(|| "1000".to_owned()));
    let world = World::with(Options { settings, ..Options::anywhere() }).await;
    let user = world.user("user456");
    for name in ["a", "b"] {
        user.registers(name).await;
    }
    world.user("anna").registers("a").await;
    let mut bodies = Bodies::new(20_261_125, &call_id(&world.door("device123").rings("user456", 120).await));
    let all: Vec<Sent> = (0..HOW_MANY).map(|_| bodies.send()).collect();
    let answered: Vec<u16> = stream::iter(all)
        .map(|sent| {
            let user = user.clone();
            async move {
                let mut headers = vec![("accept-language", "en")];
                headers.extend(sent.encoding.map(|encoding| ("content-encoding", encoding)));
                let answer = user.asks_raw(sent.method.clone(), sent.path, Some(sent.body.clone()), &headers).await;
                judge(&sent, &answer);
                if answer.status == 200 && sent.path == "/api/calls" && answer.data["repeated"] == false {
                    kept_what_was_sent(&user, &sent, &answer).await;
                    // So that the next is a call of its own. The callee may have been quicker.
                    user.caller_action(&call_id(&answer.data), "cancelled").await;
                }
                answer.status.as_u16()
            }
        })
        .buffer_unordered(AT_ONCE)
        .collect()
        .await;
    let mut counts: BTreeMap<u16, usize> = BTreeMap::new();
    for status in answered {
        *counts.entry(status).or_default() += 1;
    }
    println!("{HOW_MANY} bodies: {counts:?}");
    for status in [200, 400, 403, 404, 409, 413, 415] {
        assert!(counts.get(&status).is_some_and(|count| *count > 10), "hardly any {status}: {counts:?}");
    }
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_store_has_no_number_or_place_for_is_kept_all_the_same() {
    let world = World::new().await;
    let (door, user) = (world.door("device123"), world.user("user456"));
    user.registers("a").await;
    let deep = |levels: usize| format!("{}1{}", "[".repeat(levels), "]".repeat(levels));
    for (sent, kept) in [
        (r#"{"":1}"#.to_owned(), json!({ "": 1 })),
        (r#"{"n":1e126,"m":1e-300,"o":-1.5e308}"#.into(), json!({ "n": 1e126, "m": 1e-300, "o": -1.5e308 })),
        (format!(r#"{{"n":{}}}"#, "7".repeat(200)), json!({ "n": "7".repeat(200) })),
        (format!(r#"{{"n":{}}}"#, deep(63)), serde_json::from_str(&format!(r#"{{"n":{}}}"#, deep(63))).unwrap()),
        (format!(r#"{{"n":[{}]}}"#, vec!["0"; 2000].join(",")), json!({ "n": vec![0; 2000] })),
        (r#"{"cut":"Smith \ud83d","once":1,"once":2}"#.into(), json!({ "cut": "Smith \u{fffd}", "once": 2 })),
    ] {
        let body = format!(r#"{{"callee_id":"user456","invitation_data":{sent}}}"#);
        let answer = door.asks_raw(Method::POST, "/api/calls", Some(body.into_bytes()), &[]).await;
        let call = call_id(&answer.ok());
        let seen = user.gets(&format!("/api/calls/{call}")).await.ok();
        assert!(same(&seen["invitation_data"], &kept), "{sent:.80}: {seen}");
        door.caller_action(&call, "cancelled").await.ok();
    }
    for (sent, field) in [
        (r#"{"n":1e400}"#.to_owned(), "invitation_data.n"),
        (format!(r#"{{"n":{}}}"#, deep(64)), "invitation_data"),
        (format!(r#"{{"n":{}}}"#, deep(400)), "invitation_data"),
        (format!(r#"{{"n":[{}]}}"#, vec!["0"; 2100].join(",")), "invitation_data"),
    ] {
        let body = format!(r#"{{"callee_id":"user456","invitation_data":{sent}}}"#);
        let answer = door.asks_raw(Method::POST, "/api/calls", Some(body.into_bytes()), &[]).await;
        assert_eq!(answer.clone().refused(400)["field"], field, "{sent:.80}: {answer:?}");
    }
    world.end().await;
}

/// serde_json#1042, serde_json#805: languages with one kind of number, and editors that begin every file with a mark.
#[tokio::test(flavor = "multi_thread")]
async fn a_number_is_read_by_its_value_and_a_byte_order_mark_is_passed_over() {
    let world = World::new().await;
    let door = world.door("device123");
    world.user("user456").registers("a").await;
    for (mark, seconds, rings_ms) in [("", "30.0", 30_000), ("", "1e1", 10_000), ("\u{feff}", "30", 30_000)] {
        let body = format!(r#"{mark}{{"callee_id":"user456","ring_seconds":{seconds}}}"#);
        let call = door.asks_raw(Method::POST, "/api/calls", Some(body.into_bytes()), &[]).await.ok();
        let rings = call["expires_at"].as_i64().unwrap() - call["timestamp"].as_i64().unwrap();
        assert_eq!(rings, rings_ms, "{seconds}: {call}");
        door.caller_action(&call_id(&call), "cancelled").await.ok();
    }
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_name_that_stands_twice_in_what_a_caller_shows_the_last_one_counts() {
    let world = World::new().await;
    let (door, user) = (world.door("device123"), world.user("user456"));
    user.registers("a").await;
    let body = r#"{"callee_id":"user456","caller_info":{"name":7,"q":1,"name":"gate","q":2}}"#;
    let answer = door.asks_raw(Method::POST, "/api/calls", Some(body.into()), &[]).await;
    let seen = user.gets(&format!("/api/calls/{}", call_id(&answer.ok()))).await.ok();
    assert_eq!(seen["caller_info"], json!({ "name": "gate", "q": 2 }));
    let body = r#"{"callee_id":"user456","caller_info":{"name":"gate","name":7}}"#;
    let refused = door.asks_raw(Method::POST, "/api/calls", Some(body.into()), &[]).await.refused(400);
    assert_eq!(refused, json!({ "field": "caller_info.name", "rule": "must be a text" }));
    world.end().await;
}

/// `serde_json` by itself takes `{"accepted":null}` for `"accepted"`.
#[tokio::test(flavor = "multi_thread")]
async fn a_word_is_a_text_and_an_object_with_its_name_does_nothing() {
    let world = World::new().await;
    let (door, user) = (world.door("device123"), world.user("user456"));
    user.registers("a").await;
    let call = call_id(&door.rings("user456", 120).await);
    let no_word = |word: &str| [json!(5), json!(true), json!([]), json!({}), json!([word]), json!({ word: null })];
    let refused = |answer: Answer, field: &str| {
        assert_eq!(answer.refused(400), json!({ "field": field, "rule": "must be a text" }));
    };
    for sent in no_word("accepted") {
        let body = json!({ "call_id": call, "client_id": "user456_a", "action": sent });
        refused(user.posts("/api/calls/callee-action", body).await, "action");
    }
    for sent in no_word("cancelled") {
        let body = json!({ "call_id": call, "action": sent });
        refused(door.posts("/api/calls/caller-action", body).await, "action");
    }
    for sent in no_word("refuse") {
        refused(user.asks(Method::PUT, "/api/settings", Some(json!({ "when_busy": sent }))).await, "when_busy");
    }
    for sent in no_word("offline") {
        let body = json!({
            "client_id": "user456_a", "status": sent, "priority": 0, "last_active": 1_679_886_400_000_i64,
        });
        refused(user.asks(Method::PUT, "/api/mqtt/clients/status", Some(body)).await, "status");
    }
    for sent in no_word("sandbox") {
        let body = json!({ "client_id": "user456_a", "environment": sent });
        refused(user.posts("/api/mqtt/clients/register", body).await, "environment");
        let body = json!({ "platform": "ios", "push_token": "aa", "environment": sent });
        refused(user.posts("/api/v1/devices/register", body).await, "environment");
    }
    assert_eq!(user.gets(&format!("/api/calls/{call}")).await.ok()["state"], "ringing");
    assert_eq!(user.gets("/api/settings").await.ok(), json!({ "when_busy": "ring" }));
    let body = json!({ "call_id": call, "action": null });
    let missing = user.posts("/api/calls/callee-action", body).await.refused(400);
    assert_eq!(missing, json!({ "field": "action", "rule": "is missing" }));
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_calls_nobody_but_themselves_is_told_in_which_field() {
    let world = World::new().await;
    let dora = world.user("dora");
    dora.registers("a").await;
    for (field, body) in [
        ("callee_id", json!({ "callee_id": "dora" })),
        ("callee_ids", json!({ "callee_ids": ["dora"] })),
        ("callee_ids", json!({ "callee_ids": ["dora", "dora"] })),
    ] {
        let refused = dora.posts("/api/calls", body).await.refused(400);
        assert_eq!(refused, json!({ "field": field, "rule": "must not be the caller itself" }));
    }
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn texts_are_counted_in_characters_and_the_longest_that_are_promised_fit() {
    let world = World::new().await;
    let (door, user) = (world.door("device123"), world.user("user456"));
    user.registers("a").await;
    // An app that escapes everything needs three times the bytes.
    let text = r"\ud83d\ude00".repeat(1000);
    let body =
        format!(r#"{{"callee_id":"user456","caller_info":{{"name":"{text}"}},"invitation_data":{{"a":"{text}"}}}}"#);
    let placed = door.asks_raw(Method::POST, "/api/calls", Some(body.into_bytes()), &[]).await.ok();
    assert_eq!(placed["caller_info"]["name"], "😀".repeat(1000));
    let action = |reason: String| {
        let body = json!({ "call_id": placed["call_id"], "action": "rejected", "reason": reason });
        user.posts("/api/calls/callee-action", body)
    };
    assert_eq!(action("门".repeat(1001)).await.refused(400)["field"], "reason");
    action("门".repeat(1000)).await.ok();
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_id_that_nobody_can_have_is_refused_by_name_and_one_that_nobody_has_is_not_found() {
    let world = World::new().await;
    let door = world.door("device123");
    for bad in [json!("a".repeat(129)), json!("a\nb"), json!("\u{7f}"), json!("a\u{85}b"), json!("")] {
        let refused = door.posts("/api/calls", json!({ "callee_id": bad })).await.refused(400);
        assert_eq!(refused["field"], "callee_id", "{bad}: {refused}");
        assert!(refused["rule"].as_str().unwrap().contains("1 to 128 characters"), "{bad}: {refused}");
        let refused = door.posts("/api/calls", json!({ "callee_ids": ["anna", bad] })).await.refused(400);
        assert_eq!(refused["field"], "callee_ids[1]", "{bad}: {refused}");
    }
    // An id is any 1 to 128 characters without control characters, as login services have them. A slash is no reason to refuse one.
    world.user("anna").registers("phone").await;
    // twilio-voice-server#16: an id with a wrong capital rings nobody, and the door is told at once.
    for legal in ["a/b", "#", "auth0|5f7c", &"字".repeat(128), "Anna", "ANNA", "anna "] {
        let answer = door.posts("/api/calls", json!({ "callee_id": legal })).await;
        assert_eq!((answer.status.as_u16(), answer.code), (404, 40_402), "{legal}");
    }
    world.end().await;
}
