//! Personal text that no commit names: whoever kept it was ended before the commit.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use ilock_env::Clock;
use ilock_events::{CallId, PartyId, PartyKind, PersonalText, TenantId};
use ilock_functions::service::calls::placing_of;
use ilock_functions::triggers::expire_call::expire;
use ilock_local::Options;
use ilock_log::{EventLog, Placing};
use ilock_notify::Alarm;
use ilock_proof::salt_personal;
use ilock_tests::World;
use ilock_tests::parties::{call_id, user_at};
use serde_json::json;

fn words() -> PersonalText {
    PersonalText {
        caller_info: Some(serde_json::from_value(json!({ "name": "Anna Secret" })).unwrap()),
        ..PersonalText::default()
    }
}

fn placing(ends: i64) -> Placing {
    let tenant = TenantId::new("default").unwrap();
    let id = |id: &str| PartyId::new(id).unwrap();
    let caller = ilock_events::Party { kind: PartyKind::Device, id: id("device123") };
    placing_of(&tenant, &caller, &[&id("olga"), &id("nina")], Clock::system().now().plus(ends))
}

async fn left_behind(log: &EventLog, call: &CallId, ends: i64) {
    let personal = salt_personal(words(), [7; 16]).unwrap().unwrap();
    log.keep_personal_of(&placing(ends), call, &personal, Clock::system().now()).await.unwrap();
}

async fn of(log: &EventLog, id: &str) -> usize {
    let (mut texts, mut found) = (log.texts_of(&user_at(id)), 0);
    while texts.next().await.unwrap().is_some() {
        found += 1;
    }
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn the_ring_timer_drops_text_of_a_call_that_nobody_can_place_any_more() {
    let ahead = Arc::<AtomicI64>::default();
    let ms = ahead.clone();
    let clock = Clock::new(move || Clock::system().now().plus(ms.load(Ordering::SeqCst)));
    let world = World::with(Options { clock, ..Options::anywhere() }).await;
    let calls = &world.stack.calls;
    let call = CallId::new("call_device123_olga_1_aaaaaaaaaaaaa").unwrap();
    left_behind(&calls.log, &call, 1_000).await;
    let alarm = Alarm::of(call.clone());
    // The call may still be placed: whoever does it is slow.
    expire(calls, &alarm).await.unwrap();
    assert_eq!(calls.log.kept_texts(&call).await.unwrap().len(), 1);
    ahead.store(62_000, Ordering::SeqCst);
    expire(calls, &alarm).await.unwrap();
    assert_eq!(calls.log.kept_texts(&call).await.unwrap(), []);
    assert!(calls.log.load(&call).await.unwrap().commits.is_empty());
    world.end().await;
}

/// A press that is repeated after its function was killed, and a hang-up whose function was killed.
#[tokio::test(flavor = "multi_thread")]
async fn the_timer_drops_text_that_no_commit_of_a_placed_call_names_and_no_other() {
    let ahead = Arc::<AtomicI64>::default();
    let ms = ahead.clone();
    let clock = Clock::new(move || Clock::system().now().plus(ms.load(Ordering::SeqCst)));
    let world = World::with(Options { clock, ..Options::anywhere() }).await;
    let log = &world.stack.calls.log;
    world.user("olga").registers("phone").await;
    let door = world.door("device123");
    let call = CallId::new(call_id(&door.rings("olga", 5).await)).unwrap();
    left_behind(log, &call, 5_000).await;
    let reason = PersonalText { reason: Some("bye".into()), ..PersonalText::default() };
    log.keep_personal(&call, &salt_personal(reason, [8; 16]).unwrap().unwrap(), Clock::system().now()).await.unwrap();
    door.caller_action(call.as_str(), "cancelled").await.ok();
    let (alarm, texts) = (Alarm::of(call.clone()), async || log.kept_texts(&call).await.unwrap());
    // A commit may still come to name them.
    expire(&world.stack.calls, &alarm).await.unwrap();
    assert_eq!(texts().await.len(), 3);
    ahead.store(67_000, Ordering::SeqCst);
    expire(&world.stack.calls, &alarm).await.unwrap();
    let history = log.load(&call).await.unwrap();
    let [kept] = &texts().await[..] else { panic!("the text of the call that was placed stays") };
    assert!(history.names(kept.digest()));
    assert_eq!(history.personal.len(), 1);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn text_is_found_by_every_party_of_its_call_whether_that_was_placed_or_not() {
    let world = World::new().await;
    let log = &world.stack.calls.log;
    let call = CallId::new("call_device123_olga_1_aaaaaaaaaaaaa").unwrap();
    left_behind(log, &call, 1_000).await;
    assert_eq!((of(log, "olga").await, of(log, "nina").await, of(log, "anna").await), (1, 1, 0));
    let placed = call_id(&world.door("device123").rings("nina", 30).await);
    assert_eq!((of(log, "olga").await, of(log, "nina").await), (1, 2));
    // Nothing of that shows where the call is read.
    let history = log.load(&CallId::new(&placed).unwrap()).await.unwrap();
    assert_eq!((history.personal.len(), history.commits.len()), (1, 1));
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_and_a_door_station_of_one_name_have_texts_of_their_own() {
    let world = World::new().await;
    world.door("gate7").rings("nina", 30).await;
    let tenant = TenantId::new("default").unwrap();
    for (kind, texts) in [(PartyKind::User, 0), (PartyKind::Device, 1)] {
        let party = ilock_events::Party { kind, id: PartyId::new("gate7").unwrap() };
        let party = ilock_events::PartyAddress::of(&tenant, &party);
        assert_eq!(party.address, user_at("gate7").address, "they are found under one name");
        let (mut found, mut count) = (world.stack.calls.log.texts_of(&party), 0);
        while found.next().await.unwrap().is_some() {
            count += 1;
        }
        assert_eq!(count, texts, "{party}");
    }
    world.end().await;
}
