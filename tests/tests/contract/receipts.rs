//! Delivery receipts: one for each round, never overwritten.

use std::collections::{BTreeMap, BTreeSet};

use futures::future::join_all;
use ilock_events::{Carrier, CommitNo, DeliveryOutcome, DeliveryPath, Receipt};
use ilock_tests::commands::{call_of, ms};
use ilock_tests::engine::Log;

use super::engine;

fn receipt(path: DeliveryPath, target: &str) -> Receipt {
    let handed =
        DeliveryOutcome { target: target.into(), carrier: Carrier::Mqtt, carrier_id: None, ms: 12, error: None };
    let given_up = DeliveryOutcome {
        error: Some("its time had passed".into()),
        carrier_id: Some("7".into()),
        ms: -1,
        ..handed.clone()
    };
    Receipt {
        n: CommitNo::FIRST,
        path,
        at: ms(12),
        notices: BTreeMap::from([(0, handed), (7, given_up)]),
        phones: BTreeMap::new(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn receipts_are_loaded_beside_the_commits_as_they_were_kept() {
    let engine = engine().await;
    let Log { log, .. } = engine.log().await;
    let call = call_of(&log, 2).await;
    let (fast, second) =
        (receipt(DeliveryPath::Fast, "users/user456/calls/incoming"), receipt(DeliveryPath::Projector, "前门"));
    log.keep_receipt(&call.call.id, &fast, 0).await.unwrap();
    log.keep_receipt(&call.call.id, &second, 1).await.unwrap();
    let loaded = log.load(&call.call.id).await.unwrap();
    assert_eq!(loaded.receipts, [fast, second]);
    assert_eq!(loaded.commits, call.commits);
    engine.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_round_that_is_taken_is_not_overwritten_the_next_free_one_is_used() {
    let engine = engine().await;
    let Log { log, .. } = engine.log().await;
    let call = call_of(&log, 1).await;
    for target in ["first", "second", "third"] {
        log.keep_receipt(&call.call.id, &receipt(DeliveryPath::Projector, target), 0).await.unwrap();
    }
    let loaded = log.load(&call.call.id).await.unwrap();
    let targets: Vec<&str> = loaded.receipts.iter().map(|receipt| receipt.notices[&0].target.as_str()).collect();
    assert_eq!(targets, ["first", "second", "third"]);
    engine.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn receipts_kept_at_the_same_moment_are_all_there() {
    let engine = engine().await;
    let Log { log, .. } = engine.log().await;
    let call = call_of(&log, 1).await;
    let kept = (0..10).map(|n| {
        let (log, call_id) = (log.clone(), call.call.id.clone());
        async move {
            log.keep_receipt(&call_id, &receipt(DeliveryPath::Projector, &format!("writer {n}")), 1).await.unwrap();
        }
    });
    join_all(kept).await;
    let loaded = log.load(&call.call.id).await.unwrap();
    let targets: BTreeSet<String> = loaded.receipts.iter().map(|receipt| receipt.notices[&0].target.clone()).collect();
    assert_eq!(targets, (0..10).map(|n| format!("writer {n}")).collect());
    engine.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receipt_whose_write_is_sent_again_after_its_answer_was_lost_stands_there_once() {
    let engine = engine().await;
    let Log { log, .. } = engine.log().await;
    let call = call_of(&log, 1).await;
    let fast = receipt(DeliveryPath::Fast, "users/user456/calls/incoming");
    for _ in 0..2 {
        log.keep_receipt(&call.call.id, &fast, 0).await.unwrap();
    }
    let later = Receipt { at: ms(13), ..fast.clone() };
    log.keep_receipt(&call.call.id, &later, 0).await.unwrap();
    assert_eq!(log.load(&call.call.id).await.unwrap().receipts, [fast, later]);
    engine.end().await;
}
