//! The projector, with everything that a stream can deliver.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use aws_lambda_events::dynamodb::Event;
use aws_sdk_dynamodb::types::AttributeValue;
use futures::future::BoxFuture;
use ilock_directory::Directory;
use ilock_env::Clock;
use ilock_events::{Archived, CallId, ClientName, Commit, CommitNo, Millis};
use ilock_functions::service::room_dismisser::RoomDismisser;
use ilock_functions::triggers::changed_commit::ChangedCommit;
use ilock_functions::triggers::projector::Projector;
use ilock_functions::triggers::projector_retry::on_queue;
use ilock_functions::triggers::retry_queue::{Retry, RetryQueue};
use ilock_local::Options;
use ilock_log::EventLog;
use ilock_notify::QueueError;
use ilock_tests::World;
use ilock_tests::backend::{RecordingRetries, dynamodb};
use ilock_tests::commands::{call_of, tenant};
use ilock_tests::faults::{Fault, Faults, When};
use ilock_tests::parties::call_id;
use ilock_tests::throttle::Throttle;
use serde_json::{Value, json};

/// A stack whose poller does not run and whose functions send nothing: the test is the projector.
async fn world(throttle: &Throttle) -> (World, Projector) {
    let options = Options {
        settings: Box::new(|name| (name == "FAST_PATH").then(|| "off".to_owned())),
        poll: Duration::from_hours(1),
        mqtt_layer: Some(throttle.layer()),
        ..Options::anywhere()
    };
    let world = World::with(options).await;
    // The poller reads once at its start.
    tokio::time::sleep(Duration::from_millis(300)).await;
    let calls = world.stack.calls.clone();
    let projector = Projector {
        log: calls.log,
        directory: world.stack.directory.clone(),
        notifier: calls.notifier,
        rooms: RoomDismisser::new(None),
    };
    (world, projector)
}

fn attribute(value: &Value) -> Value {
    match value {
        Value::Null => json!({ "NULL": true }),
        Value::Bool(yes) => json!({ "BOOL": yes }),
        Value::Number(number) => json!({ "N": number.to_string() }),
        Value::String(text) => json!({ "S": text }),
        Value::Array(items) => json!({ "L": items.iter().map(attribute).collect::<Vec<_>>() }),
        Value::Object(fields) => {
            json!({ "M": fields.iter().map(|(name, value)| (name.clone(), attribute(value))).collect::<serde_json::Map<_, _>>() })
        }
    }
}

/// A record of the stream.
fn record(commit: &Commit, sequence: &str) -> Value {
    let mut image = serde_json::to_value(commit).unwrap();
    let fields = image.as_object_mut().unwrap();
    fields.remove("call_id");
    fields.insert("pk".into(), json!(format!("call#{}", commit.call_id)));
    fields.insert("sk".into(), json!(format!("commit#{:06}", commit.n.0)));
    let image = attribute(&image)["M"].clone();
    json!({
        "eventID": sequence, "eventName": "INSERT", "eventVersion": "1.1", "eventSource": "aws:dynamodb",
        "awsRegion": "local",
        "dynamodb": {
            "ApproximateCreationDateTime": 1.0, "Keys": { "pk": image["pk"], "sk": image["sk"] }, "NewImage": image,
            "SequenceNumber": sequence, "SizeBytes": 1, "StreamViewType": "NEW_AND_OLD_IMAGES",
        },
    })
}

/// A record that is meant to be `commit`, and cannot be read.
fn unreadable(commit: &Commit, sequence: &str) -> Value {
    let mut record = record(commit, sequence);
    record["dynamodb"]["NewImage"]["events"] = json!({ "S": "?" });
    record
}

/// The sequence numbers of those of `records` that are to be shown again.
async fn failures(projector: &Projector, queue: &dyn RetryQueue, records: Vec<Value>) -> Vec<String> {
    let event: Event = serde_json::from_value(json!({ "Records": records })).unwrap();
    let answer = projector.on_stream(queue, event).await;
    answer.batch_item_failures.into_iter().map(|failure| failure.item_identifier.unwrap()).collect()
}

/// The same, where nothing is left for later.
async fn shown_again(projector: &Projector, records: Vec<Value>) -> Vec<String> {
    let left = RecordingRetries::default();
    let failed = failures(projector, &left, records).await;
    assert_eq!(left.take(), []);
    failed
}

