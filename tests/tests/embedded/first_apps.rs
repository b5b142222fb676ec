//! The JSON of the documents that the first apps were written from, sent byte for byte and heard again.

use ilock_tests::World;
use ilock_tests::phone::{Credentials, Phone, Version};
use reqwest::{Method, StatusCode};
use serde_json::Value;

macro_rules! block {
    ($name:literal) => {
        include_str!(concat!("../../../events/tests/first_apps/", $name, ".json"))
    };
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

/// All fields of `shown` are in `ours` with the same kind of JSON; those named in `same` have the same value.
fn holds(shown: &Value, ours: &Value, same: &[&str], at: &str) {
    let Some(fields) = shown.as_object() else {
        assert_eq!(std::mem::discriminant(shown), std::mem::discriminant(ours), "{at}: {shown} and {ours}");
        return;
    };
    for (name, value) in fields {
        let path = format!("{at}.{name}");
        holds(value, ours.get(name).unwrap_or_else(|| panic!("{path} is missing: {ours}")), same, &path);
        if same.iter().any(|end| path.ends_with(end)) {
            assert_eq!(value, &ours[name], "{path}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_documents_send_is_answered_and_heard_as_they_show() {
    let world = World::new().await;
    let (door, user) = (world.door("device123"), world.user("user456"));
    let send = async |method, path, body: &str| {
        let answer = user.asks_raw(method, path, Some(body.as_bytes().to_vec()), &[]).await;
        assert_eq!(answer.status, StatusCode::OK, "{path}: {answer:?}");
        serde_json::json!({ "code": answer.code, "message": answer.message, "data": answer.data })
    };

    let registered = send(Method::POST, "/api/mqtt/clients/register", block!("register.request")).await;
    let same = ["code", "message", "username", "client_id", "incoming_calls", "call_control", "device_sync"];
    holds(&json(block!("register.reply")), &registered, &same, "register");
    let mut phone = Phone::with(Credentials::of(&registered["data"]), Version::V311).await.unwrap();
    let status = send(Method::PUT, "/api/mqtt/clients/status", block!("status.request")).await;
    assert_eq!(status, json(block!("status.reply")));

    // A phone beside it, which the sync is for.
    let mut other = world.phone(&user, "tablet").await;
    let call = door.rings("user456", 30).await;
    let same = ["caller_id", "name", "location", "user_id"];
    let incoming = phone.hears("incoming").await;
    holds(&json(block!("incoming")), &incoming, &same, "incoming");
    let room = incoming["room_info"]["room_id"].as_str().unwrap();
    assert!(room.parse::<i32>().is_ok(), "the SDK of that app takes a number: {room}");
    assert!(incoming["call_id"].as_str().unwrap().starts_with("call_device123_user456_"), "{incoming}");

    let call = call["call_id"].as_str().unwrap();
    // Nobody names a client here: these apps do not.
    let body = format!(r#"{{"call_id":"{call}","action":"accepted","reason":null}}"#);
    send(Method::POST, "/api/calls/callee-action", &body).await;
    other.hears("incoming").await;
    holds(&json(block!("sync")), &other.hears("accepted").await, &["action"], "sync");
    // Nobody knows which of the two phones it was, so both are told.
    phone.hears("accepted").await;
    let hangup = serde_json::json!({ "call_id": call, "action": "hangup", "reason": "通话已结束" });
    door.posts("/api/calls/caller-action", hangup).await.ok();
    holds(&json(block!("control")), &phone.hears("hangup").await, &["action", "reason"], "control");
    world.end().await;
}
