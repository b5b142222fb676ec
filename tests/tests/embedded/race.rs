//! Concurrent requests.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use futures::future::join_all;
use ilock_env::Clock;
use ilock_events::{CallId, ClientName};
use ilock_functions::triggers::expire_call::expire;
use ilock_local::Options;
use ilock_notify::Alarm;
use ilock_tests::World;
use ilock_tests::parties::{Answer, Party, call_id};
use reqwest::Method;
use serde_json::{Value, json};

const ROUNDS: u64 = 200;
const PHONES: usize = 50;
/// How many copies of one request arrive at once.
const COPIES: usize = 4;
/// A new stack after this many rounds: the embedded DynamoDB's stream grows slow.
const ROUNDS_PER_WORLD: u64 = 50;

/// A clock that the test can move to the deadline at any time.
fn movable() -> (Clock, Arc<AtomicI64>) {
    let ahead = Arc::new(AtomicI64::new(0));
    let read = ahead.clone();
    let system = Clock::system();
    (Clock::new(move || system.now().plus(read.load(Ordering::SeqCst))), ahead)
}

async fn round(world: &World, door: &Party, user: &Party, ahead: &AtomicI64, round: u64) -> String {
    let call = call_id(&door.rings("user456", 5).await);
    // The start times change from round to round by a few milliseconds.
    let (accept_after, cancel_after, expire_after) = match round % 4 {
        0 => (0, round * 7 % 23, round * 11 % 29),
        1 => (12, 0, round % 9),
        2 => (12, round % 14, 3),
        _ => (round % 6, round % 5, round % 7),
    };
    let accepts = (0..PHONES).map(|phone| {
        let (user, call) = (user.clone(), call.clone());
        async move {
            tokio::time::sleep(Duration::from_millis(accept_after)).await;
            user.callee_action(&call, "accepted", Some(&format!("user456_phone_{phone}"))).await
        }
    });
    let cancel = async {
        tokio::time::sleep(Duration::from_millis(cancel_after)).await;
        door.caller_action(&call, "cancelled").await
    };
    let expiry = async {
        tokio::time::sleep(Duration::from_millis(expire_after)).await;
        ahead.fetch_add(5000, Ordering::SeqCst);
        expire(&world.stack.calls, &Alarm::of(CallId::new(call.clone()).unwrap())).await.unwrap();
    };
    let (accepts, cancel, ()) = futures::join!(join_all(accepts), cancel, expiry);

    let log = world.log(&call).await;
    let state = log.call.state().unwrap().word();
    let winner = log.call.placed.as_ref().unwrap().won_by().unwrap();
    assert_eq!(log.commits.len(), 2, "one commit placed it, one decided it");

    let accepted = accepts.iter().filter(|answer| answer.status == 200).count();
    let cancelled = usize::from(cancel.status == 200);
    let missed = usize::from(state == "missed");
    assert_eq!(accepted + cancelled + missed, 1, "round {round}: {state} by {winner}");
    for answer in accepts.into_iter().chain([cancel]).filter(|answer| answer.status != 200) {
        let told = answer.refused(409);
        assert_eq!(told["winner"], winner.as_str(), "round {round}: {told} but {state}");
        assert_eq!(told["state"], state, "round {round}");
    }
    state.to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn of_fifty_phones_a_cancel_and_an_expiry_exactly_one_wins_and_every_loser_is_told_who() {
    let mut outcomes: BTreeMap<String, u64> = BTreeMap::new();
    for start in (0..ROUNDS).step_by(usize::try_from(ROUNDS_PER_WORLD).unwrap()) {
        let (clock, ahead) = movable();
        let settings = |name: &str| (name == "FAST_PATH").then(|| "off".to_owned());
        let options = Options { clock, settings: Box::new(settings), ..Options::anywhere() };
        let world = World::with(options).await;
        let (door, user) = (world.door("device123"), world.user("user456"));
        for phone in 0..PHONES {
            user.registers(&format!("phone_{phone}")).await;
        }
        for n in start..start + ROUNDS_PER_WORLD {
            *outcomes.entry(round(&world, &door, &user, &ahead, n).await).or_default() += 1;
        }
        world.end().await;
    }
    println!("{ROUNDS} rounds: {outcomes:?}");
    assert_eq!(outcomes.values().sum::<u64>(), ROUNDS);
    assert!(outcomes.len() > 1, "the same party always wins: this is no race");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_requests_at_once_under_one_key_are_one_or_one_of_them_is_refused() {
    let world = World::new().await;
    let (door, user) = (world.door("device123"), world.user("user456"));
    let post = |party: &Party, path: &'static str, body: Value| {
        let party = party.clone();
        async move { party.asks_with(Method::POST, path, Some(body), &[("idempotency-key", "k")]).await }
    };
    user.registers("a").await;
    let placing = json!({ "callee_id": "user456", "caller_info": { "name": "前门设备" } });
    let (one, two) = futures::join!(post(&door, "/api/calls", placing.clone()), post(&door, "/api/calls", placing));
    let (one, two) = (one.ok(), two.ok());
    assert_eq!(call_id(&one), call_id(&two));
    assert_eq!(one["caller_info"]["name"], "前门设备");
    assert_eq!(two["caller_info"]["name"], "前门设备");

    let call = call_id(&one);
    let act = |action: &str| json!({ "call_id": call, "action": action, "client_id": "user456_a" });
    let path = "/api/calls/callee-action";
    let (accept, reject) = futures::join!(post(&user, path, act("accepted")), post(&user, path, act("rejected")));
    let mut statuses = [accept.status.as_u16(), reject.status.as_u16()];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 422]);
    world.end().await;
}

