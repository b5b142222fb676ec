//! `ilock verify --day`: the log of a day against the ledger.

use futures::TryStreamExt;
use ilock_audit::verify::{CallsTogether, DayJudge, DayJudged, KnownHours, archived};
use ilock_audit::{Finding, Kind};
use ilock_events::Millis;
use ilock_log::EventLog;
use ilock_proof::{Day, Entry, Hour, StoredCall, call_hash};

use crate::audit::archive::file::ArchiveFile;
use crate::audit::archive::marks::Marks;
use crate::audit::archive::side_by_side::{Pair, SideBySide};
use crate::audit::day_accesses;
use crate::audit::hour_marks::HourMarks;
use crate::audit::in_order::CallsInOrder;
use crate::audit::kept_checkpoints::kept_checkpoints;
use crate::audit::key_records;
use crate::audit::later_entries;
use crate::audit::ledger_args::{OpenLedger, ledger_error};
use crate::audit::range::Range;
use crate::audit::source::read_error;
use crate::audit::verify_call::judge_stored;
use crate::ui::error::CommandError;
use crate::ui::output::Output;

/// An entry's call may have been placed so many days before: what is entered long afterwards.
const DAYS_BACK: usize = 8;
/// The ledger's first hour and its first key stand among its first entries.
const FIRST_ENTRIES: u64 = 256;
/// How long the mark of an archived call may take into the ledger, in ms: the sequencer works every minute.
const MARKED_MS: i64 = 10 * 60 * 1000;

/// Compares the log and the ledger of `day`, also by whom the log was looked at, and judges each call that was placed on it.
/// What was moved from the log into the archive of the day is read there.
pub async fn judge(
    ledger: &OpenLedger,
    log: &EventLog,
    day: &Day,
    now: Millis,
    archive: Option<&ArchiveFile>,
) -> Result<JudgedDay, CommandError> {
    let read = read_day(ledger, log, day, now, archive).await?;
    if let Some(gone) = read.gone.filter(|_| archive.is_none()) {
        let Gone { calls, digest } = gone;
        let why = format!("{calls} calls of {day} were moved into its archive, whose text has the digest {digest}");
        return Err(CommandError::new(why)
            .hint(format!("--archive DIR reads DIR/{day}.jsonl.zst: without it the day cannot be judged")));
    }
    let ReadDay { judge, mut findings, marks, .. } = read;
    for mark in marks.lacking(ledger).await?.into_iter().filter(|mark| now.since(mark.at) > MARKED_MS) {
        let why = "the mark that it was archived is in the log, and was never entered";
        findings.push(Finding { call_id: Some(mark.call_id), ..Finding::new(Kind::NotEntered, why) });
    }
    findings.extend(archive.into_iter().flat_map(|archive| archive.findings.iter().cloned()));
    findings.extend(kept_checkpoints(ledger, &judge, day).await?);
    let first = first_entries(ledger).await?;
    let began = began(&first, now);
    findings.extend(key_records::judge(ledger, first.into_iter().chain(judge.keys())).await?);
    let mut judged = judge.finish(began);
    judged.findings.extend(findings);
    Ok(JudgedDay { judged, began })
}

/// A day that was judged, and the hour in which its ledger began.
pub struct JudgedDay {
    pub judged: DayJudged,
    began: Option<Hour>,
}

impl JudgedDay {
    /// Says so where the ledger began only after the day: it proves nothing of it.
    pub fn warn(&self, day: &Day, output: Output) {
        if let Some(began) = self.began.filter(|began| began.begins() >= day.plus(1).begins()) {
            output.warn(&format!(
                "the ledger began in the hour {began}, after {day}: it vouches for nothing of that day"
            ));
        }
    }
}

/// A day that was read.
pub struct ReadDay {
    pub judge: DayJudge,
    /// The marks of its calls that were archived.
    pub marks: Marks,
    /// Calls of the day that were moved into its archive, where some were.
    gone: Option<Gone>,
    /// What is wrong with its calls by themselves and with its index, and with the marks that say where the day stands in the
    /// ledger.
    pub findings: Vec<Finding>,
}

/// Calls of which the log has nothing but their marks.
struct Gone {
    calls: u64,
    /// The archive that the first of them names.
    digest: String,
}

/// Reads the ledger's entries of a day, and the log's calls and accesses.
pub async fn read_day(
    ledger: &OpenLedger,
    log: &EventLog,
    day: &Day,
    now: Millis,
    archive: Option<&ArchiveFile>,
) -> Result<ReadDay, CommandError> {
    let mut judge = DayJudge::new(day.clone(), now);
    let head = &ledger.checkpoint.head;
    let mut hours = HourMarks::of(ledger);
    let first = hours.beginning_of_day(Hour::of(day.begins()).before(), now).await?;
    let mut end = hours.end_of(day, first).await?;
    let mut bundles = Box::pin(ledger.reader.bundles(first..end, head));
    'day: while let Some(bundle) = bundles.try_next().await.map_err(ledger_error)? {
        for (index, entry) in (bundle.first..).zip(bundle.entries) {
            judge.entry(index, entry);
            if judge.is_over() {
                end = index + 1;
                break 'day;
            }
        }
    }
    // The ledger is read first: a commit that is made in between is in the log only, and too young to be reported.
    let mut read = ReadDay { judge, marks: Marks::default(), gone: None, findings: hours.findings };
    read.calls_of_day(log, day, now, archive).await?;
    let judge = &mut read.judge;
    let mut earlier = day.clone();
    for back in 0..DAYS_BACK {
        if !judge.unexplained() {
            break;
        }
        if back == 1 {
            let next = Day::of(Hour::of_day(day).last().map_or(day.begins(), Hour::ends));
            read_calls(log, &next, judge).await?;
        }
        earlier = earlier.before();
        read_calls(log, &earlier, judge).await?;
    }
    read_older_calls(log, &earlier, judge).await?;
    day_accesses::read(log, day, judge).await?;
    later_entries::read(ledger, end, now, judge).await?;
    Ok(read)
}

