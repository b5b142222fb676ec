//! A ledger for tests: a table, a folder, a key, and what may go wrong with them.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use futures::TryStreamExt;
use futures::future::BoxFuture;
use ilock_env::Clock;
use ilock_events::Commit;
use ilock_local::ledger_folder::LedgerFolder;
use ilock_log::ledger::{
    CHECKPOINT, Found, LEDGER_TABLE, Ledger, LedgerReader, LedgerStore, NotSequenced, Sequenced, Sequencer, StoreError,
};
use ilock_proof::{Checkpoint, Entry, EntryKind, SignKey, TreeHead, VerifyKey};
use tempfile::TempDir;
use tokio::sync::Notify;

use crate::engine::Engine;

/// What the ledgers of tests are called.
pub const ORIGIN: &str = "ilock.test/ledger";

/// A ledger in a table and a folder.
pub struct TestLedger {
    pub ledger: Ledger,
    pub folder: TempDir,
    pub key: Arc<SignKey>,
    /// How far the clock is ahead, in ms.
    pub ahead: Arc<AtomicI64>,
    heads: Arc<Mutex<Vec<TreeHead>>>,
}

/// The key of a seed.
pub fn key(seed: u8) -> Arc<SignKey> {
    Arc::new(SignKey::new(ORIGIN, &[seed; 32]).unwrap())
}

/// Entries that are told apart by their number.
pub fn entries(numbers: std::ops::Range<u32>) -> Vec<Entry> {
    let hash = |n: u32| <[u8; 32]>::try_from([&n.to_be_bytes()[..], &[7; 28]].concat()).unwrap();
    numbers.map(|n| Entry { kind: EntryKind::Commit, hash: hash(n), call: [3; 16], n }).collect()
}

/// What the ledger must have of commits.
pub fn of_commits(commits: &[Commit]) -> Vec<Entry> {
    let entry = |commit: &Commit| {
        let hash = hex::decode(&commit.hash).unwrap().try_into().unwrap();
        Entry::of_call(EntryKind::Commit, &commit.call_id, commit.n, hash)
    };
    commits.iter().map(entry).collect()
}

impl TestLedger {
    pub async fn new(engine: &Engine) -> Self {
        Self::with(Ledger::new(engine.client.clone(), engine.table(LEDGER_TABLE).await))
    }

    pub fn with(ledger: Ledger) -> Self {
        Self { ledger, folder: tempfile::tempdir().unwrap(), key: key(7), ahead: Arc::default(), heads: Arc::default() }
    }

    pub fn clock(&self) -> Clock {
        let (ahead, system) = (self.ahead.clone(), Clock::system());
        Clock::new(move || system.now().plus(ahead.load(Ordering::SeqCst)))
    }

    /// The folder. It panics when a checkpoint is replaced with one that does not continue it.
    pub fn store(&self) -> Arc<dyn LedgerStore> {
        let inner = LedgerFolder::new(self.folder.path());
        Arc::new(GrowingOnly {
            inner: inner.clone(),
            reader: LedgerReader::new(Arc::new(inner)),
            heads: self.heads.clone(),
        })
    }

    pub fn sequencer(&self) -> Sequencer {
        self.sequencer_on(self.store())
    }

    pub fn sequencer_on(&self, store: Arc<dyn LedgerStore>) -> Sequencer {
        Sequencer {
            origin: ORIGIN.into(),
            ledger: self.ledger.clone(),
            store,
            signers: vec![self.key.clone()],
            witnesses: None,
            clock: self.clock(),
        }
    }

    pub fn reader(&self) -> LedgerReader {
        LedgerReader::new(Arc::new(LedgerFolder::new(self.folder.path())))
    }

    /// Sequences until nothing waits, whoever else does the same.
    pub async fn settle(&self) -> Sequenced {
        loop {
            match self.sequencer().run(|| true).await {
                Ok(done) => return done,
                Err(NotSequenced::Overtaken) => tokio::task::yield_now().await,
                Err(error) => panic!("{error}"),
            }
        }
    }

    /// Every entry of the ledger, held against the checkpoint, whose signature is checked.
    pub async fn whole(&self) -> Vec<Entry> {
        whole(&self.reader(), self.key.verify_key()).await
    }

    /// The entries of calls, each once.
    pub async fn of_calls(&self) -> BTreeSet<Entry> {
        self.whole().await.into_iter().filter(|entry| entry.call != [0; 16]).collect()
    }
}

