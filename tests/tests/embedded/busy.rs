//! Somebody calls who is in a call already; and too many who have never been reached.

use std::time::Duration;

use ilock_local::Options;
use ilock_tests::World;
use ilock_tests::parties::{Answer, Party, call_id};
use reqwest::Method;
use serde_json::{Value, json};

async fn presses(caller: &Party, callee: &str) -> Answer {
    caller.posts("/api/calls", json!({ "callee_id": callee, "ring_seconds": 30 })).await
}

async fn when_busy(person: &Party, word: &str) {
    let body = json!({ "when_busy": word });
    assert_eq!(person.asks(Method::PUT, "/api/settings", Some(body.clone())).await.ok(), body);
    assert_eq!(person.gets("/api/settings").await.ok(), body);
}

/// Anna talks with the door.
async fn talks(door: &Party, anna: &Party) -> String {
    let call = call_id(&presses(door, "anna").await.ok());
    anna.callee_action(&call, "accepted", Some("anna_phone")).await.ok();
    call
}

#[tokio::test(flavor = "multi_thread")]
async fn settings_are_a_persons_and_have_two_words() {
    let world = World::new().await;
    let anna = world.user("anna");
    assert_eq!(anna.gets("/api/settings").await.ok(), json!({ "when_busy": "ring" }));
    let wrong = anna.asks(Method::PUT, "/api/settings", Some(json!({ "when_busy": "never" }))).await;
    assert_eq!(wrong.refused(400)["field"], "when_busy");
    assert_eq!(anna.asks(Method::PUT, "/api/settings", Some(json!({}))).await.refused(400)["field"], "when_busy");
    world.door("device123").gets("/api/settings").await.refused(403);
    world.door("device123").asks(Method::PUT, "/api/settings", Some(json!({ "when_busy": "ring" }))).await.refused(403);
    when_busy(&anna, "refuse").await;
    assert_eq!(world.user("bert").gets("/api/settings").await.ok(), json!({ "when_busy": "ring" }));
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_call_rings_and_says_that_it_is_one() {
    let world = World::new().await;
    let (door, gate, anna) = (world.door("device123"), world.door("gate"), world.user("anna"));
    let mut phone = world.phone(&anna, "phone").await;
    let first = call_id(&presses(&door, "anna").await.ok());
    assert_eq!(phone.hears("incoming").await["waiting"], false);
    // Who is only being rung is in no call.
    let second = call_id(&presses(&gate, "anna").await.ok());
    assert_eq!(phone.hears("incoming").await["waiting"], false);
    gate.caller_action(&second, "cancelled").await.ok();
    phone.hears("cancelled").await;
    anna.callee_action(&first, "accepted", Some("anna_phone")).await.ok();
    phone.hears("accepted").await;
    let third = call_id(&presses(&gate, "anna").await.ok());
    assert_eq!(phone.hears("incoming").await["waiting"], true);
    gate.caller_action(&third, "cancelled").await.ok();
    phone.hears("cancelled").await;
    // Nobody clears the entry of a call that is over; it is not believed.
    door.caller_action(&first, "hangup").await.ok();
    phone.hears("hangup").await;
    presses(&gate, "anna").await.ok();
    assert_eq!(phone.hears("incoming").await["waiting"], false);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_calls_is_in_a_call() {
    let world = World::new().await;
    let (door, anna, bert) = (world.door("device123"), world.user("anna"), world.user("bert"));
    let mut phone = world.phone(&anna, "phone").await;
    bert.registers("phone").await;
    let call = call_id(&presses(&anna, "bert").await.ok());
    phone.hears("ringing").await;
    presses(&door, "anna").await.ok();
    assert_eq!(phone.hears("incoming").await["waiting"], true);
    anna.caller_action(&call, "cancelled").await.ok();
    world.end().await;
}

/// "Busy" from one phone ends the ring for the whole family (element-web#1964, twilio-voice-react-native#221).
#[tokio::test(flavor = "multi_thread")]
async fn a_phone_that_rejects_because_it_is_busy_silences_itself_alone_and_the_last_one_ends_the_call() {
    let world = World::new().await;
    let (door, anna) = (world.door("device123"), world.user("anna"));
    let mut panel = world.phone(&door, "panel").await;
    let (mut tablet, mut phone) = (world.phone(&anna, "tablet").await, world.phone(&anna, "phone").await);
    let call = call_id(&door.rings("anna", 30).await);
    for rings in [&mut tablet, &mut phone] {
        rings.hears("incoming").await;
    }
    panel.hears("ringing").await;
    let busy = async |name: &str| {
        let body =
            json!({ "call_id": call, "action": "rejected", "reason": "busy", "client_id": format!("anna_{name}") });
        anna.asks_with(Method::POST, "/api/calls/callee-action", Some(body), &[("idempotency-key", name)]).await
    };
    let view = busy("tablet").await.ok();
    assert_eq!((&view["state"], &view["remaining_ms"]), (&json!("ringing"), &json!(0)));
    assert_eq!(tablet.hears("declined").await["device_id"], "anna_tablet");
    assert_eq!(phone.hears("declined").await["state"], "ringing");
    let view = anna.gets(&format!("/api/calls/{call}?client_id=anna_phone")).await.ok();
    assert!(view["remaining_ms"].as_i64().unwrap() > 20_000, "the other phone rings on: {view}");

    let view = busy("phone").await.ok();
    assert_eq!((&view["state"], &view["reason"]), (&json!("rejected"), &json!("busy")));
    assert_eq!(panel.hears("rejected").await["reason_code"], "busy");
    assert_eq!(busy("tablet").await.ok()["state"], "rejected", "the same request once more is what it was");
    world.end().await;
}

/// Phones that a call does not reach leave the word to the one that rings.
#[tokio::test(flavor = "multi_thread")]
async fn busy_from_the_only_phone_that_rings_ends_the_call_whatever_else_is_registered() {
    let world = World::new().await;
    let (door, gus) = (world.door("device123"), world.user("gus"));
    for name in ["old_1", "old_2"] {
        gus.registers(name).await;
    }
    tokio::time::sleep(Duration::from_millis(5_200)).await;
    let mut panel = world.phone(&door, "panel").await;
    let mut live = world.phone(&gus, "live").await;
    let call = call_id(&door.rings("gus", 30).await);
    live.hears("incoming").await;
    panel.hears("ringing").await;
    let body = json!({ "call_id": call, "action": "rejected", "reason": "busy", "client_id": "gus_live" });
    let view = gus.posts("/api/calls/callee-action", body).await.ok();
    assert_eq!((&view["state"], &view["reason"]), (&json!("rejected"), &json!("busy")));
    assert_eq!(panel.hears("rejected").await["reason_code"], "busy");
    world.end().await;
}

/// The request may come again when another phone can be reached.
#[tokio::test(flavor = "multi_thread")]
async fn busy_from_the_only_phone_sent_again_is_the_same_request_though_another_phone_has_come() {
    let world = World::new().await;
    let (door, gus) = (world.door("device123"), world.user("gus"));
    let mut live = world.phone(&gus, "live").await;
    let call = call_id(&door.rings("gus", 30).await);
    live.hears("incoming").await;
    let body = json!({ "call_id": call, "action": "rejected", "reason": "busy", "client_id": "gus_live" });
    let says = async || {
        let (path, key) = ("/api/calls/callee-action", [("idempotency-key", "busy")]);
        gus.asks_with(Method::POST, path, Some(body.clone()), &key).await
    };
    assert_eq!(says().await.ok()["state"], "rejected");
    let _tablet = world.phone(&gus, "tablet").await;
    let again = says().await;
    assert!(again.replayed);
    assert_eq!(again.ok()["state"], "rejected");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_does_not_want_to_be_rung_while_busy_refuses_at_once_and_history_and_log_have_it() {
    let world = World::new().await;
    let (door, gate, anna) = (world.door("device123"), world.door("gate"), world.user("anna"));
    let mut phone = world.phone(&anna, "phone").await;
    let mut panel = world.phone(&gate, "panel").await;
    when_busy(&anna, "refuse").await;
    let first = talks(&door, &anna).await;
    phone.hears("incoming").await;
    phone.hears("accepted").await;
    let pushed = world.stack.push.shown().len();
    let view = presses(&gate, "anna").await.ok();
    assert_eq!((&view["state"], &view["reason"]), (&json!("rejected"), &json!("busy")));
    let told = panel.hears("rejected").await;
    assert_eq!((&told["call_id"], &told["reason_code"]), (&view["call_id"], &json!("busy")));
    phone.hears_nothing(Duration::from_secs(1)).await;
    assert_eq!(world.stack.push.shown().len(), pushed);
    let history = world.log(&call_id(&view)).await;
    assert_eq!(history.commits.len(), 1);
    // Nobody was first.
    let late = [gate.caller_action(&call_id(&view), "cancelled").await, {
        anna.callee_action(&call_id(&view), "accepted", Some("anna_phone")).await
    }];
    for answer in late {
        assert_eq!(answer.refused(409), json!({ "state": "rejected" }));
    }
    for party in [&anna, &gate] {
        let calls = party.gets("/api/calls").await.ok()["calls"].clone();
        let row = calls.as_array().unwrap().iter().find(|row| row["call_id"] == view["call_id"]).unwrap().clone();
        assert_eq!((&row["state"], &row["reason"]), (&json!("rejected"), &json!("busy")), "{row}");
    }
    // The first call goes on as if nothing had been; after it she is rung.
    door.caller_action(&first, "hangup").await.ok();
    phone.hears("hangup").await;
    assert_eq!(presses(&gate, "anna").await.ok()["state"], "ringing");
    phone.hears("incoming").await;
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_household_the_others_ring() {
    let world = World::new().await;
    let (door, gate, anna, bert) =
        (world.door("device123"), world.door("gate"), world.user("anna"), world.user("bert"));
    let (mut annas, mut berts) = (world.phone(&anna, "phone").await, world.phone(&bert, "phone").await);
    when_busy(&anna, "refuse").await;
    talks(&door, &anna).await;
    annas.hears("incoming").await;
    annas.hears("accepted").await;
    let view = gate.posts("/api/calls", json!({ "callee_ids": ["anna", "bert"], "ring_seconds": 30 })).await.ok();
    assert_eq!(view["state"], "ringing");
    assert_eq!(berts.hears("incoming").await["waiting"], false);
    annas.hears_nothing(Duration::from_secs(1)).await;
    // Bert is in it alone: once he rejects, nobody takes it.
    let rejected = bert.callee_action(&call_id(&view), "rejected", Some("bert_phone")).await.ok();
    assert_eq!(rejected["state"], "rejected");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn three_strangers_ring_a_person_at_a_time_and_doors_and_known_callers_are_not_counted() {
    let read = |name: &str| (name == "LIMIT_PRESSES_A_MINUTE").then(|| "20".to_owned());
    let world = World::with(Options { settings: Box::new(read), ..Options::anywhere() }).await;
    let anna = world.user("anna");
    anna.registers("phone").await;
    let bert = world.user("bert");
    let call = call_id(&presses(&bert, "anna").await.ok());
    anna.callee_action(&call, "accepted", Some("anna_phone")).await.ok();
    bert.caller_action(&call, "hangup").await.ok();
    let stranger = |n: usize| world.user(&format!("stranger{n}"));
    let mut calls: Vec<Value> = vec![];
    for n in 0..3 {
        calls.push(presses(&stranger(n), "anna").await.ok());
    }
    let refused = presses(&stranger(3), "anna").await;
    assert_eq!(refused.code, 42_903);
    let seconds = refused.refused(429)["retry_after"].as_i64().unwrap();
    assert!((1..=30).contains(&seconds), "{seconds}");
    assert_eq!(presses(&stranger(0), "anna").await.ok()["repeated"], true, "who rings already repeats");
    presses(&world.door("device123"), "anna").await.ok();
    presses(&bert, "anna").await.ok();
    world.user("clara").registers("phone").await;
    presses(&stranger(3), "clara").await.ok();
    // One gives up, and another may.
    stranger(1).caller_action(&call_id(&calls[1]), "cancelled").await.ok();
    presses(&stranger(3), "anna").await.ok();
    assert_eq!(presses(&stranger(4), "anna").await.code, 42_903);
    // Of a household the others ring; and a stranger whom she has blocked is answered as any other.
    let view =
        stranger(4).posts("/api/calls", json!({ "callee_ids": ["anna", "clara"], "ring_seconds": 30 })).await.ok();
    assert_eq!((&view["state"], &view["not_rung"]), (&json!("ringing"), &json!(["anna"])));
    anna.asks(Method::PUT, "/api/blocks?caller_id=stranger5", None).await.ok();
    assert_eq!(presses(&stranger(5), "anna").await.code, 42_903);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_strangers_at_once_three_ring() {
    let read = |name: &str| (name == "LIMIT_PRESSES_A_MINUTE").then(|| "20".to_owned());
    let world = World::with(Options { settings: Box::new(read), ..Options::anywhere() }).await;
    world.user("anna").registers("phone").await;
    let strangers: Vec<Party> = (0..12).map(|n| world.user(&format!("stranger{n}"))).collect();
    let answers = futures::future::join_all(strangers.iter().map(|stranger| presses(stranger, "anna"))).await;
    let rang = answers.iter().filter(|answer| answer.code == 0).count();
    assert!(answers.iter().all(|answer| [0, 42_903].contains(&answer.code)), "{answers:?}");
    assert_eq!(rang, 3);
    world.end().await;
}
