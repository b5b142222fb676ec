//! `ilock verify --day` and `--since`: the log against the ledger, and the ledger against what was kept of it.

use std::path::Path;

use futures::{StreamExt, TryStreamExt};
use ilock_audit::verify::{CallsTogether, DayJudge, DayJudged, archived};
use ilock_audit::{Finding, Kind};
use ilock_events::Millis;
use ilock_log::EventLog;
use ilock_proof::{Checkpoint, Day, Entry, Hour, StoredCall, call_hash};

use crate::audit::archive::file::ArchiveFile;
use crate::audit::archive::marks::Marks;
use crate::audit::archive::side_by_side::{Pair, SideBySide};
use crate::audit::day_accesses;
use crate::audit::hour_marks::HourMarks;
use crate::audit::in_order::CallsInOrder;
use crate::audit::ledger_args::{OpenLedger, ledger_error};
use crate::audit::range::Range;
use crate::audit::source::read_error;
use crate::audit::verify_call::judge_stored;
use crate::ui::error::CommandError;
use crate::ui::output::Output;

/// An entry's call may have been placed so many days before: what is entered long afterwards.
const DAYS_BACK: usize = 8;
/// The ledger's first hour stands among its first entries.
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
    let began = began(ledger).await?;
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
    /// What is wrong with its calls by themselves, and with the marks that say where the day stands in the ledger.
    findings: Vec<Finding>,
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
    let first = hours.beginning_at(Hour::of(day.begins()).before()).await?;
    let mut end = hours.end_of(day).await?;
    let mut bundles = Box::pin(ledger.reader.bundles(first..end, head));
    while let Some(bundle) = bundles.try_next().await.map_err(ledger_error)? {
        for (index, entry) in (bundle.first..).zip(bundle.entries) {
            if (first..end).contains(&index) {
                judge.entry(index, entry);
                if judge.is_over() {
                    end = index + 1;
                }
            }
        }
        if judge.is_over() {
            break;
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
    if judge.lacks() && end < head.size {
        read_later_entries(ledger, end, judge).await?;
    }
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
                    self.judge.call(&whole);
                    if !whole.is_archived() {
                        self.findings.extend(archived::mark(&whole, digest, now));
                    }
                    self.marks.add(&log);
                }
                Pair { log: Some(log), archive: whole } => {
                    self.judge.call(&log);
                    self.findings.extend(judge_stored(&log, digest, &mut together, now)?.1);
                    self.marks.add(&log);
                    if let Some(what) = whole.and_then(|whole| log.lacking_in(&whole)) {
                        let why = format!("{what} of it, in the log, is not what the archive has");
                        self.found(&log, Kind::Changed, why);
                    }
                }
                Pair { archive: Some(whole), .. } => {
                    self.judge.call(&whole);
                    let why = "it is in the archive, and the log has neither its commits nor its mark any more";
                    self.found(&whole, Kind::Missing, why.into());
                }
                Pair { .. } => {}
            }
        }
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

/// Looks behind the day's entries for what the log has of it.
async fn read_later_entries(ledger: &OpenLedger, end: u64, judge: &mut DayJudge) -> Result<(), CommandError> {
    let head = &ledger.checkpoint.head;
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
    Ok(())
}

