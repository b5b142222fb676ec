//! The entries of a call are looked for in the hours in which they say that it happened, however far apart these are, and no more
//! of the ledger than may be.

use std::sync::atomic::Ordering;

use ilock_events::Millis;
use ilock_log::ledger::CallProof;
use ilock_proof::{Entry, Hour, StoredCall, canonical, digest};
use ilock_tests::engine::Engine;
use ilock_tests::ledger::{TestLedger, entries};
use serde_json::json;

const HOUR_MS: i64 = 3_600_000;
/// What else happens between two hours of the call: some bundles.
const OTHERS: u32 = 2_000;

/// A ledger whose clock is set to the middle of an hour.
struct Hours {
    test: TestLedger,
    /// When the call was placed.
    begun: Millis,
    others: u32,
}

impl Hours {
    async fn new(engine: &Engine) -> Self {
        let test = TestLedger::new(engine).await;
        let begun = Hour::of(test.clock().now()).next().begins().plus(HOUR_MS / 2);
        Self { test, begun, others: 0 }
    }

    /// The moment so many hours after the call was placed.
    fn at(&self, hours: i64) -> Millis {
        self.begun.plus(hours * HOUR_MS)
    }

    /// Enters `entry`, so many hours after the call was placed, and behind it much else.
    async fn enter(&mut self, hours: i64, entry: Entry) {
        let now = ilock_env::Clock::system().now();
        self.test.ahead.store(self.at(hours).since(now), Ordering::SeqCst);
        self.test.ledger.enter(&[entry]).await.unwrap();
        self.test.settle().await;
        for first in (self.others..self.others + OTHERS).step_by(1_000) {
            self.test.ledger.enter(&entries(first..first + 1_000)).await.unwrap();
        }
        self.others += OTHERS;
        self.test.settle().await;
    }

    async fn proves(&self, call: &StoredCall, bundles: u64) -> CallProof {
        let reader = self.test.reader();
        let checkpoint = reader.checkpoint().await.unwrap().unwrap();
        reader.prove_call(call, &checkpoint, vec![], bundles).await.unwrap()
    }
}

/// A call of a commit at each of these times, and the entry of each.
fn call(times: &[Millis]) -> (StoredCall, Vec<Entry>) {
    let mut call = StoredCall { call_id: "call_a_b_1".into(), ..StoredCall::default() };
    call.commits = (1_u8..)
        .zip(times)
        .map(|(n, at)| {
            let mut commit = json!({ "at": at, "call_id": "call_a_b_1", "n": n });
            commit["hash"] = digest(&canonical(&commit).unwrap()).into();
            commit
        })
        .collect();
    let entries = call.entries();
    assert_eq!(entries.len(), times.len());
    (call, entries)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_of_many_hours_is_proven_by_its_own_hours() {
    let engine = Engine::embedded().await;
    let mut hours = Hours::new(&engine).await;
    let (call, each) = call(&[hours.at(0), hours.at(3), hours.at(60)]);
    for (at, entry) in [0, 3, 60].into_iter().zip(&each) {
        hours.enter(at, *entry).await;
    }
    // Between them stand 16 bundles, and each is in the first or the second of its hour.
    assert!(matches!(hours.proves(&call, 6).await, CallProof::Made(file) if file.commits.len() == 3));
    let cut = hours.proves(&call, 2).await;
    assert!(matches!(cut, CallProof::Lacking { lacking: 1 | 2, entries: 3, is_cut: true }), "{cut:?}");
    engine.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_entered_days_later_is_found_and_what_never_was_is_lacking() {
    let engine = Engine::embedded().await;
    let mut hours = Hours::new(&engine).await;
    let (call, each) = call(&[hours.at(0), hours.at(0).plus(1_000)]);
    hours.enter(0, each[0]).await;
    hours.enter(3, entries(900_000..900_001)[0]).await;
    let lacking = hours.proves(&call, u64::MAX).await;
    assert_eq!(lacking, CallProof::Lacking { lacking: 1, entries: 2, is_cut: false });
    hours.enter(50, each[1]).await;
    assert!(matches!(hours.proves(&call, u64::MAX).await, CallProof::Made(_)));
    engine.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_that_does_not_hold_what_its_hash_is_of_is_named_and_not_proven() {
    let engine = Engine::embedded().await;
    let mut hours = Hours::new(&engine).await;
    let (mut call, each) = call(&[hours.at(0), hours.at(0).plus(1_000), hours.at(0).plus(2_000)]);
    for entry in each {
        hours.enter(0, entry).await;
    }
    assert!(matches!(hours.proves(&call, u64::MAX).await, CallProof::Made(_)));
    // Its hash is left, and is in the ledger.
    call.commits[2]["actor"] = json!({ "client": "user456_other" });
    let refused = hours.proves(&call, u64::MAX).await;
    assert!(matches!(&refused, CallProof::Changed(why) if why.contains("commit 3 of call_a_b_1")), "{refused:?}");
    engine.end().await;
}
