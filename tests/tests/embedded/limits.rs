//! How often somebody may be rung, and by whom not at all.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use futures::future::join_all;
use futures::stream::{self, StreamExt};
use ilock_env::Clock;
use ilock_local::Options;
use ilock_tests::World;
use ilock_tests::parties::{Answer, Party, call_id};
use ilock_tests::phone::{Heard, Phone, kind};
use reqwest::Method;
use serde_json::json;

async fn limited(settings: &'static [(&'static str, &'static str)]) -> World {
    let read = move |name: &str| settings.iter().find(|(set, _)| *set == name).map(|(_, value)| (*value).to_owned());
    World::with(Options { settings: Box::new(read), ..Options::anywhere() }).await
}

async fn presses(caller: &Party, callee: &str) -> Answer {
    caller.posts("/api/calls", json!({ "callee_id": callee, "ring_seconds": 5 })).await
}

async fn presses_under(key: &str, caller: &Party, callee: &str) -> Answer {
    let body = json!({ "callee_id": callee, "ring_seconds": 30 });
    caller.asks_with(Method::POST, "/api/calls", Some(body), &[("idempotency-key", key)]).await
}

#[tokio::test(flavor = "multi_thread")]
async fn of_three_hundred_presses_by_one_identity_the_limit_rings_and_others_ring_undisturbed() {
    let world = limited(&[("LIMIT_PRESSES_A_MINUTE", "20"), ("LIMIT_PAIR_PRESSES_A_MINUTE", "100")]).await;
    let (nuisance, door) = (world.user("nuisance"), world.door("device123"));
    world.user("grandma").registers("phone").await;
    let all = stream::iter(0..300).map(|_| presses(&nuisance, "grandma")).buffer_unordered(24);
    let mut rang = 0;
    for answer in all.collect::<Vec<Answer>>().await {
        match answer.code {
            0 => rang += 1,
            42_901 => {
                let seconds = answer.refused(429)["retry_after"].as_i64().unwrap();
                assert!((1..=60).contains(&seconds), "{seconds}");
            }
            other => panic!("{other}: {answer:?}"),
        }
    }
    assert_eq!(rang, 20);
    presses(&door, "grandma").await.ok();
    world.end().await;
}

/// Whoever has a login that was ended can keep nobody from calling.
#[tokio::test(flavor = "multi_thread")]
async fn a_login_that_was_ended_uses_up_no_press_and_no_key_of_its_owner() {
    let world = World::new().await;
    let (stolen, anna) = (world.logged_in("anna", Some("stolen")), world.logged_in("anna", Some("own")));
    stolen.registers("old").await;
    anna.registers("phone").await;
    world.user("bert").registers("phone").await;
    anna.asks(Method::DELETE, "/api/mqtt/clients/anna_old", None).await.ok();
    for n in 0..20 {
        assert_eq!(presses_under(&format!("key-{n}"), &stolen, "bert").await.code, 40_302);
    }
    let body = json!({ "callee_id": "bert", "client_id": "nosuch" });
    for _ in 0..20 {
        assert_eq!(anna.posts("/api/calls", body.clone()).await.code, 40_001);
    }
    assert_eq!(presses_under("key-0", &stolen, "nobody").await.code, 40_302);
    assert_eq!(presses_under("key-0", &anna, "bert").await.ok()["state"], "ringing");
    world.end().await;
}

/// One second, in which `presses` presses of the nuisance come evenly spread: what they were answered, and after which time
/// bert's phone rang for the door, in milliseconds.
async fn second(nuisance: &Party, pressed: u64, door: &Party, phone: &mut Phone) -> (Vec<Answer>, u128) {
    let nuisance = join_all((0..pressed).map(async |n| {
        tokio::time::sleep(Duration::from_millis(n * 1000 / pressed)).await;
        presses(nuisance, "grandma").await
    }));
    let ring = async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        let begun = Instant::now();
        let (placed, _) = futures::join!(presses(door, "bert"), phone.hears("incoming"));
        let took = begun.elapsed().as_millis();
        door.caller_action(&call_id(&placed.ok()), "cancelled").await.ok();
        phone.hears("cancelled").await;
        took
    };
    futures::join!(nuisance, ring)
}

