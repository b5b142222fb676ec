//! `ilock verify --day` and `--since`: the log against the ledger, and the ledger against what was kept of it.

use std::path::Path;

use futures::{StreamExt, TryStreamExt};
use ilock_audit::verify::{CallsTogether, DayJudge, DayJudged};
use ilock_audit::{Finding, Kind};
use ilock_events::Millis;
use ilock_log::EventLog;
use ilock_proof::{Checkpoint, Day, Entry, Hour, StoredCall};

use crate::audit::hour_marks::HourMarks;
use crate::audit::in_order::CallsInOrder;
use crate::audit::ledger_args::{OpenLedger, ledger_error};
use crate::audit::range::Range;
use crate::audit::source::read_error;
use crate::audit::verify_call::judge_stored;
use crate::ui::error::CommandError;

/// An entry's call may have been placed so many days before: what is entered long afterwards.
const DAYS_BACK: usize = 8;
/// The ledger's first hour stands among its first entries.
const FIRST_ENTRIES: u64 = 256;

/// Compares the log and the ledger of `day`, and judges each call that was placed on it.
pub async fn judge(ledger: &OpenLedger, log: &EventLog, day: &Day, now: Millis) -> Result<DayJudged, CommandError> {
    let ReadDay { judge, mut findings } = read_day(ledger, log, day, now).await?;
    findings.extend(kept_checkpoints(ledger, &judge, day).await?);
    let mut judged = judge.finish(began(ledger).await?);
    judged.findings.extend(findings);
    Ok(judged)
}

/// A day that was read.
pub struct ReadDay {
    pub judge: DayJudge,
    /// What is wrong with its calls by themselves, and with the marks that say where the day stands in the ledger.
    findings: Vec<Finding>,
}

/// Reads the ledger's entries of a day and the log's calls.
pub async fn read_day(ledger: &OpenLedger, log: &EventLog, day: &Day, now: Millis) -> Result<ReadDay, CommandError> {
    let mut judge = DayJudge::new(day.clone(), now);
    let head = &ledger.checkpoint.head;
    let mut marks = HourMarks::of(ledger);
    let first = marks.beginning_at(Hour::of(day.begins()).before()).await?;
    let end = marks.end_of(day).await?;
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
    let (mut findings, mut together) = (marks.findings, CallsTogether::default());
    let alone = |call: &StoredCall| judge_stored(call, &mut together, now).map(|(_, of_call)| findings.extend(of_call));
    read_calls(log, &earlier, &mut judge, alone).await?;
    for back in 0..DAYS_BACK {
        if !judge.unexplained() {
            break;
        }
        if back == 1 {
            let next = Day::of(Hour::of_day(day).last().map_or(day.begins(), Hour::ends));
            read_calls(log, &next, &mut judge, |_| Ok(())).await?;
        }
        earlier = earlier.before();
        read_calls(log, &earlier, &mut judge, |_| Ok(())).await?;
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
    Ok(ReadDay { judge, findings })
}

async fn read_calls(
    log: &EventLog,
    day: &Day,
    judge: &mut DayJudge,
    mut alone: impl FnMut(&StoredCall) -> Result<(), CommandError>,
) -> Result<(), CommandError> {
    let range = Range { from: Some(day.clone()), to: Some(day.clone()), tenants: vec![] };
    let mut placed = CallsInOrder::of(log.clone(), &range).await.map_err(read_error)?;
    loop {
        let calls = placed.next_calls(|_, _| false).await.map_err(read_error)?;
        if calls.is_empty() {
            return Ok(());
        }
        for call in &calls {
            judge.call(call);
            alone(call)?;
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
