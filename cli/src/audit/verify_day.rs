//! `ilock verify --day` and `--since`: the log against the ledger, and the ledger against what was kept of it.

use std::path::Path;

use futures::{StreamExt, TryStreamExt};
use ilock_audit::verify::{DayJudge, DayJudged};
use ilock_audit::{Finding, Kind};
use ilock_events::Millis;
use ilock_log::EventLog;
use ilock_proof::{Checkpoint, Day, Entry, Hour};

use crate::audit::in_order::CallsInOrder;
use crate::audit::ledger_args::{OpenLedger, ledger_error};
use crate::audit::range::Range;
use crate::audit::source::read_error;
use crate::ui::error::CommandError;

/// An entry's call may have been placed so many days before: what is entered long afterwards.
const DAYS_BACK: usize = 8;
/// Hours whose entries are read after the day's end: what was committed in its last seconds is entered by then.
const HOURS_AFTER: usize = 2;
/// The ledger's first hour stands among its first entries.
const FIRST_ENTRIES: u64 = 256;

/// Compares the log and the ledger of `day`.
pub async fn judge(ledger: &OpenLedger, log: &EventLog, day: &Day, now: Millis) -> Result<DayJudged, CommandError> {
    let judge = read_day(ledger, log, day, now).await?;
    let mut judged = judge.finish(began(ledger).await?);
    judged.findings.extend(kept_checkpoints(ledger, day).await?);
    Ok(judged)
}

/// Reads the ledger's entries of a day and the log's calls.
pub async fn read_day(ledger: &OpenLedger, log: &EventLog, day: &Day, now: Millis) -> Result<DayJudge, CommandError> {
    let mut judge = DayJudge::new(day.clone(), now);
    let head = &ledger.checkpoint.head;
    let first = ledger.beginning_at(Hour::of(day.begins()).before()).await?;
    let end = end_of(ledger, day).await?;
    let mut bundles = Box::pin(ledger.reader.bundles(first..end, head));
    while let Some(bundle) = bundles.try_next().await.map_err(ledger_error)? {
        for (index, entry) in (bundle.first..).zip(bundle.entries) {
            if (first..end).contains(&index) {
                judge.entry(index, entry);
            }
        }
    }
    // The ledger is read first: a commit that is made in between is in the log only, and too young to be reported.
    let mut earlier = day.clone();
    read_calls(log, &earlier, &mut judge).await?;
    for back in 0..DAYS_BACK {
        if !judge.unexplained() {
            break;
        }
        if back == 1 {
            read_calls(log, &Day::of(Hour::of_day(day).last().map_or(day.begins(), Hour::ends)), &mut judge).await?;
        }
        earlier = earlier.before();
        read_calls(log, &earlier, &mut judge).await?;
    }
    if judge.lacks() && end < head.size {
        let mut later = Box::pin(ledger.reader.bundles(end..head.size, head));
        while let Some(bundle) = later.next().await {
            let bundle = bundle.map_err(ledger_error)?;
            for (index, entry) in (bundle.first..).zip(bundle.entries).filter(|(index, _)| *index >= end) {
                if let Some(entry) = &entry {
                    judge.later_entry(index, entry);
                }
            }
            if !judge.lacks() {
                break;
            }
        }
    }
    Ok(judge)
}

/// The index up to which entries are read for a day.
async fn end_of(ledger: &OpenLedger, day: &Day) -> Result<u64, CommandError> {
    let mut hour = Hour::of_day(day).last().unwrap_or_else(|| Hour::of(day.begins()));
    for _ in 0..=HOURS_AFTER {
        hour = hour.next();
    }
    let found = ledger.reader.hour(hour).await.map_err(ledger_error)?;
    Ok(found.map_or(ledger.checkpoint.head.size, |(index, _)| index.min(ledger.checkpoint.head.size)))
}

async fn read_calls(log: &EventLog, day: &Day, judge: &mut DayJudge) -> Result<(), CommandError> {
    let range = Range { from: Some(day.clone()), to: Some(day.clone()), tenants: vec![] };
    let mut placed = CallsInOrder::of(log.clone(), &range).await.map_err(read_error)?;
    loop {
        let calls = placed.next_calls(|_, _| false).await.map_err(read_error)?;
        if calls.is_empty() {
            return Ok(());
        }
        for call in &calls {
            judge.call(call);
        }
    }
}

/// The hour in which the ledger began: that of its first entry of an hour.
async fn began(ledger: &OpenLedger) -> Result<Option<Hour>, CommandError> {
    let head = &ledger.checkpoint.head;
    let mut bundles = Box::pin(ledger.reader.bundles(0..FIRST_ENTRIES.min(head.size), head));
    let Some(bundle) = bundles.try_next().await.map_err(ledger_error)? else { return Ok(None) };
    let mut hour = Hour::of(ilock_env::Clock::system().now());
    // Hours are hashed in entries: the one that fits is looked for, back to 2020.
    let first = Hour::of(Millis(1_577_836_800_000));
    let mut found = None;
    while hour >= first {
        if bundle.entries.contains(&Some(Entry::of_hour(hour))) {
            found = Some(hour);
        } else if found.is_some() {
            break;
        }
        hour = hour.before();
    }
    Ok(found)
}

/// That the checkpoints that were kept of a day are the ledger's, and that it has only grown since.
async fn kept_checkpoints(ledger: &OpenLedger, day: &Day) -> Result<Vec<Finding>, CommandError> {
    let mut findings = vec![];
    for hour in Hour::of_day(day) {
        let Some((_, size)) = ledger.reader.hour(hour).await.map_err(ledger_error)? else { continue };
        match ledger.reader.kept(size).await {
            Ok(Some(kept)) => {
                findings.extend(judge_kept(ledger, &kept, &format!("the checkpoint kept of {hour}")).await);
            }
            Ok(None) => findings.push(Finding::new(Kind::Missing, format!("the checkpoint of {hour} was not kept"))),
            Err(error) => {
                findings.push(Finding::new(Kind::Unreadable, format!("the checkpoint kept of {hour}: {error}")));
            }
        }
    }
    Ok(findings)
}

/// Holds the ledger against a checkpoint that somebody kept.
pub async fn judge_kept(ledger: &OpenLedger, kept: &Checkpoint, name: &str) -> Option<Finding> {
    if let Err(bad) = ledger.is_of_ledger(kept) {
        return Some(Finding::new(Kind::Changed, format!("{name}: {bad}")));
    }
    let grown = ledger.reader.verify_growth(&kept.head, &ledger.checkpoint.head).await;
    grown.err().map(|error| Finding::new(Kind::Forked, format!("the ledger does not continue {name}: {error}")))
}

/// Reads a checkpoint that somebody kept.
pub fn read_checkpoint(path: &Path) -> Result<Checkpoint, CommandError> {
    let failed = |why: &dyn std::fmt::Display| CommandError::new(format!("{}: {why}", path.display()));
    let text = std::fs::read_to_string(path).map_err(|error| failed(&error))?;
    Checkpoint::read(&text).map_err(|bad| failed(&bad))
}
