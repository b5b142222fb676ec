//! Signed checkpoints in a real S3, where nothing can be overwritten or deleted.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use aws_sdk_s3::types::{
    BucketLocationConstraint, CreateBucketConfiguration, DefaultRetention, ObjectLockConfiguration, ObjectLockEnabled,
    ObjectLockRetentionMode, ObjectLockRule,
};
use ilock_env::Clock;
use ilock_events::Millis;
use ilock_functions::triggers::ledger::LedgerKeeper;
use ilock_lambda::aws::Bucket;
use ilock_log::ledger::{KEY, NotSealed, Sealer, Vault, checkpoint_name};
use ilock_log::ledger::{LEDGER_TABLE, Ledger};
use ilock_proof::digest;
use ilock_proof::{Checkpoint, Hour, SignKey};
use ilock_tests::commands::call_of;
use ilock_tests::engine::{Engine, unique};
use ilock_tests::localstack;

const HOUR: i64 = 3_600_000;

/// A ledger with the four commits of a call, and the bucket for its checkpoints.
struct Fixture {
    engine: Engine,
    ledger: Ledger,
    client: aws_sdk_s3::Client,
    name: String,
    vault: Arc<Bucket>,
    /// When the call was, and how far the clock has moved since.
    at: Millis,
    ahead: Arc<AtomicI64>,
}

impl Fixture {
    async fn new() -> Self {
        let engine = localstack::engine();
        let keeper = LedgerKeeper { ledger: Ledger::new(engine.client.clone(), engine.table(LEDGER_TABLE).await) };
        let commits = call_of(&engine.log().await.log, 4).await.commits;
        let at = commits[0].at;
        assert!(keeper.enter(commits).await.is_empty());

        let (client, name) = (localstack::s3(), unique("checkpoints"));
        let place = BucketLocationConstraint::from(localstack::region().as_ref());
        let place = CreateBucketConfiguration::builder().location_constraint(place).build();
        let create = client.create_bucket().bucket(&name).create_bucket_configuration(place);
        create.object_lock_enabled_for_bucket(true).send().await.unwrap();
        let kept = DefaultRetention::builder().mode(ObjectLockRetentionMode::Compliance).days(1).build();
        let locked = ObjectLockConfiguration::builder()
            .object_lock_enabled(ObjectLockEnabled::Enabled)
            .rule(ObjectLockRule::builder().default_retention(kept).build())
            .build();
        let lock = client.put_object_lock_configuration().bucket(&name).object_lock_configuration(locked);
        lock.send().await.unwrap();
        let vault = Arc::new(Bucket::new(client.clone(), &name));
        Self { engine, ledger: keeper.ledger, client, name, vault, at, ahead: Arc::default() }
    }

    fn sealer(&self, key: &Arc<SignKey>) -> Sealer {
        let (at, ahead) = (self.at, self.ahead.clone());
        let clock = Clock::new(move || at.plus(ahead.load(Ordering::SeqCst)));
        Sealer { ledger: self.ledger.clone(), vault: self.vault.clone(), signer: key.clone(), clock }
    }

    async fn text(&self, name: &str) -> String {
        String::from_utf8(self.vault.read(name.into()).await.unwrap().expect(name)).unwrap()
    }
}

fn key(seed: u8) -> Arc<SignKey> {
    Arc::new(SignKey::new("ilock.test/ledger", &[seed; 32]).unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn two_signers_sign_each_hour_once_and_what_they_wrote_stays() {
    let (fixture, key) = (Fixture::new().await, key(7));
    let sealer = fixture.sealer(&key);
    let first = Hour::of(sealer.clock.now());
    for hours in 1..=2 {
        fixture.ahead.store(hours * HOUR, Ordering::SeqCst);
        let (one, two) = (fixture.sealer(&key), fixture.sealer(&key));
        let (one, two) = tokio::join!(one.seal_due(), two.seal_due());
        assert!(!one.unwrap().is_empty() || !two.unwrap().is_empty());
    }
    assert_eq!(sealer.seal_due().await.unwrap(), [], "every hour that is over is signed");

    assert_eq!(fixture.text(KEY).await.trim(), key.verify_key().to_string());
    let notes = [fixture.text(&checkpoint_name(first)).await, fixture.text(&checkpoint_name(first.next())).await];
    let [busy, quiet] = notes.each_ref().map(|note| Checkpoint::open(note, key.verify_key()).unwrap());
    assert_eq!((busy.size, quiet.size), (4, 4));
    assert_eq!(quiet.previous, Some(digest(notes[0].as_bytes())));

    // The checkpoint can be neither replaced nor deleted.
    let name = checkpoint_name(first);
    assert!(!fixture.vault.create(name.clone(), b"another past".to_vec()).await.unwrap());
    assert_eq!(fixture.text(&name).await, notes[0]);
    let versions = fixture.client.list_object_versions().bucket(&fixture.name).prefix(&name).send().await.unwrap();
    let versions = versions.versions();
    assert_eq!(versions.len(), 1, "{versions:?}");
    let delete = fixture.client.delete_object().bucket(&fixture.name).key(&name).bypass_governance_retention(true);
    assert!(delete.version_id(versions[0].version_id().unwrap()).send().await.is_err());
    assert_eq!(fixture.text(&name).await, notes[0]);
    fixture.engine.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn with_another_key_nothing_is_signed() {
    let fixture = Fixture::new().await;
    fixture.sealer(&key(7)).seal_due().await.unwrap();
    fixture.ahead.store(HOUR, Ordering::SeqCst);
    let refused = fixture.sealer(&key(8)).seal_due().await;
    assert!(matches!(refused, Err(NotSealed::OtherKey { .. })), "{refused:?}");
    assert_eq!(fixture.sealer(&key(7)).seal_due().await.unwrap().len(), 1);
    fixture.engine.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bucket_that_is_not_there_is_said_by_name() {
    let vault = Bucket::new(localstack::s3(), "no-such-bucket-of-ours");
    let error = vault.read("2026-11-22/13.checkpoint".into()).await.unwrap_err().to_string();
    assert!(error.contains("s3://no-such-bucket-of-ours/2026-11-22/13.checkpoint"), "{error}");
    assert!(error.contains("NoSuchBucket"), "{error}");
}
