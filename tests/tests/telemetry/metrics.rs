//! What reaches CloudWatch in the embedded metric format. A process of its own, because the recorder is set for the whole
//! process.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "what goes wrong here is a broken test")]

use std::time::Duration;

use ilock_events::TopicPrefix;
use ilock_functions::service::room_dismisser::RoomDismisser;
use ilock_functions::triggers::projector::Projector;
use ilock_functions::triggers::{expire_call, presence};
use ilock_lambda::install_metrics;
use ilock_tests::World;
use ilock_tests::backend::RecordingRetries;
use ilock_tests::parties::call_id;
use ilock_tests::phone::kind;
use ilock_tests::stream::event;
use reqwest::Method;
use serde_json::{Value, json};

/// The documents that carry `metric`, each with its dimensions and values.
fn documents<'a>(lines: &'a [Value], metric: &str) -> Vec<&'a Value> {
    lines.iter().filter(|line| line.get(metric).is_some()).collect()
}

/// The sum of `metric` over `lines`; a histogram counts its values.
fn sum(lines: &[Value], metric: &str) -> f64 {
    documents(lines, metric)
        .into_iter()
        .map(|line| match &line[metric] {
            Value::Array(values) => values.iter().map(|value| value.as_f64().unwrap()).sum(),
            value => value.as_f64().unwrap(),
        })
        .sum()
}

#[tokio::test(flavor = "multi_thread")]
async fn placed_calls_rings_refusals_and_tampering_are_counted_as_the_dashboard_and_alarms_read_them() {
    let collector = install_metrics("iLockCall".into(), "test".into()).unwrap();
    let world = World::new().await;
    let (door, user) = (world.door("device123"), world.user("user456"));
    let mut phone = world.phone(&user, "a").await;
    let call = call_id(&door.rings("user456", 30).await);
    phone.hears("incoming").await;
    user.callee_action(&call, "accepted", Some("user456_a")).await.ok();
    user.callee_action(&call, "accepted", Some("user456_b")).await.refused(409);
    // The visitor presses again, and the phone that has not said that it rings is told once more: nobody waited for that.
    let gate = world.door("gate");
    let mut silent = world.phone(&world.user("anna"), "a").await;
    gate.rings("anna", 30).await;
    silent.hears("incoming").await;
    tokio::time::sleep(Duration::from_millis(5_100)).await;
    gate.presses("anna", 30).await.ok();
    let again = silent.next_within(Duration::from_secs(10)).await.expect("it is told once more");
    assert_eq!(kind(&again), "incoming");
    // Neither that press nor a blocked caller's is to ring anybody, and so neither looks like a call that nobody hears.
    world.user("anna").asks(Method::PUT, "/api/blocks?caller_id=bert", None).await.ok();
    world.user("bert").presses("anna", 30).await.ok();
    let calls = world.stack.calls.clone();
    let (directory, notifier) = (world.stack.directory.clone(), calls.notifier.clone());
    let projector = Projector { log: calls.log, directory, notifier, rooms: RoomDismisser::new(None) };
    let key = json!({ "pk": { "S": format!("call#{call}") }, "sk": { "S": "commit#000001" } });
    let record = |number: &str, name: &str| {
        json!({
            "eventID": number, "eventName": name, "eventVersion": "1.1", "eventSource": "aws:dynamodb", "awsRegion": "local",
            "dynamodb": { "ApproximateCreationDateTime": 1.0, "Keys": key, "SequenceNumber": number, "SizeBytes": 1, "StreamViewType": "NEW_AND_OLD_IMAGES" },
        })
    };
    let answer = projector.on_stream(&RecordingRetries::default(), event(&[record("1", "REMOVE")])).await;
    assert!(answer.batch_item_failures.is_empty(), "an alarm, and nothing to be shown again");
    // For Lambda a function that has something shown again was invoked without an error.
    let mut unreadable = record("2", "INSERT");
    unreadable["dynamodb"]["NewImage"] = key.clone();
    let answer = projector.on_stream(&RecordingRetries::default(), event(&[unreadable])).await;
    assert_eq!(answer.batch_item_failures.len(), 1);
    let messages = json!({ "Records": [{ "messageId": "1", "body": "{" }, { "messageId": "2", "body": "7" }] });
    let batch = || serde_json::from_value(messages.clone()).unwrap();
    assert_eq!(expire_call::on_queue(&world.stack.calls, batch()).await.batch_item_failures.len(), 2);
    let answer = presence::on_queue(&world.stack.directory, &TopicPrefix::default(), batch()).await;
    assert_eq!(answer.batch_item_failures.len(), 2);
    // The push service is out of reach: the client is registered all the same, a token alone is not.
    world.stack.push.down(true);
    let token = json!({ "platform": "android", "push_token": "token-1" });
    user.posts("/api/v1/devices/register", token).await.refused(503);
    let with_token = json!({ "client_id": "a", "platform": "android", "push_token": "token-1" });
    user.posts("/api/mqtt/clients/register", with_token).await.ok();
    // What the app did wrong is no alarm.
    let wrong = json!({ "platform": "ios", "push_token": "not hexadecimal" });
    user.posts("/api/v1/devices/register", wrong).await.refused(400);
    world.end().await;

    let mut text = vec![];
    collector.flush(&mut text).unwrap();
    let text = String::from_utf8(text).unwrap();
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    // A blocked caller's call owes no ring. Of all answers only the 503 about a token alone is a server error.
    let calls = [("CallsPlaced", 3.0), ("RingsDue", 2.0), ("SilentPresses", 2.0), ("Tampered", 1.0)];
    for (metric, number) in
        calls.into_iter().chain([("TokensNotRegistered", 2.0), ("ServerErrors", 1.0), ("BatchesFailed", 3.0)])
    {
        assert!((sum(&lines, metric) - number).abs() < f64::EPSILON, "{metric}: {text}");
    }
    for metric in ["ServerErrors", "BatchesFailed"] {
        let by = &documents(&lines, metric)[0]["_aws"]["CloudWatchMetrics"][0]["Dimensions"];
        assert_eq!(by, &json!([["Stage"]]), "the alarms read {metric} by its stage alone: {text}");
    }
    let refused = documents(&lines, "Refusals");
    assert_eq!((refused[0]["Code"].as_str(), refused[0]["Stage"].as_str()), (Some("40901"), Some("test")), "{text}");
    let rings = documents(&lines, "RingLatency");
    assert!((1..=2).contains(&rings.len()), "one for each path: {text}");
    assert!(rings.iter().all(|line| ["fast", "projector"].contains(&line["Path"].as_str().unwrap())), "{text}");
    assert!((0.0..5_000.0).contains(&sum(&lines, "RingLatency")), "of both first rings: {text}");
    for line in &lines {
        let directive = &line["_aws"]["CloudWatchMetrics"][0];
        assert_eq!(directive["Namespace"], "iLockCall");
        for set in directive["Dimensions"].as_array().unwrap() {
            assert!(set.as_array().unwrap().iter().all(|name| line.get(name.as_str().unwrap()).is_some()), "{line}");
        }
    }
    let unit = &rings[0]["_aws"]["CloudWatchMetrics"][0]["Metrics"][0]["Unit"];
    assert_eq!(unit, "Milliseconds");
}
