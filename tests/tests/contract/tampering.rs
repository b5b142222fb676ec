//! Reading a call detects a commit that was changed, moved or inserted.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use ilock_call::BrokenLog;
use ilock_events::{Commit, CommitNo};
use ilock_log::{History, LogError};
use ilock_proof::commit_hash;
use ilock_tests::commands::call_of;
use ilock_tests::engine::Log;

use super::engine;

type Item = HashMap<String, AttributeValue>;

fn text(value: impl Into<String>) -> AttributeValue {
    AttributeValue::S(value.into())
}

fn key(call: &History, n: u32) -> Item {
    let pk = text(format!("call#{}", call.call.id));
    Item::from([("pk".into(), pk), ("sk".into(), text(format!("commit#{n:06}")))])
}

async fn item(log: &Log, call: &History, n: u32) -> Item {
    let get = log.client.get_item().table_name(&log.table).set_key(Some(key(call, n))).consistent_read(true);
    get.send().await.unwrap().item.unwrap()
}

async fn put(log: &Log, item: Item) {
    log.client.put_item().table_name(&log.table).set_item(Some(item)).send().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_of_any_field_of_a_commit_shows() {
    let engine = engine().await;
    let log = engine.log().await;
    let call = call_of(&log.log, 4).await;
    let names: Vec<String> = item(&log, &call, 3).await.into_keys().collect();
    let mut changed = 0;
    for name in names.iter().filter(|name| !["pk", "sk"].contains(&name.as_str())) {
        let before = item(&log, &call, 3).await;
        let mut after = before.clone();
        let forged = match &before[name] {
            AttributeValue::S(_) if name == "state" => text("ended"),
            AttributeValue::S(old) => text(old.replacen(|_: char| true, "0", 1) + "0"),
            AttributeValue::N(old) => AttributeValue::N(format!("1{old}")),
            AttributeValue::L(events) => AttributeValue::L([events.clone(), events.clone()].concat()),
            AttributeValue::M(fields) => {
                let mut fields = fields.clone();
                fields.insert("id".into(), text("somebody"));
                AttributeValue::M(fields)
            }
            other => panic!("{name} is {other:?}"),
        };
        after.insert(name.clone(), forged);
        put(&log, after).await;
        let shown = log.log.load(&call.call.id).await;
        assert!(matches!(shown, Err(LogError::Broken { .. } | LogError::Item { .. })), "{name} was changed: {shown:?}");
        put(&log, before).await;
        changed += 1;
    }
    // n, prev, tenant, cmd, events, state, actor, at, hash.
    assert_eq!(changed, 9, "{names:?}");
    assert!(log.log.load(&call.call.id).await.is_ok(), "put back as it was, it is whole again");
    engine.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_commit_with_its_hash_made_anew_no_longer_fits_the_next() {
    let engine = engine().await;
    let log = engine.log().await;
    let call = call_of(&log.log, 3).await;
    let mut forged: Commit = call.commits[1].clone();
    forged.at = forged.at.plus(1);
    forged.hash = commit_hash(&forged).unwrap();
    let mut stored = item(&log, &call, 2).await;
    stored.insert("at".into(), AttributeValue::N(forged.at.0.to_string()));
    stored.insert("hash".into(), text(forged.hash));
    put(&log, stored).await;
    let shown = log.log.load(&call.call.id).await;
    assert!(
        matches!(shown, Err(LogError::Broken { source: BrokenLog::Chain(CommitNo(3)), .. })),
        "the next one tells: {shown:?}"
    );
    engine.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_of_another_call_or_place_shows() {
    let engine = engine().await;
    let log = engine.log().await;
    let (call, other) = (call_of(&log.log, 2).await, call_of(&log.log, 2).await);
    // The other call's second commit replaces this one's.
    let mut moved = item(&log, &other, 2).await;
    moved.extend(key(&call, 2));
    put(&log, moved).await;
    let shown = log.log.load(&call.call.id).await;
    assert!(matches!(shown, Err(LogError::Broken { source: BrokenLog::Hash(_), .. })), "{shown:?}");
    // This call's second commit again, as its third.
    let mut again = item(&log, &other, 2).await;
    again.extend(key(&other, 3));
    put(&log, again).await;
    let shown = log.log.load(&other.call.id).await;
    assert!(matches!(shown, Err(LogError::Item { .. })), "{shown:?}");
    engine.end().await;
}
