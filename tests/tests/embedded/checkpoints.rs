//! The ledger on the embedded stack: entered from the stream, signed after every hour.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use ilock_audit::verify::{OfLog, SealedHour, judge_day};
use ilock_env::Clock;
use ilock_events::{LedgerEntry, Millis};
use ilock_local::Options;
use ilock_local::vault::Folder;
use ilock_log::ledger::{bundle_name, checkpoint_name};
use ilock_proof::{Checkpoint, Hour, VerifyKey};
use ilock_proof::{Day, chains_of};
use ilock_tests::World;
use ilock_tests::parties::call_id;

/// A stack whose clock can be moved.
async fn world(data_dir: &Path) -> (World, Arc<AtomicI64>) {
    let ahead = Arc::new(AtomicI64::new(0));
    let (read, system) = (ahead.clone(), Clock::system());
    let clock = Clock::new(move || system.now().plus(read.load(Ordering::SeqCst)));
    (World::with(Options { clock, data_dir: Some(data_dir.into()), ..Options::anywhere() }).await, ahead)
}

async fn entries(world: &World, day: &Day) -> BTreeMap<String, Vec<LedgerEntry>> {
    let mut all = BTreeMap::new();
    for chain in chains_of(day) {
        all.insert(chain.clone(), world.stack.ledger.ledger.entries(&chain, 0).await.unwrap());
    }
    all
}

fn hours(folder: &Folder, day: &Day) -> BTreeMap<Hour, SealedHour> {
    let first = Hour::of(day.begins()).before();
    let hours = std::iter::successors(Some(first), |hour| Some(hour.next())).take(28);
    hours
        .map(|hour| {
            let checkpoint = folder.file(&checkpoint_name(hour)).unwrap().map(|note| String::from_utf8(note).unwrap());
            (hour, SealedHour { checkpoint, bundle: folder.file(&bundle_name(hour)).unwrap() })
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_is_entered_and_signed_and_an_hour_without_calls_is_signed_too() {
    let data = tempfile::tempdir().unwrap();
    let (world, ahead) = world(data.path()).await;
    let (door, user) = (world.door("device123"), world.user("user456"));
    let call = call_id(&door.rings("user456", 30).await);
    user.callee_action(&call, "rejected", None).await.ok();
    let commits = world.log(&call).await.commits;
    let day = Day::of(commits[0].at);
    // Both commits are of one day, except at midnight.
    assert_eq!(Day::of(commits[1].at), day, "begin again after midnight");
    let mut ledger = entries(&world, &day).await;
    for _ in 0..100 {
        if ledger.values().flatten().count() == 2 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
        ledger = entries(&world, &day).await;
    }
    let entered: Vec<_> = ledger.values().flatten().map(|entry| (entry.n, entry.commit.clone())).collect();
    assert_eq!(entered, commits.iter().map(|commit| (commit.n, commit.hash.clone())).collect::<Vec<_>>());

    let folder = Folder::new(&world.stack.checkpoints);
    let key: VerifyKey = folder.verify_key().unwrap();
    // The stack itself signs the hour before its start. Two more hours end; the second is empty.
    let first = Hour::of(Clock::system().now());
    ahead.store(2 * 3_600_000, Ordering::SeqCst);
    let (one, two) = tokio::join!(world.stack.sealer.seal_due(), world.stack.sealer.seal_due());
    // Two concurrent signers sign each hour once.
    one.unwrap();
    two.unwrap();
    let open = |hour: Hour| {
        let note = String::from_utf8(folder.file(&checkpoint_name(hour)).unwrap().unwrap()).unwrap();
        Checkpoint::open(&note, &key).unwrap()
    };
    let (busy, quiet) = (open(first), open(first.next()));
    assert_eq!((busy.size, quiet.size), (2, 2));
    assert_eq!(busy.root, quiet.root);
    assert!(quiet.previous.is_some() && quiet.previous != busy.previous);
    assert_eq!(world.stack.sealer.seal_due().await.unwrap(), [], "every hour that is over is signed");

    let mut log: OfLog =
        commits.iter().map(|commit| ((commit.call_id.clone(), commit.n.0), (commit.hash.clone(), commit.at))).collect();
    let now = first.next().ends().plus(20 * 60_000);
    let judge = |log: &OfLog, now: Millis| judge_day(&day, now, log, &ledger, Some((&key, &hours(&folder, &day))));
    let judged = judge(&log, now);
    assert_eq!(judged.findings, []);
    assert!(judged.checkpoints >= 1, "{judged:?}");
    log.clear();
    let found = judge(&log, now).findings;
    assert!(found.len() == 1 && found[0].call_id.as_deref() == Some(call.as_str()), "{found:?}");
    world.end().await;
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn the_key_that_signs_is_for_its_owner_alone_and_is_kept_over_a_restart() {
    use std::os::unix::fs::PermissionsExt;
    let data = tempfile::tempdir().unwrap();
    let (first, _) = world(data.path()).await;
    let dir = first.stack.checkpoints.clone();
    let key = Folder::new(&dir).verify_key().unwrap();
    let mode = std::fs::metadata(dir.join("key.private")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    first.end().await;
    let (second, _) = world(data.path()).await;
    assert_eq!(Folder::new(&dir).verify_key().unwrap(), key);
    second.end().await;
}