/// What the projector leaves for later of `records`, of which the stream need show nothing again.
async fn left(projector: &Projector, records: Vec<Value>) -> Vec<Retry> {
    let left = RecordingRetries::default();
    assert_eq!(failures(projector, &left, records).await, [""; 0]);
    let left = left.take();
    assert!(left.iter().all(|(retry, seconds)| (retry.failed, *seconds) == (0, 1)), "{left:?}");
    left.into_iter().map(|(retry, _)| retry).collect()
}

/// Lets the queue give back `retries`. Which of the messages, by their place, the queue is to show again itself.
async fn retried(projector: &Projector, queue: &dyn RetryQueue, retries: &[Retry]) -> Vec<String> {
    let messages = (1..).zip(retries).map(|(n, retry)| message(&format!("{n}"), &json!(retry).to_string()));
    let event = json!({ "Records": messages.collect::<Vec<_>>() });
    let answer = on_queue(projector, queue, serde_json::from_value(event).unwrap()).await;
    answer.batch_item_failures.into_iter().map(|failure| failure.item_identifier).collect()
}

/// A message of SQS, as Lambda hands it over.
fn message(id: &str, body: &str) -> Value {
    json!({ "messageId": id, "receiptHandle": "h", "body": body, "attributes": {}, "messageAttributes": {},
            "eventSource": "aws:sqs", "eventSourceARN": "arn:aws:sqs:local:000000000000:projector", "awsRegion": "local" })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_poison_record_is_answered_as_failed_and_the_other_calls_ring() {
    let (world, projector) = world(&Throttle::default()).await;
    let (door, gate, user) = (world.door("device123"), world.door("gate"), world.user("user456"));
    let mut phone = world.phone(&user, "android_1").await;
    let good = world.log(&call_id(&gate.rings("user456", 30).await)).await.commits.remove(0);
    let changed = world.log(&call_id(&door.rings("user456", 30).await)).await.commits.remove(0);
    let unreadable = unreadable(&good, "1");
    // A commit that was changed in the table: its hash no longer matches.
    let update = world.stack.dynamodb.update_item().table_name("events");
    update
        .key("pk", AttributeValue::S(format!("call#{}", changed.call_id)))
        .key("sk", AttributeValue::S("commit#000001".into()))
        .update_expression("SET #at = #at + :one")
        .expression_attribute_names("#at", "at")
        .expression_attribute_values(":one", AttributeValue::N("1".into()))
        .send()
        .await
        .unwrap();
    let failed = shown_again(&projector, vec![unreadable, record(&changed, "2"), record(&good, "3")]).await;
    assert_eq!(failed, ["1", "2"]);
    assert_eq!(phone.hears("incoming").await["call_id"], good.call_id.as_str());
    phone.hears_nothing(Duration::from_millis(300)).await;
    // A call that cannot be read keeps its caller from nothing.
    assert_ne!(call_id(&door.presses("user456", 30).await.ok()), changed.call_id.as_str());
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_stands_in_the_histories_before_anybody_of_its_batch_is_told() {
    let throttle = Throttle::default();
    let (world, projector) = world(&throttle).await;
    let user = world.user("user456");
    // More calls than are told at once, and a broker that keeps each waiting.
    let mut records = vec![];
    for n in 0..=ilock_functions::triggers::projector::AT_ONCE {
        let call = call_id(&world.door(&format!("device{n}")).rings("user456", 30).await);
        records.push(record(&world.log(&call).await.commits[0], &format!("{}", n + 1)));
    }
    throttle.set(Duration::from_mins(1));
    let placed = records.len();
    let delivering = tokio::spawn(async move { shown_again(&projector, records).await });
    while user.gets("/api/calls?limit=100").await.ok()["calls"].as_array().unwrap().len() < placed {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(!delivering.is_finished(), "nobody was told yet: the round lasts for five seconds");
    throttle.set(Duration::ZERO);
    delivering.abort();
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn while_the_histories_cannot_be_written_everybody_is_told_and_they_are_right_once_they_can_be() {
    for (fault, end) in [
        (Fault::Status(500), "cancelled"),
        (Fault::Throttled, "timeout"),
        (Fault::Hangs, "cancelled"),
        (Fault::Hangs, "timeout"),
    ] {
        let throttle = Throttle::default();
        let (world, mut projector) = world(&throttle).await;
        let (door, user) = (world.door("device123"), world.user("user456"));
        let mut phone = world.phone(&user, "android_1").await;
        let mut panel = world.phone(&door, "panel").await;
        let faults = Faults::before(&world.stack.at.dynamodb.to_string()).await;
        projector.directory = Directory::new(dynamodb(&faults.url()), "directory");
        faults.plan_for("PutItem", fault, When::From(0));

        let call = call_id(&door.rings("user456", 30).await);
        let placed = record(&world.log(&call).await.commits[0], "1");
        let begun = Instant::now();
        let hears = async {
            let incoming = phone.hears("incoming").await;
            panel.hears("ringing").await;
            (incoming["call_id"].clone(), begun.elapsed())
        };
        let (mut later, (rung, after)) = futures::join!(left(&projector, vec![placed]), hears);
        assert_eq!((later.len(), rung), (1, json!(call)), "{fault:?}");
        assert!(after < Duration::from_secs(2), "{fault:?}: told after {after:?}");
        assert!(begun.elapsed() < Duration::from_secs(4), "{fault:?}: the next batch waits for {:?}", begun.elapsed());

        if end == "cancelled" {
            door.caller_action(&call, "cancelled").await.ok();
        } else {
            let mut history = world.log(&call).await;
            let late = Clock::fixed(history.call.placed.as_ref().unwrap().terms.deadline.plus(2_000));
            world.stack.calls.expire(&mut history, &late).await.unwrap();
        }
        let over = record(&world.log(&call).await.commits[1], "2");
        let begun = Instant::now();
        let hears = async {
            phone.hears("cancelled").await;
            if end == "timeout" {
                panel.hears("timeout").await;
            }
            begun.elapsed()
        };
        let (over, after) = futures::join!(left(&projector, vec![over]), hears);
        later.extend(over);
        assert_eq!(later.iter().map(|retry| retry.n.0).collect::<Vec<_>>(), [1, 2], "{fault:?}");
        assert!(after < Duration::from_secs(2), "{fault:?}: told after {after:?}");
        assert_eq!(user.gets("/api/calls").await.ok()["calls"], json!([]), "{fault:?}");

        // They cannot be written yet, and are set again for later.
        let again = RecordingRetries::default();
        assert!(retried(&projector, &again, &later).await.is_empty(), "{fault:?}");
        let waits = again.take().into_iter().map(|(retry, seconds)| (retry.n.0, retry.failed, seconds));
        assert_eq!(waits.collect::<BTreeSet<_>>(), BTreeSet::from([(1, 1, 2), (2, 1, 2)]), "{fault:?}");
        // The last of so many tries is the queue's.
        let last = Retry { failed: 6, ..later[0].clone() };
        assert_eq!(retried(&projector, &again, &[last]).await, ["1"], "{fault:?}");
        assert_eq!(again.take(), [], "{fault:?}");

        faults.off();
        let published = throttle.asked();
        assert!(retried(&projector, &again, &later).await.is_empty(), "{fault:?}");
        assert_eq!(again.take(), [], "{fault:?}");
        assert_eq!(throttle.asked(), published, "{fault:?}: nobody is told twice");
        for party in [&door, &user] {
            let calls = party.gets("/api/calls").await.ok()["calls"].clone();
            let state = if end == "cancelled" { "cancelled" } else { "missed" };
            assert_eq!((&calls[0]["call_id"], &calls[0]["state"]), (&json!(call), &json!(state)), "{fault:?}");
            assert_eq!(calls.as_array().unwrap().len(), 1, "{fault:?}");
        }
        world.end().await;
    }
}

/// A phone of `user456` that is woken by push.
async fn asleep(world: &World) -> ClientName {
    let body = json!({ "client_id": "user456_pixel", "platform": "android", "push_token": "fcm-token-1" });
    world.user("user456").posts("/api/mqtt/clients/register", body).await.ok();
    ClientName::new("user456_pixel").unwrap()
}

/// How often the receipts of `call` say that `phone` is settled.
async fn pushed(world: &World, call: &CallId, phone: &ClientName) -> usize {
    let receipts = world.stack.calls.log.load(call).await.unwrap().receipts;
    receipts.iter().filter(|receipt| receipt.phones.contains_key(phone)).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn while_the_push_services_are_down_nobodys_ring_by_mqtt_waits_for_somebodys_push() {
    const CALLS: usize = 40;
    let throttle = Throttle::default();
    let (world, projector) = world(&throttle).await;
    let user = world.user("user456");
    let mut phone = world.phone(&user, "android_1").await;
    let pixel = asleep(&world).await;
    let (mut took, mut shown) = (vec![], vec![]);
    for (kind, down) in [("gate", false), ("door", true)] {
        let mut calls = vec![];
        for n in 0..CALLS {
            let call = call_id(&world.door(&format!("{kind}{n}")).rings("user456", 120).await);
            calls.push(world.log(&call).await.commits.remove(0));
        }
        world.stack.push.down(down);
        let records: Vec<Value> = (1..).zip(&calls).map(|(n, commit)| record(commit, &format!("{n}"))).collect();
        let begun = Instant::now();
        let hears = async {
            for _ in 0..CALLS {
                phone.hears("incoming").await;
            }
            begun.elapsed()
        };
        let (later, all_rung) = futures::join!(left(&projector, records), hears);
        assert_eq!(later.len(), if down { CALLS } else { 0 });
        assert!(begun.elapsed() < Duration::from_secs(3), "the next batch waits for {:?}", begun.elapsed());
        took.push(all_rung);
        shown.push((calls, later));
    }
    assert!(took[1] < took[0] + Duration::from_secs(1), "with and without push services: {took:?}");

    world.stack.push.down(false);
    let (calls, later) = shown.pop().unwrap();
    let published = throttle.asked();
    let again = RecordingRetries::default();
    for batch in later.chunks(10) {
        assert!(retried(&projector, &again, batch).await.is_empty());
    }
    assert_eq!(again.take(), []);
    assert_eq!(throttle.asked(), published, "what was told by MQTT has its receipt");
    for commit in &calls {
        assert_eq!(pushed(&world, &commit.call_id, &pixel).await, 1);
    }
    let (rung, receipts) = (world.stack.push.shown().len(), world.log(calls[0].call_id.as_str()).await.receipts.len());
    assert_eq!((rung, receipts), (2 * CALLS, 2), "one for MQTT, one for the phone");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_of_a_call_waits_for_the_messages_before_it_and_not_for_the_pushes() {
    let throttle = Throttle::default();
    let (world, projector) = world(&throttle).await;
    let (door, user) = (world.door("device123"), world.user("user456"));
    let mut panel = world.phone(&door, "panel").await;
    let pixel = asleep(&world).await;
    let call = call_id(&door.rings("user456", 60).await);
    user.callee_action(&call, "ringing", Some("user456_pixel")).await.ok();
    let commits = world.log(&call).await.commits;
    let records: Vec<Value> = (1..).zip(&commits).map(|(n, commit)| record(commit, &format!("{n}"))).collect();
    world.stack.push.down(true);
    let begun = Instant::now();
    let hears = async {
        panel.hears("ringing").await;
        panel.hears("alerted").await;
        begun.elapsed()
    };
    let (later, after) = futures::join!(left(&projector, records), hears);
    assert_eq!(later.iter().map(|retry| retry.n.0).collect::<Vec<_>>(), [1], "its push is open");
    assert!(after < Duration::from_secs(2), "told after {after:?}");
    world.stack.push.down(false);
    let published = throttle.asked();
    assert!(retried(&projector, &RecordingRetries::default(), &later).await.is_empty());
    let call = CallId::new(call).unwrap();
    assert_eq!((throttle.asked(), pushed(&world, &call, &pixel).await), (published, 1));
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_shown_twice_is_told_once() {
    let throttle = Throttle::default();
    let (world, projector) = world(&throttle).await;
    let commits = {
        let call = call_id(&world.door("device123").rings("user456", 30).await);
        world.log(&call).await.commits
    };
    let records: Vec<Value> = commits.iter().map(|commit| record(commit, "1")).collect();
    assert!(shown_again(&projector, records.clone()).await.is_empty());
    let published = throttle.asked();
    assert_eq!(published, 2);
    assert!(shown_again(&projector, records).await.is_empty());
    assert_eq!(throttle.asked(), published);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_incoming_call_is_not_told_once_it_was_answered_and_the_receipt_says_why() {
    let (world, projector) = world(&Throttle::default()).await;
    let (door, user) = (world.door("device123"), world.user("user456"));
    let mut phone = world.phone(&user, "android_1").await;
    let call = call_id(&door.rings("user456", 30).await);
    user.callee_action(&call, "accepted", Some("user456_android_1")).await.ok();
    let commits = world.log(&call).await.commits;
    // In one batch, the later first: order is still kept per call.
    let records = vec![record(&commits[1], "2"), record(&commits[0], "1")];
    assert!(shown_again(&projector, records).await.is_empty());
    assert_eq!(phone.hears("accepted").await["seq"], 2);
    phone.hears_nothing(Duration::from_millis(300)).await;
    let receipts = world.log(&call).await.receipts;
    let of_placing = receipts.iter().find(|receipt| receipt.n.0 == 1).unwrap();
    assert!(of_placing.notices.values().all(|handed| handed.error.as_deref() == Some("the call no longer rang")));
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_new_commit_is_passed_over() {
    let throttle = Throttle::default();
    let (world, projector) = world(&throttle).await;
    let call = call_id(&world.door("device123").rings("user456", 30).await);
    let commit = world.log(&call).await.commits.remove(0);
    let mut modified = record(&commit, "1");
    modified["eventName"] = json!("MODIFY");
    let mut receipt = record(&commit, "2");
    receipt["dynamodb"]["Keys"]["sk"] = json!({ "S": "receipt#000001#0000" });
    assert!(shown_again(&projector, vec![modified, receipt]).await.is_empty());
    assert_eq!(throttle.asked(), 0);
    world.end().await;
}

/// The record of a commit that was removed.
fn removal(commit: &Commit, sequence: &str) -> Value {
    let mut record = record(commit, sequence);
    record["eventName"] = json!("REMOVE");
    let image = record["dynamodb"].as_object_mut().unwrap().remove("NewImage").unwrap();
    record["dynamodb"]["OldImage"] = image;
    record
}

fn changed(record: Value) -> ChangedCommit {
    ChangedCommit::of(&serde_json::from_value(record).unwrap()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_may_be_removed_once_its_call_is_archived_and_old_and_at_no_other_time() {
    let (world, _) = world(&Throttle::default()).await;
    let log = &world.stack.calls.log;
    let commits = call_of(log, 4).await.commits;
    let (call, placed) = (commits[0].call_id.clone(), commits[0].at);
    let now = Clock::system().now();
    let is_lawful = async |record: Value, now: Millis| changed(record).is_archived(log, now).await.unwrap();
    assert!(!is_lawful(removal(&commits[3], "1"), now).await, "nothing says that it is archived");

    let mark = Archived { tenant: tenant(), at: placed, commits: 3, digest: "ab".repeat(32), archived_at: now };
    assert_eq!(log.mark_archived(&call, &mark).await.unwrap(), mark);
    let other = Archived { digest: "cd".repeat(32), ..mark.clone() };
    assert_eq!(log.mark_archived(&call, &other).await.unwrap(), mark, "what stands there stays");
    for commit in &commits[..3] {
        assert!(is_lawful(removal(commit, "1"), now).await);
        assert!(!is_lawful(removal(commit, "1"), commit.at.plus(Archived::AFTER_MS - 1)).await, "too young");
    }
    assert!(!is_lawful(removal(&commits[3], "1"), now).await, "a commit more than were archived");
    let mut modified = removal(&commits[0], "1");
    modified["eventName"] = json!("MODIFY");
    assert!(!is_lawful(modified, now).await, "a commit is never changed");
    let mut unread = removal(&commits[0], "1");
    unread["dynamodb"]["OldImage"] = json!({});
    assert!(!is_lawful(unread, now).await, "when it was is not known");
    let another = call_of(log, 1).await.commits.remove(0);
    assert!(!is_lawful(removal(&another, "1"), now).await, "another call's mark says nothing");
    // The mark has its place in the day's index, beside the first commit.
    let found = log.placed_on(&tenant(), &mark.day(), None, 10).await.unwrap();
    assert_eq!(found.iter().filter(|(at, id)| (*at, id) == (placed, &call)).count(), 1);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_removal_that_cannot_be_judged_just_now_is_shown_again() {
    let (world, mut projector) = world(&Throttle::default()).await;
    let commits = call_of(&world.stack.calls.log, 2).await.commits;
    let faults = Faults::before(&world.stack.at.dynamodb.to_string()).await;
    projector.log = EventLog::new(dynamodb(&faults.url()), "events");
    faults.plan_for("Query", Fault::Status(500), When::From(0));
    let mut young = removal(&commits[0], "1");
    young["dynamodb"]["OldImage"]["at"] = json!({ "N": Clock::system().now().to_string() });
    let records = vec![young, removal(&commits[0], "2"), removal(&commits[1], "3")];
    assert_eq!(
        shown_again(&projector, records.clone()).await,
        ["2", "3"],
        "a young one is tampering, whatever stands beside it"
    );
    faults.off();
    assert!(shown_again(&projector, records).await.is_empty());
    world.end().await;
}

/// A queue that takes nothing.
struct Refuses;

impl RetryQueue for Refuses {
    fn retry_later(&self, _: Retry, _: i32) -> BoxFuture<'_, Result<(), QueueError>> {
        Box::pin(async { Err(QueueError("no".into())) })
    }
}

/// A call, the push services down, and what the projector leaves for later of it.
async fn pushed_in_vain(world: &World, projector: &Projector) -> (String, Vec<Retry>) {
    let call = call_id(&world.door("device123").rings("user456", 60).await);
    let placed = record(&world.log(&call).await.commits[0], "1");
    world.stack.push.down(true);
    let later = left(projector, vec![placed]).await;
    assert_eq!((later.len(), later[0].call_id.as_str()), (1, call.as_str()));
    (call, later)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_whose_push_fails_holds_back_no_other_call_of_the_stream() {
    let (world, projector) = world(&Throttle::default()).await;
    let pixel = asleep(&world).await;
    let (call, later) = pushed_in_vain(&world, &projector).await;
    let commits = world.log(&call).await.commits;
    let placed = record(&commits[0], "1");
    // What stands behind a record that the stream shows again is shown again with it, and so is not put into the queue.
    let queue = RecordingRetries::default();
    let behind = vec![unreadable(&commits[0], "1"), record(&commits[0], "2")];
    assert_eq!(
        (failures(&projector, &queue, behind).await, queue.take()),
        (vec!["1".to_owned(), "2".to_owned()], vec![])
    );
    let before = vec![placed.clone(), unreadable(&commits[0], "2")];
    assert_eq!((failures(&projector, &queue, before).await, queue.take().len()), (vec!["2".to_owned()], 1));
    // A queue that is out of reach loses nothing: the stream shows the commit again.
    assert_eq!(failures(&projector, &Refuses, vec![placed]).await, ["1"]);
    assert_eq!(retried(&projector, &Refuses, &later).await, ["1"]);
    // What the queue gives back is pushed, while the call rings.
    world.stack.push.down(false);
    let again = RecordingRetries::default();
    assert!(retried(&projector, &again, &later).await.is_empty());
    assert_eq!(pushed(&world, &later[0].call_id, &pixel).await, 1);
    // It may come twice, in one batch too.
    let twice = [later[0].clone(), later[0].clone()];
    assert!(retried(&projector, &again, &twice).await.is_empty());
    assert_eq!(world.stack.push.shown().len(), 1);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_retry_of_a_call_that_is_over_pushes_nothing_and_one_that_names_nothing_is_the_queues() {
    let (world, projector) = world(&Throttle::default()).await;
    let pixel = asleep(&world).await;
    let (call, later) = pushed_in_vain(&world, &projector).await;
    world.door("device123").caller_action(&call, "cancelled").await.ok();
    world.stack.push.down(false);
    let again = RecordingRetries::default();
    assert!(retried(&projector, &again, &later).await.is_empty());
    assert_eq!(
        (again.take(), world.stack.push.shown().len(), pushed(&world, &later[0].call_id, &pixel).await),
        (vec![], 0, 0)
    );
    let receipts = world.log(&call).await.receipts;
    let of_placing = receipts.iter().filter(|receipt| receipt.n.0 == 1).flat_map(|receipt| receipt.notices.values());
    let given_up = of_placing.filter(|handed| handed.error.as_deref() == Some("the call no longer rang")).count();
    assert_eq!(given_up, 1, "the push: {receipts:?}");

    let unknown = Retry { n: CommitNo(9), ..later[0].clone() };
    assert!(
        retried(&projector, &again, &[unknown]).await.is_empty(),
        "it is not in the log: nothing is left to be done"
    );
    let event = json!({ "Records": [message("7", "{}"), message("8", "hello"), message("9", "")] });
    let answer = on_queue(&projector, &again, serde_json::from_value(event).unwrap()).await;
    let failed: Vec<String> = answer.batch_item_failures.into_iter().map(|failure| failure.item_identifier).collect();
    assert_eq!(failed, ["7", "8", "9"]);
    // A store fault costs seconds.
    let mut blind = projector.clone();
    let faults = Faults::before(&world.stack.at.dynamodb.to_string()).await;
    blind.log = EventLog::new(dynamodb(&faults.url()), "events");
    faults.plan_for("Query", Fault::Status(500), When::From(0));
    assert!(retried(&blind, &again, &later).await.is_empty());
    assert_eq!(again.take(), [(Retry { failed: 1, ..later[0].clone() }, 2)]);
    world.end().await;
}
