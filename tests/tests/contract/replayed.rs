//! Replaying a day twice gives the same bytes, from the log as from an export.

use std::collections::BTreeMap;

use ilock_audit::export::{Progress, call_line, placed_at};
use ilock_audit::replay::{Story, html, jsonl, mermaid, text};
use ilock_audit::{Finding, Header, Line, verify};
use ilock_events::{Carrier, ClientName, CommitNo, DeliveryOutcome, DeliveryPath, Receipt};
use ilock_log::EventLog;
use ilock_proof::{StoredCall, salt_personal};
use ilock_tests::commands::{call_of, ms};
use ilock_tests::engine::Log;

use super::engine;

/// Every call of the log, found by the day index, in the order of an export.
async fn the_day(log: &EventLog) -> Vec<StoredCall> {
    let mut calls = vec![];
    for keys in log.days().await.unwrap().into_values() {
        for key in keys {
            let mut pages = log.placed_under(key);
            while let Some(page) = pages.next().await.unwrap() {
                for (_, call_id) in page {
                    calls.push(log.stored(&call_id).await.unwrap());
                }
            }
        }
    }
    calls.sort_by_key(|call| (placed_at(call), call.call_id.clone()));
    calls
}

fn told(call: &ilock_audit::CallLine<'_>) -> [String; 4] {
    let story = Story::of(call, ms(0));
    [text(&story), jsonl(&story).unwrap(), mermaid(&story), html(&story, call)]
}

/// The day as an export, and every call replayed in every format.
async fn told_once(log: &EventLog) -> (Vec<u8>, Vec<[String; 4]>) {
    let (mut file, mut progress, mut stories) = (vec![], Progress::default(), vec![]);
    progress.head(&mut file, &Header { with_personal: true, ..Header::default() }.line().unwrap()).unwrap();
    for call in the_day(log).await {
        progress.call(&mut file, &call, true).unwrap();
        let line = String::from_utf8(call_line(1, &call, true).unwrap()).unwrap();
        let (_, Line::Call(line)) = Line::read(line.trim_end()).unwrap() else { panic!("a call") };
        stories.push(told(&line));
    }
    progress.finish(&mut file).unwrap();
    (file, stories)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_day_told_twice_is_the_same_to_the_byte_from_the_log_and_from_its_export() {
    let engine = engine().await;
    let Log { log, .. } = engine.log().await;
    for steps in [1, 2, 3, 4, 4, 3, 2, 1] {
        let call = call_of(&log, steps).await;
        let handed = |carrier: Carrier, target: &str| DeliveryOutcome {
            target: target.into(),
            carrier,
            carrier_id: Some("id-1".into()),
            ms: 12,
            error: None,
        };
        let ring = handed(Carrier::Mqtt, "users/user456/calls/incoming");
        let phone = ClientName::new("user456_android_1").unwrap();
        let woken = BTreeMap::from([(phone, handed(Carrier::Push, "GCM"))]);
        let rounds = [
            (DeliveryPath::Fast, BTreeMap::from([(0, ring)]), BTreeMap::new()),
            (DeliveryPath::Projector, BTreeMap::new(), woken),
        ];
        for (path, notices, phones) in rounds {
            let receipt = Receipt { n: CommitNo::FIRST, path, at: ms(13), notices, phones };
            log.keep_receipt(&call.call.id, &receipt, 0).await.unwrap();
        }
        let words = ilock_events::PersonalText { reason: Some("通话已结束 <b>".into()), ..Default::default() };
        log.keep_personal(&call.call.id, &salt_personal(words, [9; 16]).unwrap().unwrap(), ms(0)).await.unwrap();
    }
    let (file, stories) = told_once(&log).await;
    assert_eq!(stories.len(), 8);
    assert!(told_once(&log).await == (file.clone(), stories.clone()), "told twice it is not the same");

    let export = String::from_utf8(file.clone()).unwrap();
    let from_file: Vec<[String; 4]> = export
        .lines()
        .filter_map(|line| match Line::read(line).unwrap().1 {
            Line::Call(call) => Some(told(&call)),
            _ => None,
        })
        .collect();
    assert!(from_file == stories, "an export tells another story than the log");
    // Every commit is proven. Missing deliveries are another matter; so is the text, which was put beside the commits, and that
    // these calls were all placed into one room at once.
    let known = ["is named by no commit of this call", "was in its room"];
    let expected = |finding: &Finding| known.iter().any(|known| finding.why.contains(known));
    let counts =
        verify::file(file.as_slice(), ms(20_000), |finding| assert!(expected(&finding), "{finding:?}"), |_| {});
    assert_eq!((counts.calls, counts.proven), (8, counts.commits));
    engine.end().await;
}