/// Sends `copies` of one request under `key` at once, and asserts that all are answered, one as the first.
async fn all_but_one_are_replayed(party: &Party, path: &'static str, body: Value, key: &str) -> Value {
    let copy = || async { party.asks_with(Method::POST, path, Some(body.clone()), &[("idempotency-key", key)]).await };
    let answers = join_all((0..COPIES).map(|_| copy())).await;
    let first = answers.iter().filter(|answer| !answer.replayed).count();
    assert_eq!(first, 1, "{path} {body}: {answers:?}");
    answers.into_iter().map(Answer::ok).collect::<Vec<_>>().swap_remove(0)
}

#[tokio::test(flavor = "multi_thread")]
async fn of_copies_of_a_request_at_once_all_but_one_are_told_that_it_was_done_before() {
    let world = World::new().await;
    let user = world.user("user456");
    for phone in ["a", "b"] {
        user.registers(phone).await;
    }
    let (by_callee, by_caller) = ("/api/calls/callee-action", "/api/calls/caller-action");
    for round in 0..12 {
        let door = world.door(&format!("door{round}"));
        let press = json!({ "callee_id": "user456", "ring_seconds": 30, "caller_info": { "name": "door" } });
        let placed = all_but_one_are_replayed(&door, "/api/calls", press, &format!("press-{round}")).await;
        assert_eq!(placed["repeated"], false);
        let call = call_id(&placed);
        let act = |action: &str, client| json!({ "call_id": call, "action": action, "client_id": client });
        all_but_one_are_replayed(&user, by_callee, act("ringing", Some("a")), "rings").await;
        // Another phone's word is no repetition of the first one's, though it makes no commit.
        let second = user.posts(by_callee, act("ringing", Some("b"))).await;
        assert!(!second.replayed);
        let again = user.posts(by_callee, act("ringing", Some("b"))).await;
        assert!(again.replayed);
        if round % 2 == 0 {
            all_but_one_are_replayed(&user, by_callee, act("declined", Some("b")), "declines").await;
            all_but_one_are_replayed(&user, by_callee, act("accepted", Some("a")), "accepts").await;
            all_but_one_are_replayed(&user, by_callee, act("hangup", Some("a")), "hangs-up").await;
        } else {
            all_but_one_are_replayed(&door, by_caller, act("cancelled", None), "gives-up").await;
        }
    }
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn phones_that_all_confirm_ringing_at_once_are_one_commit_and_an_item_each() {
    let world = World::new().await;
    let (door, user) = (world.door("device123"), world.user("user456"));
    for phone in 0..20 {
        user.registers(&format!("phone_{phone}")).await;
    }
    let call = call_id(&door.rings("user456", 30).await);
    let alerts = join_all((0..20).map(|phone| {
        let (user, call) = (user.clone(), call.clone());
        async move { user.callee_action(&call, "ringing", Some(&format!("user456_phone_{phone}"))).await.ok() }
    }));
    alerts.await;
    let log = world.log(&call).await;
    assert_eq!(log.commits.len(), 2);
    let first = log.call.placed.unwrap().alerted.unwrap().client_id.unwrap();
    let clients: BTreeSet<ClientName> = log.alerts.into_iter().filter_map(|alert| alert.client_id).collect();
    assert!(clients.len() >= 19 && clients.union(&BTreeSet::from([first])).count() == 20, "{clients:?}");
    world.end().await;
}
