//! A commit that cannot be read goes to the projector's dead letters, and no other call is affected.

use aws_sdk_dynamodb::types::AttributeValue::S;
use aws_sdk_dynamodbstreams::types::{AttributeValue, ShardIteratorType};
use serde_json::Value;

use crate::deployment::{Deployment, aws, dynamodb, eventually};
use crate::phone::Phone;

#[tokio::test]
async fn a_poison_commit_ends_with_the_dead_letters_while_the_next_call_rings() {
    let deployment = Deployment::here();
    let (door, gustav) = (deployment.door("cellar"), deployment.user("gustav"));
    let mut phone = Phone::of(&deployment, &gustav, "phone").await;

    let poisoned = format!("call#poison-{}", std::process::id());
    let put = dynamodb().await.put_item().table_name(deployment.output("EventsTableName"));
    let put = put.item("pk", S(poisoned.clone())).item("sk", S("commit#000001".into())).item("n", S("nonsense".into()));
    put.send().await.unwrap();

    let call = door.rings(&gustav, 60).await;
    assert_eq!(phone.hears("incoming").await.body["call_id"], call);
    door.as_caller(&call, "cancelled").await;
    phone.hears("cancelled").await;

    // The letter gives the record's position in the stream, and that it is a single record.
    let letter = dead_letter_about(&deployment, &poisoned).await;
    assert_eq!(letter["DDBStreamBatchInfo"]["batchSize"], 1, "{letter}");
    // And the projector continues after it.
    gustav.history_comes_to_say(&call, "cancelled").await;
}

/// Receives letters until one is about this partition.
async fn dead_letter_about(deployment: &Deployment, pk: &str) -> Value {
    let sqs = aws_sdk_sqs::Client::new(&aws().await);
    eventually(&format!("a dead letter about {pk}"), || async {
        let letters = sqs.receive_message().queue_url(deployment.output("ProjectorDeadLettersUrl"));
        for message in letters.send().await.unwrap().messages.unwrap_or_default() {
            let letter: Value = serde_json::from_str(message.body().unwrap()).unwrap();
            if partition_at(&letter["DDBStreamBatchInfo"]).await == pk {
                return Some(letter);
            }
        }
        None
    })
    .await
}

/// The partition key of the record that a letter starts with.
async fn partition_at(place: &Value) -> String {
    let text = |name: &str| place[name].as_str().unwrap();
    let streams = aws_sdk_dynamodbstreams::Client::new(&aws().await);
    let iterator = streams.get_shard_iterator().stream_arn(text("streamArn")).shard_id(text("shardId"));
    let iterator = iterator.sequence_number(text("startSequenceNumber"));
    let iterator = iterator.shard_iterator_type(ShardIteratorType::AtSequenceNumber).send().await.unwrap();
    let records = streams.get_records().set_shard_iterator(iterator.shard_iterator).limit(1).send().await.unwrap();
    let keys = records.records.unwrap().remove(0).dynamodb.unwrap().keys.unwrap();
    let AttributeValue::S(pk) = &keys["pk"] else { panic!("{keys:?}") };
    pk.clone()
}
