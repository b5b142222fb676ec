//! From the table's own stream through the projector to the phones.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use ilock_env::Clock;
use ilock_events::{CallId, DeliveryPath};
use ilock_tests::backend::{Backend, BackendParts, RecordingRetries, RecordingTimer};
use ilock_tests::engine::Engine;
use ilock_tests::faults::{Fault, Faults, When};
use ilock_tests::localstack;
use ilock_tests::parties::call_id;
use ilock_tests::stream::{Stream, event};
use serde_json::Value;

/// A backend that leaves delivery to the projector, and its log's stream.
struct Fixture {
    engine: Engine,
    backend: Backend,
    events: String,
}

impl Fixture {
    async fn new() -> Self {
        let engine = localstack::engine();
        let events = engine.table_with_stream(ilock_log::TABLE).await;
        let backend = Backend::on(BackendParts {
            dynamodb: engine.client.clone(),
            events: events.clone(),
            directory: engine.table(ilock_directory::TABLE).await,
            timer: Arc::new(RecordingTimer::default()),
            push: None,
            fast_path: false,
            clock: Clock::system(),
        })
        .await;
        let fixture = Self { engine, backend, events };
        fixture.wait_for_the_stream().await;
        fixture
    }

    /// Waits until a new table's stream works. LocalStack gives records of its first second the sequence number of the
    /// shard's start and delivers them again and again.
    async fn wait_for_the_stream(&self) {
        tokio::time::sleep(Duration::from_millis(1500)).await;
        let put = self.engine.client.put_item().table_name(&self.events);
        let text = |text: &str| AttributeValue::S(text.into());
        put.item("pk", text("probe")).item("sk", text("probe")).send().await.unwrap();
        self.stream(localstack::streams()).await.read(1).await;
    }

    async fn stream(&self, client: aws_sdk_dynamodbstreams::Client) -> Stream {
        Stream::of(&self.engine.client, client, &self.events).await
    }

    /// One whole call: placed, alerted, answered, hung up.
    async fn whole_call(&self, n: u32) -> CallId {
        let (door, user) = (self.backend.door(&format!("door{n}")), self.backend.user(&format!("user{n}")));
        let client = format!("user{n}_phone");
        let call = call_id(&door.rings(&user.id, 120).await);
        user.callee_action(&call, "ringing", Some(&client)).await.ok();
        user.callee_action(&call, "accepted", Some(&client)).await.ok();
        door.caller_action(&call, "hangup").await.ok();
        CallId::new(call).unwrap()
    }

    /// Gives `records` to the projector in batches, as Lambda does. Returns the sequence numbers that failed.
    async fn show(&self, records: &[Value]) -> Vec<String> {
        let mut failed = vec![];
        for batch in records.chunks(5) {
            let answer = self.backend.projector.on_stream(&RecordingRetries::default(), event(batch)).await;
            failed.extend(answer.batch_item_failures.into_iter().filter_map(|failure| failure.item_identifier));
        }
        failed
    }

    fn told(&self) -> Vec<String> {
        self.backend.broker.all().into_iter().map(|message| message.message_id.as_str().to_owned()).collect()
    }
}

/// What the event source's filter passes: commits.
fn commits(records: &[Value]) -> Vec<Value> {
    let is_commit = |record: &&Value| record["dynamodb"]["Keys"]["sk"]["S"].as_str().unwrap().starts_with("commit#");
    records.iter().filter(is_commit).cloned().collect()
}