impl ReadDay {
    /// Takes in the calls that were placed on the day.
    async fn calls_of_day(
        &mut self,
        log: &EventLog,
        day: &Day,
        now: Millis,
        archive: Option<&ArchiveFile>,
    ) -> Result<(), CommandError> {
        let mut together = CallsTogether::default();
        let digest = archive.map(|archive| archive.digest.as_str());
        let mut calls = SideBySide::of(log, day, archive).await?;
        while let Some(pair) = calls.next().await? {
            match pair {
                // The archive has been judged by itself.
                Pair { log: Some(log), archive: whole } if log.is_archived() => {
                    self.note_gone(&log, archive.is_some() && whole.is_none());
                    let whole = StoredCall { archived: log.archived.clone(), ..whole.unwrap_or_else(|| log.clone()) };
                    self.judge.call_of_day(&whole);
                    if !whole.is_archived() {
                        self.findings.extend(archived::mark(&whole, digest, now));
                    }
                    self.marks.add(&log);
                }
                Pair { log: Some(log), archive: whole } => {
                    self.judge.call_of_day(&log);
                    self.findings.extend(judge_stored(&log, digest, &mut together, now)?.1);
                    self.marks.add(&log);
                    if let Some(what) = whole.and_then(|whole| log.lacking_in(&whole)) {
                        let why = format!("{what} of it, in the log, is not what the archive has");
                        self.found(&log, Kind::Changed, why);
                    }
                }
                Pair { archive: Some(whole), .. } => {
                    self.judge.call_of_day(&whole);
                    let why = "it is in the archive, and the log has neither its commits nor its mark any more";
                    self.found(&whole, Kind::Missing, why.into());
                }
                Pair { .. } => {}
            }
        }
        self.findings.extend(calls.take_not_calls());
        Ok(())
    }

    /// Notes a call of which the log has nothing but its mark; `lost` where the archive was read and has it not.
    fn note_gone(&mut self, call: &StoredCall, lost: bool) {
        let digest = || call.archived.as_ref().and_then(|mark| mark["digest"].as_str()).unwrap_or("?").to_owned();
        let gone = self.gone.get_or_insert_with(|| Gone { calls: 0, digest: digest() });
        gone.calls += 1;
        if lost {
            let why = "its mark says that it was archived, and the archive has it not";
            self.found(call, Kind::Missing, why.into());
        }
    }

    fn found(&mut self, call: &StoredCall, kind: Kind, why: String) {
        self.findings.push(Finding { call_id: Some(call.call_id.clone()), ..Finding::new(kind, why) });
    }
}

/// Calls that were placed long before, of which something was entered on the day: text of them was forgotten, or they were
/// archived. They are looked for by their ids' hashes, so that not each is read.
async fn read_older_calls(log: &EventLog, before: &Day, judge: &mut DayJudge) -> Result<(), CommandError> {
    let mut wanted = judge.unexplained_calls();
    if wanted.is_empty() {
        return Ok(());
    }
    let range = Range { from: None, to: Some(before.before()), tenants: vec![] };
    let mut placed = CallsInOrder::of(log.clone(), &range).await.map_err(read_error)?;
    while !wanted.is_empty()
        && let Some((_, call_id)) = placed.next().await.map_err(read_error)?
    {
        if wanted.remove(&call_hash(call_id.as_str())) {
            judge.call(&log.stored(&call_id).await.map_err(read_error)?);
        }
    }
    Ok(())
}

async fn read_calls(log: &EventLog, day: &Day, judge: &mut DayJudge) -> Result<(), CommandError> {
    let mut calls = SideBySide::of(log, day, None).await?;
    while let Some(pair) = calls.next().await? {
        pair.log.iter().for_each(|call| judge.call(call));
    }
    Ok(())
}

/// The ledger's first entries: the first hour stands among them, and the first key.
pub async fn first_entries(ledger: &OpenLedger) -> Result<Vec<Entry>, CommandError> {
    let head = &ledger.checkpoint.head;
    let mut bundles = Box::pin(ledger.reader.bundles(0..FIRST_ENTRIES.min(head.size), head));
    let first = bundles.try_next().await.map_err(ledger_error)?;
    Ok(first.map(|bundle| bundle.entries.into_iter().flatten().collect()).unwrap_or_default())
}

/// The hour in which the ledger began: that of its first entry of an hour.
fn began(first: &[Entry], now: Millis) -> Option<Hour> {
    let mut hours = KnownHours::at(now);
    first.iter().find_map(|entry| hours.of(entry))
}
