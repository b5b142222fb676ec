//! From the table's own stream through the projector to the phones.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use ilock_events::CallId;
use ilock_functions::clock::Clock;
use ilock_tests::backend::{Armed, Backend, Ground};
use ilock_tests::engine::Engine;
use ilock_tests::faults::{Fault, Faults, When};
use ilock_tests::localstack;
use ilock_tests::parties::call_id;
use ilock_tests::stream::{Stream, event};
use serde_json::Value;

/// A backend that leaves the telling to the projector, and its log's stream.
struct House {
    engine: Engine,
    backend: Backend,
    events: String,
}

impl House {
    async fn new() -> Self {
        let engine = localstack::engine();
        let events = engine.table_with_stream(ilock_log::TABLE).await;
        let backend = Backend::on(Ground {
            dynamodb: engine.client.clone(),
            events: events.clone(),
            directory: engine.table(ilock_directory::TABLE).await,
            timer: Arc::new(Armed::default()),
            push: None,
            fast_path: false,
            clock: Clock::system(),
        })
        .await;
        let house = Self { engine, backend, events };
        house.wait_for_the_stream().await;
        house
    }

    /// A new table's stream takes a moment to come up; what LocalStack is given in its first second has the number of
    /// the shard's beginning, and is shown again and again.
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
        user.callee_action(&call, "ringing", Some(&client)).await.well();
        user.callee_action(&call, "accepted", Some(&client)).await.well();
        door.caller_action(&call, "hangup").await.well();
        CallId::new(call).unwrap()
    }

    /// Shows the projector `records`, in batches as Lambda would; the sequence numbers that failed.
    async fn show(&self, records: &[Value]) -> Vec<String> {
        let mut failed = vec![];
        for batch in records.chunks(5) {
            let answer = self.backend.projector.on_stream(event(batch)).await;
            failed.extend(answer.batch_item_failures.into_iter().filter_map(|failure| failure.item_identifier));
        }
        failed
    }

    fn told(&self) -> Vec<String> {
        self.backend.told.all().into_iter().map(|message| message.message_id.as_str().to_owned()).collect()
    }
}

/// What the event source's filter lets through: commits.
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
    let house = House::new().await;
    let mut calls = vec![];
    for n in 0..3 {
        calls.push(house.whole_call(n).await);
    }
    let read = house.stream(localstack::streams()).await.read(1 + 3 * 4).await;
    println!("{} records of {} shards", read.records.len(), read.shards);
    let records = commits(&read.records);
    for call in &calls {
        let written: Vec<String> = (1..=4).map(|n| format!("commit#{n:06}")).collect();
        assert_eq!(sort_keys(&records, call), written);
    }
    assert!(records.iter().all(|record| record["eventName"] == "INSERT"));

    // The first call was over before the projector saw it: what is still worth telling, and why the rest was not told.
    assert!(house.show(&records).await.is_empty());
    let told = house.told();
    assert_eq!(told.len(), told.iter().collect::<BTreeSet<_>>().len(), "nobody was told twice");
    for call in &calls {
        let history = house.backend.app.calls.log.load(call).await.unwrap();
        let settled: BTreeSet<u32> = history.receipts.iter().map(|receipt| receipt.n.0).collect();
        assert_eq!(settled, BTreeSet::from([1, 3, 4]), "an alert is told to nobody");
        assert!(history.receipts.iter().all(|receipt| receipt.path == "projector"));
        assert!(told.contains(&format!("{call}:4:0")), "that it is over: {told:?}");
    }

    // The stream is read once more from its beginning, receipts and all: nobody hears a thing again.
    let again = house.stream(localstack::streams()).await.read(read.records.len()).await;
    assert!(again.records.len() > read.records.len(), "the receipts are in it too");
    assert!(house.show(&commits(&again.records)).await.is_empty());
    assert_eq!(house.told(), told);
    house.engine.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_rings_is_told_by_the_stream_alone_and_again_when_the_broker_was_down() {
    let house = House::new().await;
    house.backend.told.down(true);
    let call = call_id(&house.backend.door("device123").rings("user456", 120).await);
    let stream = house.stream(localstack::streams()).await;
    let records = commits(&stream.read(2).await.records);
    assert_eq!(records.len(), 1);
    let failed = house.show(&records).await;
    assert_eq!(failed, [records[0]["dynamodb"]["SequenceNumber"].as_str().unwrap()], "it is to be shown again");
    assert!(house.told().is_empty());

    house.backend.told.down(false);
    assert!(house.show(&records).await.is_empty());
    assert_eq!(house.told(), [format!("{call}:1:0"), format!("{call}:1:1")]);
    let incoming: Value = serde_json::from_slice(&house.backend.told.all()[0].payload).unwrap();
    assert_eq!(incoming["call_id"], call.as_str());
    let page = house.backend.user("user456").gets("/api/calls").await.well();
    assert_eq!(page["calls"][0]["call_id"], call.as_str(), "and it stands in the history");
    house.engine.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_iterator_that_expires_is_made_anew_and_nothing_is_skipped_or_read_twice() {
    let house = House::new().await;
    let call = house.whole_call(1).await;
    let wanted = house.stream(localstack::streams()).await.read(5).await;
    for expires_at in [0, 1, 2] {
        let faults = Faults::before(&house.engine.at).await;
        faults.plan_for("GetRecords", Fault::IteratorExpired, When::Once(expires_at));
        let read = house.stream(localstack::streams_at(faults.url())).await.read(wanted.records.len()).await;
        assert_eq!(read.expired, 1);
        let sequence = |records: &[Value]| -> Vec<Value> {
            records.iter().map(|record| record["dynamodb"]["SequenceNumber"].clone()).collect()
        };
        assert_eq!(sequence(&read.records), sequence(&wanted.records), "expired at look {expires_at}");
    }
    assert_eq!(sort_keys(&commits(&wanted.records), &call).len(), 4);
    house.engine.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_that_is_changed_or_deleted_comes_as_such_and_tells_nobody() {
    let house = House::new().await;
    let call = house.whole_call(1).await;
    let key = |sk: &str| {
        [("pk", format!("call#{call}")), ("sk", sk.to_owned())]
            .map(|(name, value)| (name.to_owned(), AttributeValue::S(value)))
            .into_iter()
            .collect::<std::collections::HashMap<_, _>>()
    };
    let update = house.engine.client.update_item().table_name(&house.events);
    update
        .set_key(Some(key("commit#000002")))
        .update_expression("SET #state = :state")
        .expression_attribute_names("#state", "state")
        .expression_attribute_values(":state", AttributeValue::S("ended".into()))
        .send()
        .await
        .unwrap();
    let delete = house.engine.client.delete_item().table_name(&house.events);
    delete.set_key(Some(key("commit#000003"))).send().await.unwrap();

    let records = commits(&house.stream(localstack::streams()).await.read(1 + 4 + 2).await.records);
    let tampering: Vec<Value> = records.into_iter().filter(|record| record["eventName"] != "INSERT").collect();
    let names: Vec<&str> = tampering.iter().map(|record| record["eventName"].as_str().unwrap()).collect();
    assert_eq!(names, ["MODIFY", "REMOVE"]);
    assert_eq!(tampering[0]["dynamodb"]["OldImage"]["state"]["S"], "ringing", "what it was is in the record");
    assert!(house.show(&tampering).await.is_empty());
    assert!(house.told().is_empty());
    house.engine.end().await;
}