fn sort_keys(records: &[Value], call: &CallId) -> Vec<String> {
    let pk = format!("call#{call}");
    let of_call = records.iter().filter(|record| record["dynamodb"]["Keys"]["pk"]["S"] == pk.as_str());
    of_call.map(|record| record["dynamodb"]["Keys"]["sk"]["S"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_committed_comes_out_of_the_stream_in_order_and_everybody_is_told_once() {
    let fixture = Fixture::new().await;
    let mut calls = vec![];
    for n in 0..3 {
        calls.push(fixture.whole_call(n).await);
    }
    let read = fixture.stream(localstack::streams()).await.read(1 + 3 * 4).await;
    println!("{} records of {} shards", read.records.len(), read.shards);
    let records = commits(&read.records);
    for call in &calls {
        let written: Vec<String> = (1..=4).map(|n| format!("commit#{n:06}")).collect();
        assert_eq!(sort_keys(&records, call), written);
    }
    assert!(records.iter().all(|record| record["eventName"] == "INSERT"));

    // The first call was over before the projector saw it: what is still sent, and why the rest is not.
    assert!(fixture.show(&records).await.is_empty());
    let told = fixture.told();
    assert_eq!(told.len(), told.iter().collect::<BTreeSet<_>>().len(), "nobody was told twice");
    for call in &calls {
        let history = fixture.backend.calls.log.load(call).await.unwrap();
        let settled: BTreeSet<u32> = history.receipts.iter().map(|receipt| receipt.n.0).collect();
        assert_eq!(settled, BTreeSet::from([1, 2, 3, 4]));
        assert!(history.receipts.iter().all(|receipt| receipt.path == DeliveryPath::Projector));
        assert!(told.contains(&format!("{call}:4:0")), "that it is over: {told:?}");
    }

    // The whole stream is read again, receipts included: nothing is sent twice.
    let again = fixture.stream(localstack::streams()).await.read(read.records.len()).await;
    assert!(again.records.len() > read.records.len(), "the receipts are in it too");
    assert!(fixture.show(&commits(&again.records)).await.is_empty());
    assert_eq!(fixture.told(), told);
    fixture.engine.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_rings_is_told_by_the_stream_alone_and_again_when_the_broker_was_down() {
    let fixture = Fixture::new().await;
    fixture.backend.broker.down(true);
    let call = call_id(&fixture.backend.door("device123").rings("user456", 120).await);
    let stream = fixture.stream(localstack::streams()).await;
    let records = commits(&stream.read(2).await.records);
    assert_eq!(records.len(), 1);
    let failed = fixture.show(&records).await;
    assert_eq!(failed, [records[0]["dynamodb"]["SequenceNumber"].as_str().unwrap()], "it is to be shown again");
    assert!(fixture.told().is_empty());

    fixture.backend.broker.down(false);
    assert!(fixture.show(&records).await.is_empty());
    assert_eq!(fixture.told(), [format!("{call}:1:0"), format!("{call}:1:1")]);
    let incoming: Value = serde_json::from_slice(&fixture.backend.broker.all()[0].payload).unwrap();
    assert_eq!(incoming["call_id"], call.as_str());
    let page = fixture.backend.user("user456").gets("/api/calls").await.ok();
    assert_eq!(page["calls"][0]["call_id"], call.as_str(), "and it stands in the history");
    fixture.engine.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_iterator_that_expires_is_made_anew_and_nothing_is_skipped_or_read_twice() {
    let fixture = Fixture::new().await;
    let call = fixture.whole_call(1).await;
    let wanted = fixture.stream(localstack::streams()).await.read(5).await;
    for expires_at in [0, 1, 2] {
        let faults = Faults::before(&fixture.engine.at).await;
        faults.plan_for("GetRecords", Fault::IteratorExpired, When::Once(expires_at));
        let read = fixture.stream(localstack::streams_at(faults.url())).await.read(wanted.records.len()).await;
        assert_eq!(read.expired, 1);
        let sequence = |records: &[Value]| -> Vec<Value> {
            records.iter().map(|record| record["dynamodb"]["SequenceNumber"].clone()).collect()
        };
        assert_eq!(sequence(&read.records), sequence(&wanted.records), "expired at look {expires_at}");
    }
    assert_eq!(sort_keys(&commits(&wanted.records), &call).len(), 4);
    fixture.engine.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_that_is_changed_or_deleted_comes_as_such_and_tells_nobody() {
    let fixture = Fixture::new().await;
    let call = fixture.whole_call(1).await;
    let key = |sk: &str| {
        [("pk", format!("call#{call}")), ("sk", sk.to_owned())]
            .map(|(name, value)| (name.to_owned(), AttributeValue::S(value)))
            .into_iter()
            .collect::<std::collections::HashMap<_, _>>()
    };
    let update = fixture.engine.client.update_item().table_name(&fixture.events);
    update
        .set_key(Some(key("commit#000002")))
        .update_expression("SET #state = :state")
        .expression_attribute_names("#state", "state")
        .expression_attribute_values(":state", AttributeValue::S("ended".into()))
        .send()
        .await
        .unwrap();
    let delete = fixture.engine.client.delete_item().table_name(&fixture.events);
    delete.set_key(Some(key("commit#000003"))).send().await.unwrap();

    let records = commits(&fixture.stream(localstack::streams()).await.read(1 + 4 + 2).await.records);
    let tampering: Vec<Value> = records.into_iter().filter(|record| record["eventName"] != "INSERT").collect();
    let names: Vec<&str> = tampering.iter().map(|record| record["eventName"].as_str().unwrap()).collect();
    assert_eq!(names, ["MODIFY", "REMOVE"]);
    assert_eq!(tampering[0]["dynamodb"]["OldImage"]["state"]["S"], "ringing", "what it was is in the record");
    assert!(fixture.show(&tampering).await.is_empty());
    assert!(fixture.told().is_empty());
    fixture.engine.end().await;
}
