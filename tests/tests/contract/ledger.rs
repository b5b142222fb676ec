//! The ledger: every commit once, in chains without a gap, however often the stream delivers it.

use std::collections::BTreeSet;

use aws_sdk_dynamodb::Client;
use ilock_events::{Commit, LedgerEntry};
use ilock_functions::triggers::ledger::LedgerKeeper;
use ilock_log::ledger::{Entered, LEDGER_TABLE, Ledger};
use ilock_proof::{Day, Head, bucket, chain_of, chains_of, entry_hash};
use ilock_tests::commands::call_of;
use ilock_tests::engine::Engine;

use super::engine;

async fn ledger(engine: &Engine) -> Ledger {
    Ledger::new(engine.client.clone(), engine.table(LEDGER_TABLE).await)
}

/// The commits of `calls` calls of up to four steps.
async fn commits(engine: &Engine, calls: usize) -> Vec<Commit> {
    let log = engine.log().await;
    let mut commits = vec![];
    for call in 0..calls {
        commits.extend(call_of(&log.log, call % 4 + 1).await.commits);
    }
    commits
}

/// Every entry of the days of `commits`; asserts that the chains are complete.
async fn whole(ledger: &Ledger, commits: &[Commit]) -> Vec<LedgerEntry> {
    let days: BTreeSet<Day> = commits.iter().map(|commit| Day::of(commit.at)).collect();
    let mut all = vec![];
    for chain in days.iter().flat_map(chains_of) {
        let mut head = Head::of_empty(&chain);
        for entry in ledger.entries(&chain, 0).await.unwrap() {
            assert_eq!((entry.seq, &entry.prev, &entry.chain), (head.seq + 1, &head.hash, &chain));
            assert_eq!(entry_hash(&entry).unwrap(), entry.hash);
            head = Head::of(&entry);
            all.push(entry);
        }
        assert_eq!(ledger.head(&chain).await.unwrap(), head);
    }
    all
}

fn names<'a>(entries: impl IntoIterator<Item = &'a LedgerEntry>) -> Vec<(String, u32, String)> {
    let mut names: Vec<_> =
        entries.into_iter().map(|entry| (entry.call_id.to_string(), entry.n.0, entry.commit.clone())).collect();
    names.sort();
    names
}

fn wanted(commits: &[Commit]) -> Vec<(String, u32, String)> {
    let mut wanted: Vec<_> =
        commits.iter().map(|commit| (commit.call_id.to_string(), commit.n.0, commit.hash.clone())).collect();
    wanted.sort();
    wanted
}

#[tokio::test(flavor = "multi_thread")]
async fn every_commit_is_entered_once_however_often_it_is_shown() {
    let engine = engine().await;
    let keeper = LedgerKeeper { ledger: ledger(&engine).await };
    let commits = commits(&engine, 9).await;
    assert!(keeper.enter(commits.clone()).await.is_empty());
    let once = whole(&keeper.ledger, &commits).await;
    assert_eq!(names(&once), wanted(&commits));
    // In the order of delivery, chain by chain.
    for entry in &once {
        let of_chain = commits.iter().filter(|commit| chain_of(commit) == entry.chain);
        let place = of_chain.enumerate().find(|(_, commit)| commit.hash == entry.commit).unwrap().0;
        assert_eq!(entry.seq, place as u64 + 1);
    }
    let mut again = commits.clone();
    again.reverse();
    again.extend(commits.clone());
    assert!(keeper.enter(again).await.is_empty());
    assert_eq!(whole(&keeper.ledger, &commits).await, once, "nothing was added, and nothing changed");
    engine.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn consumers_that_race_enter_every_commit_once_and_leave_no_gap() {
    let engine = engine().await;
    let keeper = LedgerKeeper { ledger: ledger(&engine).await };
    let commits = commits(&engine, 6).await;
    let racers = (0..3).map(|racer| {
        let (keeper, mut commits) = (keeper.clone(), commits.clone());
        let middle = commits.len() / 3 * racer;
        commits.rotate_left(middle);
        tokio::spawn(async move {
            let mut left = commits;
            // As the stream does: what failed is delivered again.
            while !left.is_empty() {
                left = keeper.enter(left).await.into_iter().map(|(commit, _)| commit).collect();
            }
        })
    });
    for racer in racers.collect::<Vec<_>>() {
        racer.await.unwrap();
    }
    assert_eq!(names(&whole(&keeper.ledger, &commits).await), wanted(&commits));
    engine.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_whose_picture_of_the_chain_is_old_finds_its_place() {
    let engine = engine().await;
    let ledger = ledger(&engine).await;
    let commits = commits(&engine, 12).await;
    let chain = chain_of(&commits[0]);
    let mine: Vec<&Commit> = commits.iter().filter(|commit| chain_of(commit) == chain).collect();
    let (first, last) = (mine[0], mine[mine.len() - 1]);
    let mut head = Head::of_empty(&chain);
    assert_eq!(ledger.enter(first, &mut head).await.unwrap(), Entered::Now(1));
    let mut old = Head::of_empty(&chain);
    assert_eq!(ledger.enter(first, &mut old).await.unwrap(), Entered::Already);
    assert_eq!(old, Head::of_empty(&chain));
    if first.hash != last.hash {
        assert_eq!(ledger.enter(last, &mut old).await.unwrap(), Entered::Now(2));
    }
    assert_eq!(ledger.head(&chain).await.unwrap().seq, whole(&ledger, &commits).await.len() as u64);
    engine.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_ledger_holds_no_personal_text() {
    let engine = engine().await;
    let table = engine.table(LEDGER_TABLE).await;
    let keeper = LedgerKeeper { ledger: Ledger::new(engine.client.clone(), &table) };
    let commits = commits(&engine, 4).await;
    assert!(keeper.enter(commits.clone()).await.is_empty());
    let names = attributes(&engine.client, &table).await;
    let known = ["pk", "sk", "seq", "tenant", "call_id", "n", "commit", "prev", "hash"].map(str::to_owned);
    assert_eq!(names, known.into());
    assert!(commits.iter().all(|commit| chain_of(commit).ends_with(&format!("#{}", bucket(&commit.call_id)))));
    engine.end().await;
}

async fn attributes(client: &Client, table: &str) -> BTreeSet<String> {
    let items = client.scan().table_name(table).send().await.unwrap().items.unwrap();
    assert!(!items.is_empty());
    items.into_iter().flat_map(std::collections::HashMap::into_keys).collect()
}
