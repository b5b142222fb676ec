//! Loading a call: all of it, or an error.

use std::collections::BTreeMap;

use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;
use ilock_call::BrokenLog;
use ilock_events::{Carrier, CommitNo, DeliveryOutcome, DeliveryPath, Receipt};
use ilock_log::{History, LogError};
use ilock_proof::UnreadableItem;
use ilock_tests::commands::{assert_whole, call_of, fresh_call, ms};
use ilock_tests::engine::Log;

use super::engine;

fn text(value: impl Into<String>) -> AttributeValue {
    AttributeValue::S(value.into())
}

async fn delete(log: &Log, call: &History, sk: &str) {
    let delete = log.client.delete_item().table_name(&log.table);
    delete.key("pk", text(format!("call#{}", call.call.id))).key("sk", text(sk)).send().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_was_never_placed_has_an_empty_history() {
    let engine = engine().await;
    let Log { log, .. } = engine.log().await;
    assert_whole(&log, &History::unplaced(fresh_call())).await;
    engine.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_loaded_is_what_was_committed_in_every_field() {
    let engine = engine().await;
    let Log { log, .. } = engine.log().await;
    for steps in 1..=4 {
        assert_whole(&log, &call_of(&log, steps).await).await;
    }
    engine.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_of_many_pages_is_loaded_whole() {
    let engine = engine().await;
    let Log { log, .. } = engine.log().await;
    let call = call_of(&log, 4).await;
    // A page holds 1 MB: these are two pages.
    for round in 0..200 {
        let handed = DeliveryOutcome {
            target: "t".repeat(10_000),
            carrier: Carrier::Mqtt,
            carrier_id: None,
            ms: 1,
            error: None,
        };
        let notices = BTreeMap::from([(round, handed)]);
        let receipt =
            Receipt { n: CommitNo::FIRST, path: DeliveryPath::Projector, at: ms(1), notices, phones: BTreeMap::new() };
        log.keep_receipt(&call.call.id, &receipt, round).await.unwrap();
    }
    let loaded = log.load(&call.call.id).await.unwrap();
    assert_eq!(loaded.commits, call.commits);
    let rounds: Vec<u32> = loaded.receipts.iter().flat_map(|receipt| receipt.notices.keys().copied()).collect();
    assert_eq!(rounds, (0..200).collect::<Vec<_>>(), "every one, in order");
    engine.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_with_a_commit_missing_is_an_error_that_names_the_gap_and_never_a_guess() {
    let engine = engine().await;
    let log = engine.log().await;
    for (missing, found) in [(1, 2), (2, 3), (3, 4)] {
        let call = call_of(&log.log, 4).await;
        delete(&log, &call, &format!("commit#{missing:06}")).await;
        let broken = log.log.load(&call.call.id).await;
        let Err(LogError::Broken { call_id, source: BrokenLog::Gap { expected, found: at } }) = broken else {
            panic!("without commit {missing}: {broken:?}")
        };
        assert_eq!((call_id, expected, at), (call.call.id, CommitNo(missing), CommitNo(found)));
    }
    engine.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_item_that_cannot_be_read_is_an_error_that_names_it() {
    let engine = engine().await;
    let log = engine.log().await;
    for sk in ["commit#000002", "receipt#000001#0000", "personal#0123456789abcdef"] {
        let call = call_of(&log.log, 1).await;
        let put = log.client.put_item().table_name(&log.table);
        put.item("pk", text(format!("call#{}", call.call.id)))
            .item("sk", text(sk))
            .item("n", text("two"))
            .send()
            .await
            .unwrap();
        let unreadable = log.log.load(&call.call.id).await;
        assert!(matches!(&unreadable, Err(LogError::Item { key, .. }) if key == sk), "{sk}: {unreadable:?}");
    }
    engine.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_newer_version_keeps_beside_a_call_is_passed_over() {
    let engine = engine().await;
    let log = engine.log().await;
    let call = call_of(&log.log, 2).await;
    let put = log.client.put_item().table_name(&log.table);
    put.item("pk", text(format!("call#{}", call.call.id))).item("sk", text("recording#1")).send().await.unwrap();
    assert_whole(&log.log, &call).await;
    engine.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_item_that_json_cannot_hold_is_named_to_an_auditor_and_hides_nothing_else() {
    let engine = engine().await;
    let log = engine.log().await;
    let call = call_of(&log.log, 2).await;
    let binary = AttributeValue::B(Blob::new([0; 3]));
    let put = log.client.put_item().table_name(&log.table).item("zz", binary);
    put.item("pk", text(format!("call#{}", call.call.id))).item("sk", text("note#1")).send().await.unwrap();
    let stored = log.log.stored(&call.call.id).await.unwrap();
    let why = "its attribute zz is binary, and the log has none such".to_owned();
    assert_eq!(stored.unreadable, [UnreadableItem { sk: "note#1".into(), why }]);
    assert_eq!(stored.commits.len(), 2);
    let whole = log.log.stored_whole(&call.call.id).await;
    assert!(matches!(&whole, Err(LogError::Item { key, .. }) if key == "note#1"), "{whole:?}");
    assert_whole(&log.log, &call).await;
    engine.end().await;
}