async fn read_calls(log: &EventLog, day: &Day, judge: &mut DayJudge) -> Result<(), CommandError> {
    let mut calls = SideBySide::of(log, day, None).await?;
    while let Some(pair) = calls.next().await? {
        pair.log.iter().for_each(|call| judge.call(call));
    }
    Ok(())
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

/// That a checkpoint was kept of each hour of a day that the ledger has, that they are the ledger's, and that it has only grown
/// since. Whoever deletes one, or the mark that names it, does not get round being asked for it.
async fn kept_checkpoints(ledger: &OpenLedger, judge: &DayJudge, day: &Day) -> Result<Vec<Finding>, CommandError> {
    let mut findings = vec![];
    for (hour, index) in Hour::of_day(day).filter_map(|hour| Some((hour, judge.settled(hour)?))) {
        let Some((_, size)) = ledger.reader.hour(hour).await.map_err(ledger_error)? else {
            let why = format!("the mark of {hour}, which names the checkpoint that was kept of it, is not there");
            findings.push(Finding::new(Kind::Missing, why));
            continue;
        };
        if size <= index {
            let why =
                format!("the mark of {hour} names a checkpoint of {size} entries, and that hour is entry {index}");
            findings.push(Finding::new(Kind::Changed, why));
        }
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

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use ilock_audit::verify::DayJudge;
    use ilock_local::ledger_folder::LedgerFolder;
    use ilock_log::ledger::{HourMark, LedgerReader, kept_checkpoint};
    use ilock_proof::{Note, SignKey, Tree, TreeHead, checkpoint_text};

    use super::*;

    const ORIGIN: &str = "example.org/ledger";

    /// A ledger of three hours, each with its entry, its mark and its checkpoint.
    struct Made {
        folder: tempfile::TempDir,
        hours: Vec<Hour>,
        ledger: OpenLedger,
    }

    fn signed(head: TreeHead) -> Checkpoint {
        let text = checkpoint_text(ORIGIN, &head);
        let signature = SignKey::new(ORIGIN, &[7; 32]).unwrap().sign(&text);
        Checkpoint { origin: ORIGIN.into(), head, note: Note::new(text, vec![signature]).unwrap() }
    }

    fn day() -> Day {
        "2026-11-22".parse().unwrap()
    }

    impl Made {
        fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            for below in ["checkpoints", "hours", "tile/0/000.p"] {
                std::fs::create_dir_all(folder.path().join(below)).unwrap();
            }
            let hours: Vec<Hour> = Hour::of_day(&day()).take(3).collect();
            let (mut tree, mut leaves, mut head) = (Tree::of(0, vec![]).unwrap(), vec![], None);
            for (index, hour) in (0_u64..).zip(&hours) {
                let entry = Entry::of_hour(*hour).to_bytes();
                tree.push(&entry);
                leaves.extend(ilock_proof::leaf_hash(&entry));
                let made = TreeHead { size: index + 1, root: tree.root() };
                let note = signed(made).note.to_string();
                std::fs::write(folder.path().join(kept_checkpoint(made.size)), note).unwrap();
                std::fs::write(folder.path().join(HourMark(*hour).name()), HourMark::bytes(index, made.size)).unwrap();
                head = Some(made);
            }
            std::fs::write(folder.path().join("tile/0/000.p/3"), leaves).unwrap();
            let ledger = OpenLedger {
                reader: LedgerReader::new(Arc::new(LedgerFolder::new(folder.path()))),
                checkpoint: signed(head.unwrap()),
                place: "a folder".into(),
                keys: vec![SignKey::new(ORIGIN, &[7; 32]).unwrap().verify_key().clone()],
                policy: None,
            };
            Self { folder, hours, ledger }
        }

        async fn found_at(&self, minutes: i64) -> Vec<(Kind, String)> {
            let mut judge = DayJudge::new(day(), day().begins().plus(minutes * 60_000));
            let entries = self.hours.iter().map(|hour| Some(Entry::of_hour(*hour)));
            (0..).zip(entries).for_each(|(index, entry)| judge.entry(index, entry));
            let found = kept_checkpoints(&self.ledger, &judge, &day()).await.unwrap();
            found.into_iter().map(|finding| (finding.kind, finding.why)).collect()
        }

        fn at(&self, name: String) -> std::path::PathBuf {
            self.folder.path().join(name)
        }
    }

    #[tokio::test]
    async fn the_checkpoint_of_each_hour_is_asked_for_whoever_took_away_what_names_it() {
        let untouched = Made::new();
        assert_eq!(untouched.found_at(200).await, []);

        let deleted = Made::new();
        std::fs::remove_file(deleted.at(kept_checkpoint(2))).unwrap();
        let found = deleted.found_at(200).await;
        assert_eq!(found, [(Kind::Missing, "the checkpoint of 2026-11-22T01 was not kept".into())]);
        assert_eq!(deleted.found_at(65).await, [], "an hour that has just begun may be on its way");

        let unnamed = Made::new();
        std::fs::remove_file(unnamed.at(HourMark(unnamed.hours[1]).name())).unwrap();
        let found = unnamed.found_at(200).await;
        assert!(matches!(&found[..], [(Kind::Missing, why)] if why.contains("the mark of 2026-11-22T01")), "{found:?}");

        let misled = Made::new();
        std::fs::write(misled.at(HourMark(misled.hours[1]).name()), HourMark::bytes(1, 1)).unwrap();
        let found = misled.found_at(200).await;
        assert!(matches!(&found[..], [(Kind::Changed, why)] if why.contains("a checkpoint of 1 entries")), "{found:?}");

        let forked = Made::new();
        let other = signed(TreeHead { size: 2, root: [9; 32] }).note.to_string();
        std::fs::write(forked.at(kept_checkpoint(2)), other).unwrap();
        let found = forked.found_at(200).await;
        assert!(matches!(&found[..], [(Kind::Forked, why)] if why.contains("2026-11-22T01")), "{found:?}");

        let unsigned = Made::new();
        let text = std::fs::read_to_string(unsigned.at(kept_checkpoint(1))).unwrap();
        std::fs::write(unsigned.at(kept_checkpoint(2)), text.replacen("\n1\n", "\n2\n", 1)).unwrap();
        let found = unsigned.found_at(200).await;
        assert!(matches!(&found[..], [(Kind::Changed, _)]), "{found:?}");
    }
}
