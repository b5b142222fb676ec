//! The event log, as it is seen over HTTP. The log's own guarantees are tested in `tests/contract`.

use ilock_events::{CallId, CommitNo};
use ilock_log::{EventLog, LogError};
use ilock_tests::World;
use ilock_tests::parties::call_id;

fn log(world: &World) -> EventLog {
    world.stack.calls.log.clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_with_a_commit_missing_is_an_error_and_never_a_guess() {
    let world = World::new().await;
    let (door, user) = (world.door("device123"), world.user("user456"));
    let call = call_id(&door.rings("user456", 30).await);
    user.callee_action(&call, "ringing", Some("user456_a")).await.ok();
    user.callee_action(&call, "accepted", Some("user456_a")).await.ok();
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
    user.callee_action(&call, "accepted", Some("user456_a")).await.ok();
    user.registers("b").await;
    let late = serde_json::json!({ "call_id": call, "action": "rejected", "reason": "不要", "client_id": "user456_b" });
    user.posts("/api/calls/callee-action", late).await.refused(409);
    let history = log(&world).load(&CallId::new(call).unwrap()).await.unwrap();
    assert_eq!(history.personal.len(), 1, "only what the caller said of itself");
    world.end().await;
}
