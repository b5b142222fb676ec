//! What the projector leaves for later: from its queue, through the function, into the histories.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue::{self, S};
use ilock_events::{CallId, CommitNo};
use ilock_functions::triggers::retry_queue::Retry;

use crate::deployment::{Deployment, Party, aws, dynamodb};

type Item = HashMap<String, AttributeValue>;

/// All items of a partition, in the order of their sort keys.
async fn items(table: &str, pk: String) -> Vec<Item> {
    let query = dynamodb().await.query().table_name(table).consistent_read(true).key_condition_expression("pk = :pk");
    query.expression_attribute_values(":pk", S(pk)).send().await.unwrap().items.unwrap()
}

/// The number of the call's last commit.
async fn last_commit(deployment: &Deployment, call: &str) -> CommitNo {
    let items = items(deployment.output("EventsTableName"), format!("call#{call}")).await;
    let mut numbers = items.iter().filter_map(|item| item["sk"].as_s().unwrap().strip_prefix("commit#"));
    CommitNo(numbers.next_back().unwrap().parse().unwrap())
}

/// Takes the call out of the person's history, as if the projector had not been able to write there.
async fn loses(deployment: &Deployment, person: &Party, call: &str) {
    let table = deployment.output("DirectoryTableName");
    let rows = items(table, format!("inbox#user#{}", person.id)).await;
    let row = rows.into_iter().find(|row| row["sk"].as_s().unwrap().ends_with(call)).expect("it is in the history");
    let delete = dynamodb().await.delete_item().table_name(table);
    delete.key("pk", row["pk"].clone()).key("sk", row["sk"].clone()).send().await.unwrap();
    let page = person.asks("GET", "/api/calls", None).await.ok();
    assert_eq!(page["calls"], serde_json::json!([]));
}

#[tokio::test]
async fn a_commit_from_the_retry_queue_comes_into_the_history() {
    let deployment = Deployment::here();
    let (door, hans) = (deployment.door("garden"), deployment.user("hans"));
    let call = door.rings(&hans, 60).await;
    door.as_caller(&call, "cancelled").await;
    hans.history_comes_to_say(&call, "cancelled").await;
    loses(&deployment, &hans, &call).await;

    let retry =
        Retry { call_id: CallId::new(call.as_str()).unwrap(), n: last_commit(&deployment, &call).await, failed: 0 };
    let body = serde_json::to_string(&retry).unwrap();
    let sqs = aws_sdk_sqs::Client::new(&aws().await);
    let send = sqs.send_message().queue_url(deployment.output("ProjectorQueueUrl")).message_body(body);
    send.send().await.unwrap();

    hans.history_comes_to_say(&call, "cancelled").await;
    deployment.queue_runs_empty("ProjectorQueueUrl").await;
}
