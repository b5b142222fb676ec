//! The stream of the embedded stack: what was read is not kept, and what nobody may do to a commit is noticed.

use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use ilock_lambda::lines_of_json;
use ilock_local::Options;
use ilock_tests::parties::call_id;
use ilock_tests::{LogLines, World};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

/// A request to the embedded DynamoDB; the answer.
async fn ask(world: &World, operation: &str, body: Value) -> Value {
    let request = reqwest::Client::new()
        .post(format!("http://{}/", world.stack.at.dynamodb))
        .header("x-amz-target", format!("DynamoDBStreams_20120810.{operation}"))
        .body(body.to_string());
    serde_json::from_str(&request.send().await.unwrap().text().await.unwrap()).unwrap()
}

/// The sequence numbers that the stream of the log still has.
async fn kept(world: &World) -> Vec<String> {
    let streams = ask(world, "ListStreams", json!({ "TableName": "events" })).await;
    let arn = &streams["Streams"][0]["StreamArn"];
    let stream = ask(world, "DescribeStream", json!({ "StreamArn": arn })).await;
    let shard = &stream["StreamDescription"]["Shards"][0]["ShardId"];
    let from_start = json!({ "StreamArn": arn, "ShardId": shard, "ShardIteratorType": "TRIM_HORIZON" });
    let iterator = ask(world, "GetShardIterator", from_start).await;
    let read = ask(world, "GetRecords", json!({ "ShardIterator": iterator["ShardIterator"] })).await;
    let records = read["Records"].as_array().unwrap();
    records.iter().map(|record| record["dynamodb"]["SequenceNumber"].as_str().unwrap().to_owned()).collect()
}

async fn ten_calls(world: &World) {
    let door = world.door("device123");
    world.user("user456").registers("phone").await;
    for _ in 0..10 {
        let call = call_id(&door.rings("user456", 30).await);
        door.caller_action(&call, "cancelled").await.ok();
    }
}

/// Waits until the stream has only the record at its position: the next sequence number follows from it.
async fn until_one_is_kept(world: &World) -> String {
    let until = Instant::now() + Duration::from_secs(10);
    loop {
        let kept = kept(world).await;
        if let [last] = &kept[..] {
            return last.clone();
        }
        assert!(Instant::now() < until, "{} records are kept", kept.len());
        sleep(Duration::from_millis(100)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_projector_and_ledger_have_read_is_not_kept() {
    let world = World::new().await;
    ten_calls(&world).await;
    until_one_is_kept(&world).await;
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_stream_goes_on_in_a_data_directory_whose_records_were_deleted() {
    let dir = tempfile::tempdir().unwrap();
    let options = || Options { data_dir: Some(dir.path().into()), ..Options::anywhere() };
    let world = World::with(options()).await;
    ten_calls(&world).await;
    let last = until_one_is_kept(&world).await;
    world.end().await;
    let world = World::with(options()).await;
    ten_calls(&world).await;
    let history = world.door("device123");
    let until = Instant::now() + Duration::from_secs(10);
    while history.gets("/api/calls?limit=20").await.ok()["calls"].as_array().unwrap().len() < 20 {
        assert!(Instant::now() < until, "the projector read on");
        sleep(Duration::from_millis(100)).await;
    }
    assert!(until_one_is_kept(&world).await > last, "sequence numbers go on");
    world.end().await;
}

/// Waits for an error that says so of this call.
async fn until_raised(lines: &LogLines, event: &str, call: &str) {
    let until = Instant::now() + Duration::from_secs(5);
    loop {
        let text = lines.text();
        let raised = text.lines().any(|line| {
            ["TAMPERED: a commit was changed or deleted", event, call].iter().all(|part| line.contains(part))
        });
        if raised {
            return;
        }
        assert!(Instant::now() < until, "no alarm of {event}: {text}");
        sleep(Duration::from_millis(50)).await;
    }
}

/// All tasks of this runtime run on this thread, and so only they log here.
#[tokio::test]
async fn a_commit_that_is_changed_or_deleted_raises_the_alarm() {
    let lines = LogLines::default();
    let to = lines.clone();
    let _logging = tracing::subscriber::set_default(lines_of_json(move || to.clone()));
    let world = World::new().await;
    world.user("user456").registers("phone").await;
    let call = call_id(&world.door("device123").rings("user456", 30).await);
    let key = |name: &str| match name {
        "pk" => AttributeValue::S(format!("call#{call}")),
        _ => AttributeValue::S("commit#000001".into()),
    };
    let table = world.stack.dynamodb.update_item().table_name("events").key("pk", key("pk")).key("sk", key("sk"));
    table
        .update_expression("SET forged = :it")
        .expression_attribute_values(":it", AttributeValue::Bool(true))
        .send()
        .await
        .unwrap();
    until_raised(&lines, "MODIFY", &call).await;
    let table = world.stack.dynamodb.delete_item().table_name("events").key("pk", key("pk")).key("sk", key("sk"));
    table.send().await.unwrap();
    until_raised(&lines, "REMOVE", &call).await;
    world.end().await;
}
