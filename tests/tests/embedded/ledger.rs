//! The ledger on the embedded stack: entered from the stream, sequenced, published in a folder; and a sequencer that is
//! killed at every step.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use futures::future::BoxFuture;
use ilock_audit::verify::DayJudge;
use ilock_local::Options;
use ilock_local::ledger_folder::LedgerFolder;
use ilock_log::ledger::{CHECKPOINT, Ledger, LedgerReader, LedgerSigner, LedgerStore, NotSequenced, SignerError};
use ilock_proof::{Day, Entry, EntryKind, Hour, KeyRecord, SignKey, Signature, VerifyKey};
use ilock_tests::World;
use ilock_tests::aws::Aws;
use ilock_tests::backend;
use ilock_tests::engine::Engine;
use ilock_tests::faults::{Fault, Faults, When};
use ilock_tests::ledger::{FaultyStore, StoreFault, TestLedger, entries, key, whole};
use ilock_tests::parties::call_id;

async fn world(data_dir: &Path) -> World {
    let settings = Box::new(|name: &str| (name == "ILOCK_SEQUENCE_SECONDS").then(|| "1".to_owned()));
    World::with(Options { data_dir: Some(data_dir.into()), settings, ..Options::anywhere() }).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_with_its_receipts_is_in_the_ledger_and_its_day_is_judged_by_it() {
    let data = tempfile::tempdir().unwrap();
    let world = world(data.path()).await;
    let (door, user) = (world.door("device123"), world.user("user456"));
    let call = call_id(&door.rings("user456", 30).await);
    user.callee_action(&call, "rejected", None).await.ok();
    let id = call.parse().unwrap();
    let folder = LedgerFolder::new(data.path().join("tlog"));
    let reader = LedgerReader::new(Arc::new(folder));
    let key = loop {
        let stored = world.stack.calls.log.stored(&id).await.unwrap();
        let wanted = stored.entries();
        let Ok(keys) = reader.published_keys().await else { continue };
        let key = VerifyKey::read(keys.trim()).unwrap();
        let all = match reader.checkpoint().await.unwrap() {
            Some(_) => whole(&reader, &key).await,
            None => vec![],
        };
        if stored.receipts.len() >= 2 && wanted.iter().all(|entry| all.contains(entry)) {
            break key;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    };
    assert_eq!(key.name(), world.stack.sequencer.origin);
    let all = whole(&reader, &key).await;
    let stored = world.stack.calls.log.stored(&id).await.unwrap();
    let day = Day::of(ilock_events::Millis(stored.commits[0]["at"].as_i64().unwrap()));
    let judge = |shown: bool| {
        let mut judge = DayJudge::new(day.clone(), ilock_env::Clock::system().now());
        (0..).zip(&all).for_each(|(index, entry)| judge.entry(index, Some(*entry)));
        if shown {
            judge.call(&stored);
        }
        judge.finish(None).findings
    };
    assert_eq!(judge(true), []);
    let found = judge(false);
    assert!(found.len() == 1 && found[0].why.contains("whole call"), "{found:?}");
    world.end().await;
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn the_key_that_signs_is_for_its_owner_alone_and_is_kept_over_a_restart() {
    use std::os::unix::fs::PermissionsExt;
    let data = tempfile::tempdir().unwrap();
    let first = world(data.path()).await;
    let origin = first.stack.sequencer.origin.clone();
    let mode = std::fs::metadata(data.path().join("tlog.key")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    first.end().await;
    let second = world(data.path()).await;
    assert_eq!(second.stack.sequencer.origin, origin);
    second.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sequencer_that_is_killed_or_loses_an_answer_at_any_step_leaves_what_the_next_one_finishes() {
    let faults = [StoreFault::KilledBefore, StoreFault::KilledAfter, StoreFault::Fails, StoreFault::AnswerLost];
    let engine = Engine::embedded().await;
    let mut struck = 0;
    for fault in faults {
        // Until no operation is left that could meet it.
        for at in 0.. {
            let test = TestLedger::new(&engine).await;
            // A first round leaves partial tiles; the second fills some of them.
            test.ledger.enter(&entries(0..200)).await.unwrap();
            test.settle().await;
            test.ledger.enter(&entries(200..460)).await.unwrap();
            let store = Arc::new(FaultyStore::new(test.store(), fault, at));
            let (killed, sequencer) = (store.killed.clone(), test.sequencer_on(store.clone()));
            tokio::select! {
                _ = sequencer.run(|| true) => {}
                () = killed.notified() => {}
            }
            if !store.struck() {
                break;
            }
            struck += 1;
            test.settle().await;
            assert_eq!(test.of_calls().await, entries(0..460).into_iter().collect(), "{fault:?} at {at}");
            let partial = test.folder.path().join("tile/0/000.p");
            assert!(!partial.exists(), "{fault:?} at {at}: a partial tile is left beside its full one");
        }
    }
    assert!(struck > 40, "only {struck} steps");
    engine.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sequencer_whose_table_throttles_or_loses_answers_at_any_step_loses_no_entry() {
    let engine = Engine::embedded().await;
    let mut struck = 0;
    for (fault, from) in [(Fault::AnswerLost, false), (Fault::Throttled, true), (Fault::AnswerLost, true)] {
        for at in 0.. {
            let test = TestLedger::new(&engine).await;
            test.ledger.enter(&entries(0..30)).await.unwrap();
            let proxy = Faults::before(&engine.at).await;
            let table =
                format!("{:?}", test.ledger).split("table: \"").nth(1).unwrap().split('"').next().unwrap().to_owned();
            let mut sequencer = test.sequencer();
            sequencer.ledger = Ledger::new(backend::dynamodb(&proxy.url()), table);
            proxy.plan(fault, if from { When::From(at) } else { When::Once(at) });
            let outcome = sequencer.run(|| true).await;
            let asked = proxy.off().len();
            if asked <= at {
                assert!(outcome.is_ok(), "{outcome:?}");
                break;
            }
            struck += 1;
            test.settle().await;
            assert_eq!(test.of_calls().await, entries(0..30).into_iter().collect(), "{fault:?} at {at}");
            // The 16 first requests look what waits: one of them stands for all.
            if at > 24 && from {
                break;
            }
        }
    }
    assert!(struck > 30, "only {struck} steps");
    engine.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn while_kms_is_in_trouble_nothing_is_published_and_what_waits_is_signed_when_it_is_well() {
    let engine = Engine::embedded().await;
    let aws = Aws::before(engine.at.parse().unwrap(), Duration::ZERO).await;
    for operation in ["GetPublicKey", "Sign"] {
        for fault in [Fault::Throttled, Fault::Status(500), Fault::Status(503)] {
            let test = TestLedger::new(&engine).await;
            let proxy = Faults::before(aws.at()).await;
            let by_kms = || {
                let signers = aws.parts_through(&proxy.url()).sequencer().unwrap().signers;
                ilock_log::ledger::Sequencer { signers, ..test.sequencer() }
            };
            test.ledger.enter(&entries(0..30)).await.unwrap();
            proxy.plan_for(operation, fault, When::From(0));
            let outcome = by_kms().run(|| true).await;
            assert!(matches!(outcome, Err(NotSequenced::Signer(_))), "{operation} {fault:?}: {outcome:?}");
            assert!(proxy.off().len() > 1, "{operation} {fault:?}: it was tried once only");
            assert!(test.reader().checkpoint().await.unwrap().is_none(), "{operation} {fault:?}");
            by_kms().run(|| true).await.unwrap();
            assert_eq!(test.of_calls().await, entries(0..30).into_iter().collect(), "{operation} {fault:?}");
        }
    }
    engine.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_signed_when_table_or_store_went_back_in_time() {
    let engine = Engine::embedded().await;
    let test = TestLedger::new(&engine).await;
    test.ledger.enter(&entries(0..3)).await.unwrap();
    test.settle().await;
    let refused = async |sequencer: ilock_log::ledger::Sequencer, what: &str| {
        let error = sequencer.run(|| true).await.expect_err(what);
        assert!(matches!(error, NotSequenced::Forked(_) | NotSequenced::Ledger(_)), "{what}: {error}");
    };
    // The table was lost: a new tree under the same name would be a fork.
    let lost = TestLedger::new(&engine).await;
    refused(lost.sequencer_on(test.store()), "an empty table").await;
    // The store was lost, or put back.
    let folder = tempfile::tempdir().unwrap();
    refused(test.sequencer_on(Arc::new(LedgerFolder::new(folder.path()))), "an empty store").await;
    let early = std::fs::read(test.folder.path().join(CHECKPOINT)).unwrap();
    test.ledger.enter(&entries(3..6)).await.unwrap();
    test.settle().await;
    let late = std::fs::read(test.folder.path().join(CHECKPOINT)).unwrap();
    std::fs::write(test.folder.path().join(CHECKPOINT), &early).unwrap();
    refused(test.sequencer(), "an earlier checkpoint").await;
    // A tile was changed.
    std::fs::write(test.folder.path().join(CHECKPOINT), &late).unwrap();
    let size = test.reader().checkpoint().await.unwrap().unwrap().head.size;
    let tile = test.folder.path().join(format!("tile/0/000.p/{size}"));
    let mut bytes = std::fs::read(&tile).unwrap();
    bytes[0] ^= 1;
    std::fs::write(&tile, &bytes).unwrap();
    test.ledger.enter(&entries(6..7)).await.unwrap();
    refused(test.sequencer(), "a changed tile").await;
    engine.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_key_signs_beside_the_old_one_and_every_hour_has_an_entry() {
    let engine = Engine::embedded().await;
    let test = TestLedger::new(&engine).await;
    test.settle().await;
    let (old, new) = (test.key.clone(), key(8));
    let mut both = test.sequencer();
    both.signers.push(new.clone());
    test.ahead.store(3 * 3_600_000, Ordering::SeqCst);
    both.run(|| true).await.unwrap();
    let checkpoint = test.reader().checkpoint().await.unwrap().unwrap();
    for key in [&old, &new] {
        assert_eq!(checkpoint.verify(&[key.verify_key().clone()]), Ok(()));
    }
    let mut only_new = test.sequencer();
    only_new.signers = vec![new.clone()];
    only_new.run(|| true).await.unwrap();
    let all = whole(&test.reader(), new.verify_key()).await;
    let count = |kind| all.iter().filter(|entry| entry.kind == kind).count();
    assert_eq!(
        (count(EntryKind::Key), count(EntryKind::Hour)),
        (3, 4),
        "began, began, ended; and the hours in between"
    );
    let hour = Hour::of(test.clock().now());
    let (index, size) = test.reader().hour(hour).await.unwrap().unwrap();
    assert_eq!(all[usize::try_from(index).unwrap()], Entry::of_hour(hour));
    assert_eq!(test.reader().kept(size).await.unwrap().unwrap().head.size, size);
    // Each record is beside the tiles, under its hash.
    let store = LedgerFolder::new(test.folder.path());
    for entry in all.iter().filter(|entry| entry.kind == EntryKind::Key) {
        let name = format!("keys/{}.json", hex::encode(entry.hash));
        let record: KeyRecord = serde_json::from_slice(&store.read(name).await.unwrap().unwrap().bytes).unwrap();
        assert_eq!(record.entry().unwrap(), *entry);
    }
    let published = test.reader().published_keys().await.unwrap();
    assert_eq!(published, format!("{}\n", new.verify_key()));
    engine.end().await;
}

/// A key that is known and signs nothing any more.
struct Lost(Arc<SignKey>);

impl LedgerSigner for Lost {
    fn verify_key(&self) -> BoxFuture<'_, Result<VerifyKey, SignerError>> {
        LedgerSigner::verify_key(&*self.0)
    }

    fn sign(&self, _: String) -> BoxFuture<'_, Result<Signature, SignerError>> {
        Box::pin(async { Err(SignerError { key: "old".into(), why: "the key is pending deletion".into() }) })
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_round_that_a_lost_key_left_unfinished_is_published_by_the_next_key_and_the_ledger_goes_on() {
    let engine = Engine::embedded().await;
    let test = TestLedger::new(&engine).await;
    test.settle().await;
    test.ledger.enter(&entries(0..30)).await.unwrap();
    let mut lost = test.sequencer();
    lost.signers = vec![Arc::new(Lost(test.key.clone()))];
    let outcome = lost.run(|| true).await;
    assert!(matches!(outcome, Err(NotSequenced::Signer(_))), "{outcome:?}");
    let new = key(8);
    for round in 0..3 {
        test.ledger.enter(&entries(30 + round..31 + round)).await.unwrap();
        let mut only_new = test.sequencer();
        only_new.signers = vec![new.clone()];
        only_new.run(|| true).await.unwrap();
    }
    let mut of_calls = whole(&test.reader(), new.verify_key()).await;
    of_calls.retain(|entry| entry.kind == EntryKind::Commit);
    of_calls.sort_by_key(|entry| entry.n);
    assert_eq!(of_calls, entries(0..33));
    engine.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ledger_that_was_silent_for_weeks_goes_on_in_rounds_that_dynamodb_takes() {
    let engine = Engine::embedded().await;
    let test = TestLedger::new(&engine).await;
    test.settle().await;
    let hours = 1_100;
    test.ahead.store(hours * 3_600_000, Ordering::SeqCst);
    test.ledger.enter(&entries(0..3)).await.unwrap();
    let done = test.settle().await;
    assert!(done.rounds > 1, "one item would be too large: {done:?}");
    let all = test.whole().await;
    let counted = all.iter().filter(|entry| entry.kind == EntryKind::Hour).count();
    assert_eq!(i64::try_from(counted).unwrap(), hours + 1, "none is left out");
    // What waited was entered in the hour that is now.
    let now = Entry::of_hour(Hour::of(test.clock().now()));
    let place = all.iter().position(|entry| *entry == now).unwrap();
    assert_eq!(all[place + 1..], entries(0..3));
    engine.end().await;
}
