//! The ledger in a real S3: what is kept is locked, what is replaced is replaced knowingly.

use std::sync::Arc;

use aws_sdk_s3::types::{BucketLocationConstraint, CreateBucketConfiguration};
use ilock_env::Clock;
use ilock_functions::settings::ledger::Retention;
use ilock_lambda::aws::Bucket;
use ilock_log::ledger::{CHECKPOINT, LONGEST_FILE, LedgerReader, LedgerStore, NotSequenced};
use ilock_tests::engine::unique;
use ilock_tests::ledger::{FaultyStore, StoreFault, TestLedger, entries, whole};
use ilock_tests::localstack;

/// An empty bucket for a ledger.
struct Fixture {
    client: aws_sdk_s3::Client,
    name: String,
    store: Arc<Bucket>,
}

impl Fixture {
    async fn new() -> Self {
        let (client, name) = (localstack::s3(), unique("ledger"));
        let place = BucketLocationConstraint::from(localstack::region().as_ref());
        let place = CreateBucketConfiguration::builder().location_constraint(place).build();
        let create = client.create_bucket().bucket(&name).create_bucket_configuration(place);
        create.object_lock_enabled_for_bucket(true).send().await.unwrap();
        let retention = Retention { compliance: true, days: 1 };
        let store = Arc::new(Bucket::new(client.clone(), &name).locking(retention, Clock::system()));
        Self { client, name, store }
    }

    async fn names(&self) -> Vec<String> {
        let listed = self.client.list_objects_v2().bucket(&self.name).send().await.unwrap();
        listed.contents.unwrap_or_default().into_iter().map(|object| object.key.unwrap()).collect()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_sequencers_publish_one_tree_and_what_is_kept_cannot_be_deleted() {
    let engine = localstack::engine();
    let (fixture, test) = (Fixture::new().await, TestLedger::new(&engine).await);
    for numbers in [0..200, 200..300, 300..600] {
        test.ledger.enter(&entries(numbers)).await.unwrap();
        let (one, two) = (test.sequencer_on(fixture.store.clone()), test.sequencer_on(fixture.store.clone()));
        let (one, two) = tokio::join!(one.run(|| true), two.run(|| true));
        for outcome in [one, two] {
            assert!(matches!(outcome, Ok(_) | Err(NotSequenced::Overtaken)), "{outcome:?}");
        }
    }
    // Whichever was overtaken, the next run finds all of it done.
    test.sequencer_on(fixture.store.clone()).run(|| true).await.unwrap();
    let all = whole(&LedgerReader::new(fixture.store.clone()), test.key.verify_key()).await;
    assert!(entries(0..600).iter().all(|entry| all.contains(entry)));
    let names = fixture.names().await;
    assert!(!names.iter().any(|name| name.starts_with("tile/0/000.p/")), "{names:?}");
    for kept in ["tile/0/000", "tile/entries/000", "tile/0/001"] {
        let head = fixture.client.head_object().bucket(&fixture.name).key(kept).send().await.unwrap();
        assert!(head.object_lock_retain_until_date.is_some(), "{kept} is not locked");
        let version = head.version_id.unwrap();
        let delete = fixture.client.delete_object().bucket(&fixture.name).key(kept).version_id(version);
        assert!(delete.send().await.is_err(), "{kept} could be deleted");
    }
    let checkpoint = fixture.client.head_object().bucket(&fixture.name).key(CHECKPOINT).send().await.unwrap();
    assert!(checkpoint.object_lock_retain_until_date.is_none());
    engine.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_is_created_once_and_replaced_only_in_the_version_that_was_read() {
    let fixture = Fixture::new().await;
    let store = &fixture.store;
    assert!(store.replace("checkpoint".into(), b"1".to_vec(), None).await.unwrap());
    assert!(!store.replace("checkpoint".into(), b"2".to_vec(), None).await.unwrap());
    assert!(!store.create("checkpoint".into(), b"2".to_vec()).await.unwrap());
    let read = store.read("checkpoint".into()).await.unwrap().unwrap();
    assert!(store.replace("checkpoint".into(), b"2".to_vec(), Some(read.version.clone())).await.unwrap());
    assert!(!store.replace("checkpoint".into(), b"3".to_vec(), Some(read.version)).await.unwrap());
    assert_eq!(store.read("checkpoint".into()).await.unwrap().unwrap().bytes, b"2");
    assert_eq!(store.read("tile/0/000".into()).await.unwrap(), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_longer_than_any_of_a_ledger_is_not_read_to_its_end() {
    let fixture = Fixture::new().await;
    let longest = vec![b'1'; LONGEST_FILE];
    assert!(fixture.store.create("hours/longest".into(), longest.clone()).await.unwrap());
    assert_eq!(fixture.store.read("hours/longest".into()).await.unwrap().unwrap().bytes, longest);
    assert!(fixture.store.create("hours/longer".into(), [longest, vec![b'1']].concat()).await.unwrap());
    let refused = fixture.store.read("hours/longer".into()).await.unwrap_err().to_string();
    assert!(refused.ends_with("longer than 1048576 bytes, and a file of the ledger is not"), "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn lost_and_failed_answers_of_s3_lose_no_entry() {
    let engine = localstack::engine();
    for fault in [StoreFault::Fails, StoreFault::AnswerLost] {
        for at in [0, 2, 4, 6, 9, 12] {
            let (fixture, test) = (Fixture::new().await, TestLedger::new(&engine).await);
            test.ledger.enter(&entries(0..260)).await.unwrap();
            let faulty = Arc::new(FaultyStore::new(fixture.store.clone(), fault, at));
            let outcome = test.sequencer_on(faulty.clone()).run(|| true).await;
            assert!(outcome.is_err() || !faulty.struck(), "{fault:?} at {at}: {outcome:?}");
            test.sequencer_on(fixture.store.clone()).run(|| true).await.unwrap();
            let all = whole(&LedgerReader::new(fixture.store.clone()), test.key.verify_key()).await;
            assert!(entries(0..260).iter().all(|entry| all.contains(entry)), "{fault:?} at {at}");
        }
    }
    engine.end().await;
}
