//! Which client acts in a call, and how that is known.

use ilock_auth::Role;
use ilock_events::ClientProof;
use ilock_tests::World;
use ilock_tests::parties::call_id;
use serde_json::{Value, json};

#[tokio::test(flavor = "multi_thread")]
async fn nobody_acts_in_the_name_of_a_client_that_is_not_registered() {
    let world = World::new().await;
    let (door, anna, ben) = (world.door("device123"), world.user("anna"), world.user("ben"));
    anna.registers("one").await;
    ben.registers("phone").await;
    let call = call_id(&door.rings("anna", 30).await);
    let says_so = |data: Value| {
        assert_eq!(data["field"], "client_id");
        assert!(data["rule"].as_str().unwrap().contains("that is registered"), "{data}");
    };
    for action in ["ringing", "accepted", "declined", "rejected", "hangup"] {
        says_so(anna.callee_acts(&call, action, Some("anna_made_up")).await.refused(400));
        // Ben's phone is none of hers: her client of that name would be another one.
        says_so(anna.callee_acts(&call, action, Some("ben_phone")).await.refused(400));
    }
    let cancels = json!({ "call_id": call, "action": "cancelled", "client_id": "made_up" });
    says_so(door.posts("/api/calls/caller-action", cancels).await.refused(400));
    says_so(door.posts("/api/calls", json!({ "callee_id": "anna", "client_id": "made_up" })).await.refused(400));
    says_so(anna.gets(&format!("/api/calls/{call}?client_id=made_up")).await.refused(400));
    assert_eq!(world.log(&call).await.commits.len(), 1, "nothing of that stands in the log");

    // A stranger is not told more than before.
    world.user("eve").callee_acts(&call, "accepted", Some("made_up")).await.refused(404);
    // Acting without a name stays possible.
    anna.registers("two").await;
    let accepted = anna.callee_acts(&call, "accepted", None).await.ok();
    assert_eq!((&accepted["answered_by"], &accepted["room_info"]["user_id"]), (&json!("anna"), &json!("anna_n")));
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_says_whether_it_was_that_client_or_somebody_who_said_so_and_auditors_read_it() {
    let world = World::new().await;
    let door = world.door("device123");
    let (phone, tablet) = (world.logged_in("anna", Some("s-phone")), world.logged_in("anna", Some("s-tablet")));
    phone.registers("phone").await;
    tablet.registers("tablet").await;
    let call = call_id(&door.rings("anna", 30).await);
    phone.callee_acts(&call, "ringing", Some("phone")).await.ok();
    tablet.callee_acts(&call, "ringing", Some("tablet")).await.ok();
    // In the name of the other one.
    phone.callee_acts(&call, "declined", Some("tablet")).await.ok();
    let refreshed = world.logged_in("anna", Some("s-phone"));
    refreshed.callee_acts(&call, "accepted", Some("phone")).await.ok();

    let log = world.log(&call).await;
    let how: Vec<Option<ClientProof>> = log.commits.iter().map(|commit| commit.cmd.client_is).collect();
    let (proved, claimed) = (Some(ClientProof::Proved), Some(ClientProof::Claimed));
    assert_eq!(how, [None, proved, claimed, proved]);
    assert_eq!(log.alerts.iter().map(|alert| alert.client_is).collect::<Vec<_>>(), [proved]);

    let auditor = world.party("auditor7", Role::Auditor);
    let events = auditor.gets(&format!("/api/audit/calls/{call}/events")).await.ok();
    let words = events["commits"].as_array().unwrap().iter().map(|commit| commit["cmd"]["client_is"].clone());
    assert_eq!(words.collect::<Vec<_>>(), [Value::Null, json!("proved"), json!("claimed"), json!("proved")]);
    let [later] = events["alerts"].as_array().unwrap().as_slice() else { panic!("{events}") };
    assert_eq!((&later["client_id"], &later["client_is"]), (&json!("anna_tablet"), &json!("proved")));
    assert!(!events["receipts"].as_array().unwrap().is_empty());
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn where_the_login_service_names_no_session_a_client_is_claimed() {
    let world = World::new().await;
    let (door, anna) = (world.door("device123"), world.user("anna"));
    anna.registers("phone").await;
    let call = call_id(&door.rings("anna", 30).await);
    anna.callee_acts(&call, "accepted", None).await.ok();
    let log = world.log(&call).await;
    assert_eq!(log.commits[1].actor.name(), "anna_phone", "the only one there is");
    assert_eq!(log.commits[1].cmd.client_is, Some(ClientProof::Claimed));
    world.end().await;
}
