//! Requests about the table as a whole.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_dynamodb::types::AttributeValue;
use ilock_events::{CallId, CommitNo};
use ilock_log::{CommitLocation, History};
use ilock_proof::day_key;
use ilock_tests::commands::call_of;

use super::engine;

#[tokio::test(flavor = "multi_thread")]
async fn the_index_by_day_has_every_call_once_under_the_day_it_was_placed_on() {
    let engine = engine().await;
    let log = engine.log().await;
    let mut calls: Vec<History> = vec![];
    for steps in [1, 2, 3, 4, 4, 1] {
        calls.push(call_of(&log.log, steps).await);
    }
    let mut found: Vec<(String, String)> = vec![];
    for bucket in 0..8 {
        let query = log.client.query().table_name(&log.table).index_name("by_day");
        let page = query
            .key_condition_expression("#day = :day")
            .expression_attribute_names("#day", "day")
            .expression_attribute_values(":day", AttributeValue::S(format!("default#2023-03-27#{bucket}")))
            .send()
            .await
            .unwrap();
        let text = |value: &AttributeValue| value.as_s().unwrap().clone();
        found.extend(page.items().iter().map(|item| (text(&item["pk"]), text(&item["sk"]))));
    }
    let wanted: BTreeSet<(String, String)> =
        calls.iter().map(|call| (format!("call#{}", call.call.id), "commit#000001".to_owned())).collect();
    assert_eq!(found.len(), wanted.len(), "each once");
    assert_eq!(found.into_iter().collect::<BTreeSet<_>>(), wanted);
    engine.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_commit_is_found_without_the_index_call_by_call_with_the_day_on_the_first_alone() {
    type Standing = (String, Option<String>);
    let engine = engine().await;
    let log = engine.log().await;
    let mut calls: BTreeMap<CallId, History> = BTreeMap::new();
    for steps in [1, 2, 3, 4, 4, 1] {
        let call = call_of(&log.log, steps).await;
        calls.insert(call.call.id.clone(), call);
    }
    let mut every = log.log.every_commit();
    let mut found: Vec<(CallId, Vec<Standing>)> = vec![];
    while let Some(next) = every.next().await.unwrap() {
        if !next.is_commit() {
            assert!(next.sk.starts_with("personal#"), "{next:?}");
            continue;
        }
        let CommitLocation { call_id, sk, day } = next;
        let call_id = call_id.unwrap();
        match found.last_mut().filter(|(last, _)| *last == call_id) {
            Some((_, commits)) => commits.push((sk, day)),
            None => found.push((call_id, vec![(sk, day)])),
        }
    }
    assert_eq!(found.len(), calls.len(), "each call's stand together");
    for (call_id, commits) in found {
        let due = calls[&call_id].commits.iter().map(|commit| {
            let day = (commit.n == CommitNo::FIRST).then(|| day_key(commit));
            (format!("commit#{:06}", commit.n.0), day)
        });
        assert_eq!(commits, due.collect::<Vec<_>>());
    }
    engine.end().await;
}
