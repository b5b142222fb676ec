//! How much memory the sequencer needs, whatever waits. It runs in a process of its own, so that neither the tables nor the test
//! are measured with it.
#![cfg(target_os = "linux")]

use std::process::Command;

use ilock_log::ledger::{LEDGER_TABLE, Ledger};
use ilock_tests::backend;
use ilock_tests::engine::Engine;
use ilock_tests::ledger::{TestLedger, entries};

/// The test below, as a process of its own: which DynamoDB, and which table.
const AT: &str = "ILOCK_TEST_SEQUENCER_AT";
const TABLE: &str = "ILOCK_TEST_SEQUENCER_TABLE";
/// How many entries wait at most: 10⁵, and 10⁶ by `make check-all`.
const PENDING: &str = "ILOCK_LEDGER_PENDING";

/// MB of 10⁶ bytes that this process had in memory at most.
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1024 / 1_000_000
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "it is the process that the test below starts"]
async fn sequences_what_waits_and_says_how_much_memory_that_took() {
    let at = std::env::var(AT).unwrap();
    let ledger = Ledger::new(backend::dynamodb(&format!("http://{at}")), std::env::var(TABLE).unwrap());
    let test = TestLedger::with(ledger);
    let done = test.settle().await;
    println!("peak {} rounds {} size {}", peak(), done.rounds, done.size);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_sequencers_memory_does_not_grow_with_what_waits() {
    let most: u32 = std::env::var(PENDING).map_or(100_000, |text| text.parse().unwrap());
    let engine = Engine::embedded().await;
    let mut peaks = vec![];
    for waiting in [1_000, 10_000, 100_000, 400_000, 1_000_000].into_iter().filter(|waiting| *waiting <= most) {
        let table = engine.table(LEDGER_TABLE).await;
        let ledger = Ledger::new(engine.client.clone(), &table);
        for first in (0..waiting).step_by(1_000) {
            ledger.enter(&entries(first..first + 1_000)).await.unwrap();
        }
        let (at, name) = (engine.at.clone(), "ledger_memory::sequences_what_waits_and_says_how_much_memory_that_took");
        let child = tokio::task::spawn_blocking(move || {
            let mut command = Command::new(std::env::current_exe().unwrap());
            command.args([name, "--exact", "--ignored", "--nocapture"]).env(AT, at).env(TABLE, table);
            command.output().unwrap()
        });
        let said = String::from_utf8(child.await.unwrap().stdout).unwrap();
        let words: Vec<&str> =
            said.lines().find_map(|line| line.strip_prefix("peak ")).expect(&said).split(' ').collect();
        let (peak, size): (u64, u64) = (words[0].parse().unwrap(), words[4].parse().unwrap());
        assert!(size > u64::from(waiting), "{said}");
        println!("{waiting} entries wait: at most {peak} MB in {} rounds", words[2]);
        peaks.push(peak);
    }
    // A round has at most 4 MB of entries, and what is read beside it: four pages of 1 MB at a time.
    assert!(peaks.iter().all(|peak| *peak < peaks[0] + 96), "{peaks:?}");
    // From 300,000 entries on the pages are full: then nothing more is read at a time, whatever waits.
    if let Some([full, more]) = peaks.get(3..) {
        assert!(*more < full + 16, "{peaks:?}");
    }
    engine.end().await;
}