/// Every entry of a ledger, held against the checkpoint, whose signature is checked.
pub async fn whole(reader: &LedgerReader, key: &VerifyKey) -> Vec<Entry> {
    let checkpoint = reader.checkpoint().await.unwrap().expect("a checkpoint");
    checkpoint.verify(std::slice::from_ref(key)).unwrap();
    let bundles: Vec<_> = reader.bundles(0..checkpoint.head.size, &checkpoint.head).try_collect().await.unwrap();
    let all: Vec<Entry> = bundles.into_iter().flat_map(|bundle| bundle.entries).map(Option::unwrap).collect();
    assert_eq!(all.len() as u64, checkpoint.head.size);
    all
}

/// A store in which the checkpoint may only grow.
struct GrowingOnly {
    inner: LedgerFolder,
    reader: LedgerReader,
    heads: Arc<Mutex<Vec<TreeHead>>>,
}

impl LedgerStore for GrowingOnly {
    fn read(&self, name: String) -> BoxFuture<'_, Result<Option<Found>, StoreError>> {
        self.inner.read(name)
    }

    fn create(&self, name: String, bytes: Vec<u8>) -> BoxFuture<'_, Result<bool, StoreError>> {
        self.inner.create(name, bytes)
    }

    fn replace(&self, name: String, bytes: Vec<u8>, read: Option<String>) -> BoxFuture<'_, Result<bool, StoreError>> {
        Box::pin(async move {
            let new =
                (name == CHECKPOINT).then(|| Checkpoint::read(std::str::from_utf8(&bytes).unwrap()).unwrap().head);
            let replaced = self.inner.replace(name, bytes, read).await?;
            if let Some(new) = new.filter(|_| replaced) {
                let before = self.heads.lock().unwrap().last().copied();
                if let Some(before) = before {
                    let grown = self.reader.verify_growth(&before, &new).await.unwrap();
                    grown.expect("the checkpoint continues the one before");
                }
                self.heads.lock().unwrap().push(new);
            }
            Ok(replaced)
        })
    }

    fn delete_below(&self, prefix: String) -> BoxFuture<'_, Result<(), StoreError>> {
        self.inner.delete_below(prefix)
    }
}

/// What happens to one of a store's operations.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StoreFault {
    /// Nothing is done, and the process ends.
    KilledBefore,
    /// It is done, and the process ends.
    KilledAfter,
    /// Nothing is done, and an error is answered.
    Fails,
    /// It is done, and the answer is lost.
    AnswerLost,
}

/// A store of which one operation goes wrong.
pub struct FaultyStore {
    inner: Arc<dyn LedgerStore>,
    fault: StoreFault,
    at: usize,
    seen: AtomicUsize,
    /// Told when the process is to end.
    pub killed: Arc<Notify>,
}

impl FaultyStore {
    /// `inner`, whose operation `at`, counted from 0, meets `fault`.
    pub fn new(inner: Arc<dyn LedgerStore>, fault: StoreFault, at: usize) -> Self {
        Self { inner, fault, at, seen: AtomicUsize::new(0), killed: Arc::default() }
    }

    /// Whether the operation was reached.
    pub fn struck(&self) -> bool {
        self.seen.load(Ordering::SeqCst) > self.at
    }

    async fn through<T>(&self, name: String, operation: BoxFuture<'_, Result<T, StoreError>>) -> Result<T, StoreError> {
        if self.seen.fetch_add(1, Ordering::SeqCst) != self.at {
            return operation.await;
        }
        if matches!(self.fault, StoreFault::KilledAfter | StoreFault::AnswerLost) {
            operation.await?;
        }
        if matches!(self.fault, StoreFault::KilledBefore | StoreFault::KilledAfter) {
            self.killed.notify_one();
            std::future::pending::<()>().await;
        }
        Err(StoreError { name, why: format!("{:?}", self.fault) })
    }
}

impl LedgerStore for FaultyStore {
    fn read(&self, name: String) -> BoxFuture<'_, Result<Option<Found>, StoreError>> {
        Box::pin(self.through(name.clone(), self.inner.read(name)))
    }

    fn create(&self, name: String, bytes: Vec<u8>) -> BoxFuture<'_, Result<bool, StoreError>> {
        Box::pin(self.through(name.clone(), self.inner.create(name, bytes)))
    }

    fn replace(&self, name: String, bytes: Vec<u8>, read: Option<String>) -> BoxFuture<'_, Result<bool, StoreError>> {
        Box::pin(self.through(name.clone(), self.inner.replace(name, bytes, read)))
    }

    fn delete_below(&self, prefix: String) -> BoxFuture<'_, Result<(), StoreError>> {
        Box::pin(self.through(prefix.clone(), self.inner.delete_below(prefix)))
    }
}
