//! Seeing who is there before answering.

use ilock_tests::parties::call_id;
use ilock_tests::{Party, World};
use ilock_trtc::{ALL_PRIVILEGES, Credential, RECEIVE_ONLY};
use serde_json::Value;

/// What the credential for the room in `view` permits: the privileges, whose it is, and for how many seconds.
fn permits(view: &Value) -> Option<(u32, String, u32)> {
    let room = &view["room_info"];
    let key = Credential::decode(room["private_map_key"].as_str()?).unwrap();
    assert_eq!(room["user_id"], key.identifier.as_str());
    let userbuf = key.room.unwrap();
    assert_eq!(room["room_id"], userbuf.room.to_string());
    assert_eq!(room["receive_only"] == true, userbuf.privileges == RECEIVE_ONLY, "{view}");
    Some((userbuf.privileges, key.identifier, key.expire))
}

async fn looks(party: &Party, call: &str, client: Option<&str>) -> Value {
    let client = client.map(|client| format!("?client_id={client}")).unwrap_or_default();
    party.gets(&format!("/api/calls/{call}{client}")).await.ok()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_phone_that_rings_may_look_and_listen_until_the_deadline_and_the_log_says_so() {
    let world = World::new().await;
    let (door, anna) = (world.door("device123"), world.user("anna"));
    anna.registers("one").await;
    anna.registers("two").await;
    let placed = door.rings("anna", 30).await;
    let call = call_id(&placed);
    assert_eq!(permits(&placed).unwrap().0, ALL_PRIVILEGES, "the caller is seen and heard from the beginning");

    // Nothing before the log has it.
    let before = looks(&anna, &call, Some("one")).await;
    assert_eq!((permits(&before), &before["room_info"]["user_id"]), (None, &Value::from("anna_0")));

    let first = anna.callee_action(&call, "ringing", Some("one")).await.ok();
    let (privileges, user, seconds) = permits(&first).unwrap();
    assert_eq!((privileges, user.as_str()), (RECEIVE_ONLY, "anna_0"));
    assert!((25..=32).contains(&seconds), "it ends with the ringing, not after {seconds} s");
    // Each phone under a name of its own: none puts the other out.
    assert_eq!(permits(&looks(&anna, &call, Some("two")).await), None);
    let second = anna.callee_action(&call, "ringing", Some("anna_two")).await.ok();
    assert_eq!(permits(&second).unwrap().1, "anna_1");
    for (client, user) in [("one", "anna_0"), ("anna_two", "anna_1")] {
        let (privileges, entered, _) = permits(&looks(&anna, &call, Some(client)).await).unwrap();
        assert_eq!((privileges, entered.as_str()), (RECEIVE_ONLY, user));
    }
    assert_eq!(permits(&looks(&anna, &call, None).await), None, "of two phones neither, which it does not say");

    let log = world.log(&call).await;
    let alerted = log.call.placed.as_ref().unwrap().alerted.as_ref().unwrap();
    assert!(alerted.preview && alerted.client_id.as_ref().unwrap().as_str() == "anna_one");
    let [later] = log.alerts.as_slice() else { panic!("one phone more: {:?}", log.alerts) };
    assert!(later.preview && later.client_id.as_ref().unwrap().as_str() == "anna_two");

    // Whoever answers is seen and heard; to the other phones the room is closed.
    let accepted = anna.callee_action(&call, "accepted", Some("two")).await.ok();
    assert_eq!(permits(&accepted).unwrap().0, ALL_PRIVILEGES);
    assert_eq!(permits(&looks(&anna, &call, Some("two")).await).unwrap().1, "anna_1");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn in_a_household_each_looks_for_themselves_and_who_rejected_looks_no_more() {
    let world = World::new().await;
    let door = world.door("device123");
    let people = ["anna", "ben"].map(|id| world.user(id));
    for person in &people {
        person.registers("phone").await;
    }
    let [anna, ben] = &people;
    let body = serde_json::json!({ "callee_ids": ["anna", "ben"], "ring_seconds": 30 });
    let call = call_id(&door.posts("/api/calls", body).await.ok());
    anna.callee_action(&call, "ringing", Some("phone")).await.ok();
    assert_eq!(permits(&looks(ben, &call, Some("phone")).await), None, "that Anna's phone rings says nothing of Ben's");
    let rung = ben.callee_action(&call, "ringing", None).await.ok();
    assert_eq!(permits(&rung).unwrap().1, "ben_0", "with one phone nobody need say which it is");

    ben.callee_action(&call, "rejected", None).await.ok();
    assert!(looks(ben, &call, None).await.get("room_info").is_none());
    anna.callee_action(&call, "accepted", None).await.ok();
    assert!(looks(ben, &call, None).await.get("room_info").is_none());
    assert_eq!(permits(&looks(anna, &call, None).await).unwrap().0, ALL_PRIVILEGES);
    world.end().await;
}