#[tokio::test(flavor = "multi_thread")]
async fn while_one_identity_presses_three_hundred_times_in_nine_seconds_others_ring_undisturbed() {
    let world = limited(&[("LIMIT_PRESSES_A_MINUTE", "20"), ("LIMIT_PAIR_PRESSES_A_MINUTE", "100")]).await;
    let (nuisance, door, bert) = (world.user("nuisance"), world.door("device123"), world.user("bert"));
    world.user("grandma").registers("phone").await;
    let mut phone = world.phone(&bert, "phone").await;
    let (mut answers, mut with, mut without) = (vec![], vec![], vec![]);
    for _ in 0..9 {
        let (answered, took) = second(&nuisance, 34, &door, &mut phone).await;
        answers.extend(answered);
        with.push(took);
        without.push(second(&nuisance, 0, &door, &mut phone).await.1);
    }
    assert!(answers.iter().all(|answer| [0, 42_901].contains(&answer.code)), "{answers:?}");
    let calls: BTreeSet<String> =
        answers.iter().filter(|answer| answer.code == 0).map(|answer| call_id(&answer.data)).collect();
    assert!(answers.iter().filter(|answer| answer.code == 0).count() <= 20);
    assert!(calls.len() <= 4, "while one rings, a press is that call: {calls:?}");
    for times in [&mut with, &mut without] {
        times.sort_unstable();
    }
    assert!(with[4] <= 500 && without[4] <= 500, "{with:?} {without:?}");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_rings_the_same_person_six_times_a_minute_and_others_all_the_same() {
    let world = limited(&[("LIMIT_PRESSES_A_MINUTE", "20")]).await;
    let door = world.door("device123");
    for person in ["anna", "bert"] {
        world.user(person).registers("phone").await;
    }
    for _ in 0..6 {
        let call = call_id(&presses(&door, "anna").await.ok());
        door.caller_action(&call, "cancelled").await.ok();
    }
    for _ in 0..20 {
        assert_eq!(presses(&door, "anna").await.code, 42_902, "and what is refused does not count");
    }
    let household = door.posts("/api/calls", json!({ "callee_ids": ["bert", "anna"] })).await;
    assert_eq!(household.code, 42_902, "in whatever company");
    presses(&door, "bert").await.ok();
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_comes_again_under_its_key_presses_once() {
    let world = limited(&[("LIMIT_PRESSES_A_MINUTE", "2")]).await;
    let door = world.door("device123");
    world.user("anna").registers("phone").await;
    let again = async |key: &str| presses_under(key, &door, "anna").await;
    let first = call_id(&again("press-1").await.ok());
    for _ in 0..4 {
        assert_eq!(call_id(&again("press-1").await.ok()), first);
    }
    door.caller_action(&first, "cancelled").await.ok();
    for _ in 0..4 {
        assert_eq!(again("press-1").await.ok()["state"], "cancelled");
    }
    let second = call_id(&again("press-2").await.ok());
    assert_ne!(second, first, "the second of the two presses");
    door.caller_action(&second, "cancelled").await.ok();
    assert_eq!(again("press-3").await.code, 42_901);
    assert_eq!(call_id(&again("press-2").await.ok()), second, "which needs no press");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn retries_of_one_press_leave_the_others_of_the_pair() {
    let world = limited(&[("LIMIT_PRESSES_A_MINUTE", "20"), ("LIMIT_PAIR_PRESSES_A_MINUTE", "2")]).await;
    let door = world.door("device123");
    world.user("anna").registers("phone").await;
    let again = async |key: &str| presses_under(key, &door, "anna").await;
    let first = call_id(&again("press-1").await.ok());
    for _ in 0..5 {
        assert_eq!(call_id(&again("press-1").await.ok()), first);
    }
    door.caller_action(&first, "cancelled").await.ok();
    let second = call_id(&again("press-2").await.ok());
    door.caller_action(&second, "cancelled").await.ok();
    assert_eq!(again("press-3").await.code, 42_902);
    world.end().await;
}

/// An HTTP client that hears nothing for a while sends the same request once more, and again.
#[tokio::test(flavor = "multi_thread")]
async fn copies_of_one_request_at_once_press_once() {
    let world = limited(&[("LIMIT_PRESSES_A_MINUTE", "3"), ("LIMIT_PAIR_PRESSES_A_MINUTE", "2")]).await;
    for person in ["anna", "bert"] {
        world.user(person).registers("phone").await;
    }
    for round in 0..6 {
        let door = world.door(&format!("door{round}"));
        let copies = join_all((0..8).map(|_| presses_under("press-1", &door, "anna"))).await;
        let calls: BTreeSet<String> = copies.into_iter().map(|copy| call_id(&copy.ok())).collect();
        assert_eq!(calls.len(), 1, "{calls:?}");
        door.caller_action(calls.first().unwrap(), "cancelled").await.ok();
        let second = call_id(&presses_under("press-2", &door, "anna").await.ok());
        assert!(!calls.contains(&second), "the second press of two");
        door.caller_action(&second, "cancelled").await.ok();
        assert_eq!(presses_under("press-3", &door, "anna").await.code, 42_902);
        let third = call_id(&presses_under("press-4", &door, "bert").await.ok());
        assert_eq!(presses_under("press-5", &door, "bert").await.code, 42_901);
        door.caller_action(&third, "cancelled").await.ok();
    }
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_without_a_key_are_a_press_each() {
    let world = limited(&[("LIMIT_PRESSES_A_MINUTE", "3"), ("LIMIT_PAIR_PRESSES_A_MINUTE", "100")]).await;
    let door = world.door("device123");
    world.user("anna").registers("phone").await;
    let mut codes: Vec<u64> = join_all((0..8).map(|_| presses(&door, "anna"))).await.iter().map(|a| a.code).collect();
    codes.sort_unstable();
    assert_eq!(codes, [0, 0, 0, 42_901, 42_901, 42_901, 42_901, 42_901]);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_blocked_caller_sees_somebody_out_of_reach_and_the_person_hears_and_sees_nothing() {
    let world = World::new().await;
    let (anna, bert, clara) = (world.user("anna"), world.user("bert"), world.user("clara"));
    let mut phone = world.phone(&anna, "phone").await;
    let mut claras = world.phone(&clara, "phone").await;
    let mut berts = world.phone(&bert, "phone").await;
    anna.asks(Method::PUT, "/api/blocks?caller_id=bert", None).await.ok();
    let view = presses(&bert, "anna").await.ok();
    assert_eq!((&view["state"], &view["not_rung"]), (&json!("ringing"), &serde_json::Value::Null));
    berts.hears("ringing").await;
    berts.hears("unreachable").await;
    phone.hears_nothing(Duration::from_secs(2)).await;
    berts.hears("timeout").await;
    phone.hears_nothing(Duration::from_secs(1)).await;
    assert_eq!(bert.gets("/api/calls").await.ok()["calls"][0]["state"], "missed");
    assert_eq!(anna.gets("/api/calls").await.ok()["calls"], json!([]));
    // Of a household the others ring, and nothing tells that one does not.
    let body = json!({ "callee_ids": ["clara", "anna"], "ring_seconds": 30 });
    let view = bert.posts("/api/calls", body).await.ok();
    assert_eq!(view["not_rung"], serde_json::Value::Null);
    claras.hears("incoming").await;
    phone.hears_nothing(Duration::from_secs(1)).await;
    // Let through again, and never kept from others.
    anna.asks(Method::DELETE, "/api/blocks?caller_id=bert", None).await.ok();
    presses(&clara, "anna").await.ok();
    phone.hears("incoming").await;
    presses(&bert, "anna").await.ok();
    phone.hears("incoming").await;
    world.end().await;
}

/// What the caller is told of a call to `callees` that they give up: each action, in order, with the end of the message's id.
async fn transcript(caller: &Party, phone: &mut Phone, callees: &[&str]) -> Vec<(String, String)> {
    let body = json!({ "callee_ids": callees, "ring_seconds": 30 });
    let call = call_id(&caller.posts("/api/calls", body).await.ok());
    let mut heard = phone.all_within(Duration::from_secs(1)).await;
    caller.caller_action(&call, "cancelled").await.ok();
    let is_of_call = |one: &&Heard| one.body["call_id"] == call.as_str();
    while !heard.iter().filter(is_of_call).any(|one| kind(one) == "cancelled") {
        heard.push(phone.next_within(Duration::from_secs(10)).await.expect("the caller's phones are told"));
    }
    let (mut told, mut seen) = (vec![], BTreeSet::new());
    for one in heard.iter().filter(is_of_call) {
        let id = one.body["message_id"].as_str().unwrap();
        if seen.insert(id) {
            told.push((kind(one), id.strip_prefix(&call).unwrap().to_owned()));
        }
    }
    told
}

#[tokio::test(flavor = "multi_thread")]
async fn a_blocked_caller_is_told_what_a_caller_of_somebody_out_of_reach_is_in_the_same_order_under_the_same_ids() {
    let ahead = Arc::<AtomicI64>::default();
    let ms = ahead.clone();
    let clock = Clock::new(move || Clock::system().now().plus(ms.load(Ordering::SeqCst)));
    let world = World::with(Options { clock, ..Options::anywhere() }).await;
    let (anna, bert, clara) = (world.user("anna"), world.user("bert"), world.user("clara"));
    let (_annas, _claras) = (world.phone(&anna, "phone").await, world.phone(&clara, "phone").await);
    let mut berts = world.phone(&bert, "phone").await;
    // Zoe's phone has had the time to connect.
    world.user("zoe").registers("phone").await;
    ahead.store(6_000, Ordering::SeqCst);
    anna.asks(Method::PUT, "/api/blocks?caller_id=bert", None).await.ok();
    let lines = |lines: &[(&str, &str)]| -> Vec<(String, String)> {
        lines.iter().map(|(action, id)| ((*action).to_owned(), (*id).to_owned())).collect()
    };
    let alone = lines(&[("ringing", ":1:1"), ("unreachable", ":1:2"), ("cancelled", ":2:0")]);
    let household = lines(&[("ringing", ":1:2"), ("cancelled", ":2:0")]);
    for (blocked, away, told) in [
        (&["anna"][..], &["zoe"][..], alone),
        (&["clara", "anna"], &["clara", "zoe"], household.clone()),
        (&["anna", "clara"], &["zoe", "clara"], household),
    ] {
        assert_eq!(transcript(&bert, &mut berts, away).await, told, "{away:?}");
        assert_eq!(transcript(&bert, &mut berts, blocked).await, told, "{blocked:?}");
    }
    world.end().await;
}

/// Security finding 1: a name that reads as another one, or as none.
#[tokio::test(flavor = "multi_thread")]
async fn no_name_that_a_person_reads_is_turned_round_or_empty() {
    let world = World::new().await;
    let anna = world.user("anna");
    let body = json!({ "client_id": "p", "platform": "android", "push_token": "annas" });
    anna.posts("/api/mqtt/clients/register", body).await.ok();
    let mut phone = world.phone(&anna, "ios_1").await;
    let names = [
        ("gate", "Police \u{202E}011", "Police 011"),
        ("yard", "\u{2066}\u{2069} ", "yard"),
        ("garage", "", "garage"),
        ("cellar", "   ", "cellar"),
    ];
    for (door, sent, read) in names {
        let body = json!({ "callee_id": "anna", "ring_seconds": 30, "caller_info": { "name": sent } });
        world.door(door).posts("/api/calls", body).await.ok();
        assert_eq!(phone.hears("incoming").await["caller_info"]["name"], read);
    }
    while world.stack.push.shown().len() < names.len() {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let pushed: String = world.stack.push.shown().iter().map(|push| push.payload.to_string()).collect();
    assert!(names.iter().all(|(_, _, read)| pushed.contains(read)), "{pushed}");
    assert!(!pushed.contains(['\u{202E}', '\u{2066}', '\u{2069}']), "{pushed}");
    world.end().await;
}
