//! The event log on the embedded DynamoDB.

use std::collections::BTreeMap;

use ilock_events::{Act, Actor, CallId, Command, CommitNo, Handed, Millis, PartyId, Receipt, RoomId, TenantId};
use ilock_log::{Append, EventLog, History, LogError, Ran};
use ilock_tests::World;
use ilock_tests::parties::call_id;

fn log(world: &World) -> EventLog {
    world.stack.app.calls.log.clone()
}

fn place(key: &str) -> Command {
    let act = Act::Place {
        callee: PartyId::new("user456").unwrap(),
        ring_seconds: 30,
        room_id: RoomId::new(1).unwrap(),
        personal: None,
    };
    Command { id: key.parse().unwrap(), actor: Actor::Device { id: PartyId::new("device123").unwrap() }, act }
}

async fn run(log: &EventLog, history: &mut History, command: &Command) -> Ran {
    log.run(history, &TenantId::new("default").unwrap(), command, &|| Millis(1_679_886_450_000)).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_of_many_pages_is_loaded_whole() {
    let world = World::new().await;
    let call = CallId::new(call_id(&world.door("device123").rings("user456", 30).await)).unwrap();
    let log = log(&world);
    // A page has 1 MB: these are two.
    for round in 10..210 {
        let handed =
            Handed { target: "t".repeat(10_000), carrier: "mqtt".into(), carrier_id: None, ms: 1, error: None };
        let notices = BTreeMap::from([(0, handed)]);
        let receipt = Receipt { n: CommitNo::FIRST, path: "projector".into(), at: Millis(1), notices };
        log.keep_receipt(&call, &receipt, round).await.unwrap();
    }
    let history = log.load(&call).await.unwrap();
    assert_eq!(history.commits.len(), 1);
    assert_eq!(history.receipts.len(), 201);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_stands_where_it_was_written_first_and_the_loser_is_handed_it() {
    let world = World::new().await;
    let log = log(&world);
    let call = CallId::new("call_device123_user456_1").unwrap();
    let mut winner = History::unplaced(call.clone());
    let Ran::Committed(commit) = run(&log, &mut winner, &place("winner")).await else { panic!("it is the first") };

    let mut changed = (*commit).clone();
    changed.at = Millis(1);
    let Append::Taken(Some(there)) = log.append(&changed).await.unwrap() else { panic!("the place is taken") };
    assert_eq!(*there, *commit, "what stands is what was written");

    // The same command again, from a hand that knows nothing yet: its own write, whose answer was lost.
    let mut again = History::unplaced(call.clone());
    let Ran::Committed(same) = run(&log, &mut again, &place("winner")).await else { panic!("its own write") };
    assert_eq!(same.hash, commit.hash);
    // Another command loses, and now knows the call.
    let mut loser = History::unplaced(call.clone());
    assert!(matches!(run(&log, &mut loser, &place("loser")).await, Ran::Refused(_)));
    assert_eq!(loser.commits, winner.commits);
    assert_eq!(log.load(&call).await.unwrap().commits, winner.commits);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_with_a_commit_missing_is_an_error_and_never_a_guess() {
    let world = World::new().await;
    let (door, user) = (world.door("device123"), world.user("user456"));
    let call = call_id(&door.rings("user456", 30).await);
    user.callee_action(&call, "ringing", Some("user456_a")).await.well();
    user.callee_action(&call, "accepted", Some("user456_a")).await.well();
    let text = |text: String| aws_sdk_dynamodb::types::AttributeValue::S(text);
    let delete = world.stack.dynamodb.delete_item().table_name("events");
    delete.key("pk", text(format!("call#{call}"))).key("sk", text("commit#000002".into())).send().await.unwrap();
    let broken = log(&world).load(&CallId::new(call.clone()).unwrap()).await;
    assert!(matches!(broken, Err(LogError::Broken { .. })), "{broken:?}");
    door.caller_action(&call, "hangup").await.refused(500);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_caller_says_of_itself_lies_beside_the_commit_bound_by_its_digest() {
    let world = World::new().await;
    let call = call_id(&world.door("device123").rings("user456", 30).await);
    let history = log(&world).load(&CallId::new(call).unwrap()).await.unwrap();
    let personal = &history.personal[0];
    assert_eq!(history.commits[0].events[0].data["personal"], personal.digest.as_str());
    assert_eq!(
        history.text_of(CommitNo::FIRST).unwrap().caller_info.as_ref().unwrap().name.as_deref(),
        Some("前门设备")
    );
    let commit = serde_json::to_string(&history.commits).unwrap();
    assert!(!commit.contains("前门设备"));
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn words_of_a_refused_command_are_not_kept() {
    let world = World::new().await;
    let (door, user) = (world.door("device123"), world.user("user456"));
    let call = call_id(&door.rings("user456", 30).await);
    user.callee_action(&call, "accepted", Some("user456_a")).await.well();
    let late = serde_json::json!({ "call_id": call, "action": "rejected", "reason": "不要", "client_id": "user456_b" });
    user.posts("/api/calls/callee-action", late).await.refused(409);
    let history = log(&world).load(&CallId::new(call).unwrap()).await.unwrap();
    assert_eq!(history.personal.len(), 1, "only what the caller said of itself");
    world.end().await;
}
