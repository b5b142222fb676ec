//! The ledger: everything is entered and published, however often and in whatever cut the stream delivers it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::interceptors::BeforeSerializationInterceptorContextRef;
use aws_sdk_dynamodb::config::{ConfigBag, Intercept};
use aws_sdk_dynamodb::error::BoxError;
use aws_sdk_dynamodb::operation::delete_item::DeleteItemInput;
use ilock_events::Commit;
use ilock_functions::triggers::ledger::LedgerKeeper;
use ilock_log::ledger::{LEDGER_TABLE, Ledger, Sequencer};
use ilock_proof::{Entry, EntryKind};
use ilock_tests::commands::call_of;
use ilock_tests::engine::Engine;
use ilock_tests::ledger::{FaultyStore, StoreFault, TestLedger, entries, of_commits};
use tokio::sync::Notify;

use super::engine;

/// The commits of `calls` calls of up to four steps.
async fn commits(engine: &Engine, calls: usize) -> Vec<Commit> {
    let log = engine.log().await;
    let mut commits = vec![];
    for call in 0..calls {
        commits.extend(call_of(&log.log, call % 4 + 1).await.commits);
    }
    commits
}

fn set(entries: &[Entry]) -> BTreeSet<Entry> {
    entries.iter().copied().collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_that_is_shown_is_published_however_often_and_in_whatever_cut() {
    let engine = engine().await;
    let test = TestLedger::new(&engine).await;
    let keeper = LedgerKeeper { ledger: test.ledger.clone() };
    let wanted = of_commits(&commits(&engine, 9).await);
    keeper.enter(&wanted).await.unwrap();
    keeper.enter(&wanted).await.unwrap();
    test.settle().await;
    let once = test.whole().await;
    let counted = |all: &[Entry]| all.iter().filter(|entry| entry.kind == EntryKind::Commit).count();
    assert_eq!((test.of_calls().await, counted(&once)), (set(&wanted), wanted.len()), "the same batch is one item");
    // Key and hour come first.
    assert_eq!(once[..2].iter().map(|entry| entry.kind).collect::<Vec<_>>(), [EntryKind::Key, EntryKind::Hour]);

    // In another cut, and behind one another: entries may stand twice, and none is lost.
    for part in wanted.chunks(2) {
        keeper.enter(part).await.unwrap();
    }
    let done = test.settle().await;
    assert!(done.entries > 0 && test.whole().await.starts_with(&once), "what was published stays");
    assert_eq!(test.of_calls().await, set(&wanted));
    assert_eq!(test.settle().await.rounds, 0, "nothing waits any more");
    engine.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sequencers_and_consumers_that_race_lose_nothing_and_never_rewind() {
    let engine = engine().await;
    let test = TestLedger::new(&engine).await;
    let wanted = entries(0..400);
    let enter = async |part: &[Entry]| {
        for batch in part.chunks(7) {
            test.ledger.enter(batch).await.unwrap();
        }
    };
    let (first, second) = wanted.split_at(200);
    tokio::join!(
        enter(first),
        enter(second),
        enter(first),
        async {
            for _ in 0..20 {
                test.settle().await;
            }
        },
        async {
            for _ in 0..20 {
                test.settle().await;
            }
        },
        async {
            for _ in 0..20 {
                test.settle().await;
            }
        }
    );
    test.settle().await;
    assert_eq!(test.of_calls().await, set(&wanted));
    engine.end().await;
}

/// Holds the first deletion of an item until it is let go.
#[derive(Debug, Default, Clone)]
struct HeldDeletion(Arc<(AtomicBool, Notify, Notify)>);

impl Intercept for HeldDeletion {
    fn name(&self) -> &'static str {
        "HeldDeletion"
    }

    fn read_before_execution(
        &self,
        context: &BeforeSerializationInterceptorContextRef<'_>,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let (held, reached, let_go) = &*self.0;
        if context.input().downcast_ref::<DeleteItemInput>().is_some() && !held.swap(true, Ordering::SeqCst) {
            reached.notify_one();
            tokio::task::block_in_place(|| tokio::runtime::Handle::current().block_on(let_go.notified()));
        }
        Ok(())
    }
}

/// Found by seed 5435 of the simulated ledger: a sequencer that was slow to delete what its round had taken deleted the same
/// content, shown again by the stream meanwhile, which another round had taken. That one could never be finished.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_is_shown_again_is_not_deleted_for_a_round_that_took_it_before() {
    let engine = engine().await;
    let test = TestLedger::new(&engine).await;
    let wanted = entries(0..4);
    test.ledger.enter(&wanted).await.unwrap();

    let hold = HeldDeletion::default();
    let slow = engine.client.config().to_builder().interceptor(hold.clone()).build();
    let slow = Sequencer { ledger: Ledger::new(Client::from_conf(slow), table_of(&test.ledger)), ..test.sequencer() };
    let slow = tokio::spawn(async move { slow.run(|| false).await });
    let (_, reached, let_go) = &*hold.0;
    reached.notified().await;

    // Another sequencer finishes that round, the stream shows its batch again, and the next round takes it; but that is
    // interrupted before it is published.
    test.settle().await;
    test.ledger.enter(&wanted).await.unwrap();
    let mut operations = 0..;
    while test.ledger.round().await.unwrap().unwrap().number < 2 {
        let store = FaultyStore::new(test.store(), StoreFault::Fails, operations.next().unwrap());
        test.sequencer_on(Arc::new(store)).run(|| false).await.unwrap_err();
    }
    let_go.notify_one();
    let _ = slow.await.unwrap();

    test.settle().await;
    assert_eq!(test.of_calls().await, set(&wanted));
    assert_eq!(items(&engine.client, &test.ledger).await, 1, "only the round is left");
    engine.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backlog_is_taken_in_rounds_and_a_large_batch_is_cut() {
    let engine = engine().await;
    let test = TestLedger::new(&engine).await;
    // Cut into items of 200 KB, and so many small ones that one round does not take them all.
    let large = entries(0..8_000);
    test.ledger.enter(&large).await.unwrap();
    for batch in entries(8_000..9_200).chunks(1) {
        test.ledger.enter(batch).await.unwrap();
    }
    let done = test.settle().await;
    assert!(done.rounds > 1, "{done:?}");
    assert_eq!(test.of_calls().await, set(&entries(0..9_200)));
    assert_eq!(items(&engine.client, &test.ledger).await, 1, "only the round is left");
    engine.end().await;
}

fn table_of(ledger: &Ledger) -> String {
    format!("{ledger:?}").split("table: \"").nth(1).unwrap().split('"').next().unwrap().to_owned()
}

async fn items(client: &Client, ledger: &Ledger) -> usize {
    let table = table_of(ledger);
    client.scan().table_name(table).send().await.unwrap().items.unwrap().len()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_and_the_round_hold_no_personal_text() {
    let engine = engine().await;
    let table = engine.table(LEDGER_TABLE).await;
    let test = TestLedger::with(Ledger::new(engine.client.clone(), &table));
    test.ledger.enter(&of_commits(&commits(&engine, 4).await)).await.unwrap();
    let waiting = attributes(&engine.client, &table).await;
    test.settle().await;
    let published = attributes(&engine.client, &table).await;
    let known = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<BTreeSet<_>>();
    assert_eq!(waiting, known(&["pk", "sk", "entries", "writing"]));
    let round = [
        "pk",
        "sk",
        "number",
        "origin",
        "old_size",
        "old_edge",
        "size",
        "edge",
        "root",
        "items",
        "own",
        "hours",
        "key_records",
        "hour",
        "keys",
        "done",
    ];
    // What is empty is left out.
    let known = known(&round);
    assert!(published.is_subset(&known), "{:?}", published.difference(&known));
    engine.end().await;
}

async fn attributes(client: &Client, table: &str) -> BTreeSet<String> {
    let items = client.scan().table_name(table).send().await.unwrap().items.unwrap();
    assert!(!items.is_empty());
    items.into_iter().flat_map(std::collections::HashMap::into_keys).collect()
}

#[test]
fn every_kind_of_item_has_an_entry_and_personal_text_has_none() {
    use ilock_functions::triggers::ledger::entry_of;
    use serde_json::json;
    let hash = "ab".repeat(32);
    let mut kinds = BTreeMap::new();
    for (pk, sk, kind) in [
        ("call#call_a_b_1", "commit#000001", Some(EntryKind::Commit)),
        ("call#call_a_b_1", "receipt#000001#0000", Some(EntryKind::Receipt)),
        ("call#call_a_b_1", "alert#000001#phone", Some(EntryKind::Alert)),
        ("call#call_a_b_1", "forgotten#00", Some(EntryKind::Forgotten)),
        ("call#call_a_b_1", "archived", Some(EntryKind::Archived)),
        ("audit#default#2026-11-22", "access#000000000000001#00", Some(EntryKind::Access)),
        ("call#call_a_b_1", "personal#00", None),
        ("inbox#default#user#a", "1", None),
    ] {
        let item = json!({ "pk": pk, "sk": sk, "n": 1, "at": 5, "hash": hash });
        let entry = entry_of(&item);
        assert_eq!(entry.map(|entry| entry.kind), kind, "{sk}");
        kinds.extend(entry.map(|entry| (entry.kind, entry)));
    }
    assert_eq!(kinds[&EntryKind::Commit].hash, [0xab; 32]);
    assert_ne!(kinds[&EntryKind::Receipt].hash, [0xab; 32]);
    assert_eq!((kinds[&EntryKind::Access].call, kinds[&EntryKind::Access].n), ([0; 16], 0));
    // A commit that does not name its hash is entered all the same.
    let broken = json!({ "pk": "call#call_a_b_1", "sk": "commit#000001", "n": "one" });
    assert_eq!(entry_of(&broken).map(|entry| (entry.kind, entry.n)), Some((EntryKind::Commit, 0)));
}
