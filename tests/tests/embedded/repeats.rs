//! One visitor, many presses: one call. And one call only, however the presses come.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use futures::future::join_all;
use ilock_directory::{Lease, Reserved};
use ilock_env::Clock;
use ilock_events::{CallId, RoomId};
use ilock_local::Options;
use ilock_tests::World;
use ilock_tests::parties::{Answer, Party, call_id};
use ilock_tests::phone::kind;
use reqwest::Method;
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

async fn presses_with(caller: &Party, key: &str, body: Value) -> Answer {
    caller.asks_with(Method::POST, "/api/calls", Some(body), &[("idempotency-key", key)]).await
}

async fn limited(settings: &'static [(&'static str, &'static str)]) -> World {
    let read = move |name: &str| settings.iter().find(|(set, _)| *set == name).map(|(_, value)| (*value).to_owned());
    World::with(Options { settings: Box::new(read), ..Options::anywhere() }).await
}

fn to_anna(name: &str) -> Value {
    json!({ "callee_id": "anna", "ring_seconds": 30, "caller_info": { "name": name } })
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_presses_while_it_rings_are_one_call_with_the_text_of_the_first() {
    let world = World::new().await;
    let (door, anna) = (world.door("device123"), world.user("anna"));
    let mut phone = world.phone(&anna, "phone").await;
    let first = presses_with(&door, "press-0", to_anna("first")).await;
    assert!(!first.replayed);
    let first = first.ok();
    assert_eq!(first["repeated"], false);
    phone.hears("incoming").await;
    for n in 1..10 {
        let again = presses_with(&door, &format!("press-{n}"), to_anna("later")).await;
        assert!(again.replayed, "a header says so");
        let again = again.ok();
        assert_eq!((call_id(&again), &again["repeated"]), (call_id(&first), &json!(true)));
        assert_eq!(again["caller_info"]["name"], "first");
        assert!(again["room_info"]["user_sig"].is_string(), "and it is a way into the room");
    }
    phone.hears_nothing(Duration::from_secs(1)).await;
    assert_eq!(world.log(&call_id(&first)).await.commits.len(), 1);
    assert_eq!(anna.gets("/api/calls").await.ok()["calls"].as_array().unwrap().len(), 1);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_key_of_a_repeated_press_answers_that_call_for_good() {
    let world = World::new().await;
    let (door, anna) = (world.door("device123"), world.user("anna"));
    anna.registers("phone").await;
    let call = call_id(&presses_with(&door, "one", to_anna("door")).await.ok());
    assert_eq!(call_id(&presses_with(&door, "two", to_anna("door")).await.ok()), call);
    door.caller_action(&call, "cancelled").await.ok();
    let again = presses_with(&door, "two", to_anna("door")).await;
    assert!(again.replayed);
    let again = again.ok();
    assert_eq!((call_id(&again), &again["state"]), (call.clone(), &json!("cancelled")));
    let own = presses_with(&door, "one", to_anna("door")).await;
    assert!(own.replayed);
    assert_eq!(own.ok()["state"], "cancelled");
    // It is a key of that request alone.
    world.user("bert").registers("phone").await;
    presses_with(&door, "two", json!({ "callee_id": "bert" })).await.refused(422);
    // A new press is a new call.
    assert_ne!(call_id(&presses_with(&door, "three", to_anna("door")).await.ok()), call);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_comes_again_gets_its_call_though_the_household_has_changed_meanwhile() {
    let world = World::new().await;
    let (door, anna, ben) = (world.door("device123"), world.user("anna"), world.user("ben"));
    anna.registers("phone").await;
    let household = || json!({ "callee_ids": ["anna", "ben"], "ring_seconds": 60 });
    let first = presses_with(&door, "one", household()).await.ok();
    assert_eq!(first["not_rung"], json!(["ben"]));
    let comes_again = async || {
        let again = presses_with(&door, "one", household()).await;
        assert!(again.replayed);
        let again = again.ok();
        assert_eq!((call_id(&again), &again["not_rung"]), (call_id(&first), &json!(["ben"])));
    };
    ben.registers("phone").await;
    comes_again().await;
    for (person, client) in [(&anna, "anna_phone"), (&ben, "ben_phone")] {
        person.asks(Method::DELETE, &format!("/api/mqtt/clients/{client}"), None).await.ok();
    }
    comes_again().await;
    // Nobody is there for another request, and another time is another request.
    presses_with(&door, "two", household()).await.refused(404);
    let other = json!({ "callee_ids": ["anna", "ben"], "ring_seconds": 61 });
    presses_with(&door, "one", other).await.refused(422);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_is_for_the_same_people_and_the_same_time_alone() {
    let world = World::new().await;
    let (door, carl) = (world.door("device123"), world.user("carl"));
    world.user("bea").registers("phone").await;
    carl.registers("phone").await;
    let to = |people: &[&str], seconds: u32| json!({ "callee_ids": people, "ring_seconds": seconds });
    let placed = presses_with(&door, "placed", to(&["bea", "nobody"], 60)).await.ok();
    let repeated = presses_with(&door, "repeated", to(&["bea", "nobody"], 30)).await.ok();
    assert_eq!((call_id(&repeated), &repeated["repeated"]), (call_id(&placed), &json!(true)));
    for (key, seconds) in [("placed", 60), ("repeated", 30)] {
        for same in [&["bea", "nobody"][..], &["nobody", "bea"], &["bea", "nobody", "bea"]] {
            let again = presses_with(&door, key, to(same, seconds)).await;
            assert!(again.replayed, "{key}: {same:?}");
            let again = again.ok();
            assert_eq!((call_id(&again), &again["not_rung"]), (call_id(&placed), &json!(["nobody"])));
        }
        for other in [&["bea"][..], &["bea", "carl"], &["bea", "nobody", "carl"], &["bea", "nobody2"], &["carl"]] {
            presses_with(&door, key, to(other, seconds)).await.refused(422);
        }
        presses_with(&door, key, to(&["bea", "nobody"], 5)).await.refused(422);
    }
    assert_eq!(carl.gets("/api/calls").await.ok()["calls"], json!([]));
    // Also where the first request was in vain.
    presses_with(&door, "in-vain", to(&["nobody"], 30)).await.refused(404);
    presses_with(&door, "in-vain", to(&["nobody", "nobody2"], 30)).await.refused(422);
    presses_with(&door, "in-vain", to(&["nobody"], 30)).await.refused(404);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn presses_at_once_under_different_keys_are_one_call() {
    let world = World::new().await;
    world.user("anna").registers("phone").await;
    world.user("bert").registers("phone").await;
    for round in 0..8 {
        let door = world.door(&format!("door{round}"));
        let body = if round % 2 == 0 { to_anna("door") } else { json!({ "callee_ids": ["anna", "bert"] }) };
        let keys: Vec<String> = (0..5).map(|n| format!("{round}-{n}")).collect();
        let answers = join_all(keys.iter().map(|key| presses_with(&door, key, body.clone()))).await;
        let answers: Vec<Value> = answers.into_iter().map(Answer::ok).collect();
        let calls: BTreeSet<String> = answers.iter().map(call_id).collect();
        assert_eq!(calls.len(), 1, "{answers:?}");
        assert_eq!(answers.iter().filter(|answer| answer["repeated"] == false).count(), 1, "{answers:?}");
    }
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_press_while_the_call_lasts_answers_it_and_rings_nobody() {
    let world = World::new().await;
    let (door, anna) = (world.door("device123"), world.user("anna"));
    let mut phone = world.phone(&anna, "phone").await;
    let call = call_id(&door.posts("/api/calls", to_anna("door")).await.ok());
    phone.hears("incoming").await;
    anna.callee_action(&call, "accepted", Some("anna_phone")).await.ok();
    phone.hears("accepted").await;
    let again = door.posts("/api/calls", to_anna("door")).await.ok();
    assert_eq!((call_id(&again), &again["state"], &again["repeated"]), (call, &json!("active"), &json!(true)));
    phone.hears_nothing(Duration::from_secs(1)).await;
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn other_people_and_other_callers_are_other_calls() {
    let world = World::new().await;
    let (door, gate) = (world.door("device123"), world.door("gate"));
    for person in ["anna", "bert"] {
        world.user(person).registers("phone").await;
    }
    let mut calls = BTreeSet::new();
    calls.insert(call_id(&door.posts("/api/calls", to_anna("door")).await.ok()));
    calls.insert(call_id(&gate.posts("/api/calls", to_anna("gate")).await.ok()));
    calls.insert(call_id(&door.posts("/api/calls", json!({ "callee_id": "bert" })).await.ok()));
    calls.insert(call_id(&door.posts("/api/calls", json!({ "callee_ids": ["bert", "anna"] })).await.ok()));
    assert_eq!(calls.len(), 4);
    // The set counts, not the order.
    let household = door.posts("/api/calls", json!({ "callee_ids": ["anna", "bert"] })).await.ok();
    assert_eq!(household["repeated"], true);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn phones_that_have_not_said_that_they_ring_are_told_again_but_not_more_often_than_every_five_seconds() {
    let world = World::new().await;
    let (door, anna) = (world.door("device123"), world.user("anna"));
    let mut phone = world.phone(&anna, "phone").await;
    let call = call_id(&door.posts("/api/calls", to_anna("door")).await.ok());
    let pushed = world.stack.push.shown().len();
    let begun = tokio::time::Instant::now();
    while begun.elapsed() < Duration::from_millis(11_500) {
        let presses = (0..3).map(|_| door.posts("/api/calls", to_anna("door")));
        for answer in join_all(presses).await {
            assert_eq!(call_id(&answer.ok()), call);
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    let heard = phone.all_within(Duration::from_millis(500)).await;
    let rings: Vec<_> = heard.iter().filter(|heard| kind(heard) == "incoming").collect();
    assert_eq!(rings.len(), 3, "at once, and after five and ten seconds: {rings:?}");
    for again in &rings[1..] {
        assert_eq!(again.body["message_id"], rings[0].body["message_id"], "a phone that rings drops it");
        assert!(again.body["remaining_ms"].as_i64().unwrap() < rings[0].body["remaining_ms"].as_i64().unwrap());
    }
    assert_eq!(world.stack.push.shown().len(), pushed, "and nobody by push");
    // Who rings need not be told.
    anna.callee_action(&call, "ringing", Some("anna_phone")).await.ok();
    tokio::time::sleep(Duration::from_millis(5_100)).await;
    assert_eq!(door.posts("/api/calls", to_anna("door")).await.ok()["repeated"], true);
    let heard = phone.all_within(Duration::from_millis(500)).await;
    assert!(heard.iter().all(|heard| kind(heard) != "incoming"), "{heard:?}");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repeated_press_counts_for_its_caller_and_not_for_the_pair() {
    let world = limited(&[("LIMIT_PRESSES_A_MINUTE", "12"), ("LIMIT_PAIR_PRESSES_A_MINUTE", "2")]).await;
    let door = world.door("device123");
    world.user("anna").registers("phone").await;
    let first = call_id(&door.posts("/api/calls", to_anna("door")).await.ok());
    for _ in 0..5 {
        assert_eq!(door.posts("/api/calls", to_anna("door")).await.ok()["repeated"], true);
    }
    door.caller_action(&first, "cancelled").await.ok();
    let second = door.posts("/api/calls", to_anna("door")).await.ok();
    assert_eq!(second["repeated"], false, "six presses, and one call to her");
    // With both calls of the minute used up the second still takes presses, until the caller has pressed too often.
    for _ in 0..5 {
        assert_eq!(call_id(&door.posts("/api/calls", to_anna("door")).await.ok()), call_id(&second));
    }
    assert_eq!(door.posts("/api/calls", to_anna("door")).await.code, 42_901);
    door.caller_action(&call_id(&second), "cancelled").await.ok();
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_press_that_is_refused_or_in_vain_keeps_nobody_from_the_next() {
    let world = limited(&[("LIMIT_PRESSES_A_MINUTE", "20"), ("LIMIT_PAIR_PRESSES_A_MINUTE", "1")]).await;
    let door = world.door("device123");
    assert_eq!(door.posts("/api/calls", to_anna("door")).await.code, 40_402);
    world.user("anna").registers("phone").await;
    let call = door.posts("/api/calls", to_anna("door")).await;
    // The first counted, though nobody was there.
    assert_eq!(call.code, 42_902);
    let gate = world.door("gate");
    gate.posts("/api/calls", to_anna("gate")).await.ok();
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_whose_first_room_was_another_calls_names_one_call_also_when_that_room_would_be_free_again() {
    // Which room a key has first.
    let world = World::new().await;
    world.user("anna").registers("phone").await;
    let placed = presses_with(&world.door("device123"), "one", to_anna("door")).await.ok();
    let first: RoomId = placed["room_info"]["room_id"].as_str().unwrap().parse::<u32>().unwrap().try_into().unwrap();
    world.end().await;

    let world = World::new().await;
    let (door, directory) = (world.door("device123"), &world.stack.directory);
    world.user("anna").registers("phone").await;
    let now = Clock::system().now();
    let until = |hours: i64| now.plus(hours * 3_600_000);
    let of_another =
        |until| Lease { call_id: CallId::new("call_gate_bert_1").unwrap(), request: None, asked: None, until };
    assert_eq!(directory.reserve(first, &of_another(until(1)), now).await.unwrap(), Reserved::Yes);
    let call = presses_with(&door, "one", to_anna("door")).await.ok();
    assert_ne!(call["room_info"]["room_id"], placed["room_info"]["room_id"]);
    // An hour later the other call's lease would be over. The key counts for a day, and so long nobody has the room.
    let held = directory.room(first).await.unwrap().unwrap().lease;
    assert_eq!(held.call_id.as_str(), "call_gate_bert_1");
    assert!(held.until >= until(24), "held until {}, and now is {now}", held.until);
    let taken = directory.reserve(first, &of_another(until(26)), until(2)).await.unwrap();
    assert_eq!(taken, Reserved::Held(Some(held.clone())));
    let again = presses_with(&door, "one", to_anna("door")).await;
    assert!(again.replayed);
    assert_eq!(call_id(&again.ok()), call_id(&call));
    world.end().await;
}

/// okhttp#2394: a connection that breaks in the middle of a press, and the press that its user makes then.
#[tokio::test(flavor = "multi_thread")]
async fn a_press_whose_connection_breaks_in_the_middle_is_placed_and_the_next_one_is_it() {
    let world = World::new().await;
    let anna = world.user("anna");
    anna.registers("phone").await;
    for n in 0..24_u64 {
        let door = world.door(&format!("door{n}"));
        let body = to_anna("door").to_string();
        let head = format!(
            "POST /api/calls HTTP/1.1\r\nhost: 127.0.0.1\r\nauthorization: Bearer {}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
            door.token,
            body.len()
        );
        let mut connection = TcpStream::connect(world.stack.at.http).await.unwrap();
        connection.write_all(format!("{head}{body}").as_bytes()).await.unwrap();
        tokio::time::sleep(Duration::from_millis(n)).await;
        drop(connection);
        let pressed = Instant::now();
        let again = presses_with(&door, "again", to_anna("door")).await.ok();
        assert!(pressed.elapsed() < Duration::from_secs(2), "after {:?}, cut after {n} ms", pressed.elapsed());
        door.caller_action(&call_id(&again), "cancelled").await.ok();
    }
    world.end().await;
}
