//! Ids as login services give them: all that a person does works, whatever their `sub`.

use std::time::Duration;

use ilock_tests::parties::call_id;
use ilock_tests::{Party, World};
use serde_json::{Value, json};

/// The kinds of `sub` that real services send, and characters that mean something in topics, paths or JSON.
fn real_subs() -> [String; 20] {
    serde_json::from_str(include_str!("../../../events/tests/real_subs.json")).unwrap()
}

/// The row of `call` in the party's history, once it is there.
async fn listed(party: &Party, call: &str) -> Value {
    for _ in 0..800 {
        let calls = party.gets("/api/calls").await.ok();
        if let Some(row) = calls["calls"].as_array().unwrap().iter().find(|row| row["call_id"] == call) {
            return row.clone();
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    panic!("{call} is not in the history of {}", party.id);
}

async fn a_whole_life(world: &World, sub: &str) {
    let (door, user) = (world.door("device123"), world.user(sub));
    // Apps put the user's id before what they add.
    let mut phone = world.phone(&user, "android_1").await;
    let client = phone.credentials.client_id.clone();
    assert_eq!(user.registers("android_1").await["mqtt_credentials"]["client_id"], client.as_str(), "{sub}");

    let call = call_id(&door.rings(sub, 30).await);
    let incoming = phone.hears("incoming").await;
    assert_eq!(incoming["call_id"], call.as_str(), "{sub}");
    let bare = incoming["room_info"]["user_id"].as_str().unwrap();
    let accepted = user.callee_action(&call, "accepted", Some(&client)).await.ok();
    assert_eq!((&accepted["state"], &accepted["callee_id"]), (&json!("active"), &json!(sub)));
    assert_eq!(accepted["room_info"]["user_id"], format!("{bare}_0"), "{sub}");
    assert_eq!(phone.hears("accepted").await["device_id"], client.as_str(), "{sub}");
    door.caller_action(&call, "hangup").await.ok();
    phone.hears("hangup").await;

    for (party, peer) in [(&user, "device123"), (&door, sub)] {
        assert_eq!(listed(party, &call).await["peer_id"], peer, "{sub}");
    }
    let path = format!("/api/mqtt/clients/{client}");
    user.asks(reqwest::Method::DELETE, &path, None).await.ok();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_with_any_sub_registers_is_rung_answers_and_finds_it_in_the_history() {
    let world = World::new().await;
    for sub in real_subs() {
        a_whole_life(&world, &sub).await;
    }
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_has_a_number_may_send_a_number() {
    let world = World::new().await;
    let user = world.user("42");
    let mut phone = world.phone(&user, "android_1").await;
    let body = json!({ "client_id": "android_1", "user_id": 42 });
    user.posts("/api/mqtt/clients/register", body).await.ok();
    let call = world.door("device123").posts("/api/calls", json!({ "callee_id": 42 })).await.ok();
    assert_eq!(call["callee_id"], "42");
    assert_eq!(phone.hears("incoming").await["call_id"], call["call_id"]);
    world.end().await;
}
