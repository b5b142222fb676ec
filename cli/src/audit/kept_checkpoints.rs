//! The checkpoints that are kept of a ledger: one of each hour beside it, and one that somebody took away.

use std::path::Path;

use ilock_audit::verify::DayJudge;
use ilock_audit::{Finding, Kind};
use ilock_log::ledger::{FoundMark, LedgerError};
use ilock_proof::{Checkpoint, Day, Hour};

use crate::audit::bounded;
use crate::audit::ledger_args::{OpenLedger, ledger_error};
use crate::ui::error::CommandError;

/// That a checkpoint was kept of each hour of a day that the ledger has, that they are the ledger's, and that it has only grown
/// since. Whoever deletes one, or the mark that names it, does not get round being asked for it.
pub async fn kept_checkpoints(ledger: &OpenLedger, judge: &DayJudge, day: &Day) -> Result<Vec<Finding>, CommandError> {
    let mut findings = vec![];
    for (hour, index) in Hour::of_day(day).filter_map(|hour| Some((hour, judge.settled(hour)?))) {
        let mut of_mark = |kind: Kind, what: &str| {
            let why = format!("the mark of {hour}, which names the checkpoint that was kept of it, {what}");
            findings.push(Finding::new(kind, why));
        };
        let size = match ledger.reader.hour_mark(hour).await.map_err(ledger_error)? {
            FoundMark::Names { size, .. } => size,
            FoundMark::Missing => {
                of_mark(Kind::Missing, "is not there");
                continue;
            }
            FoundMark::Unreadable => {
                of_mark(Kind::Unreadable, "cannot be read");
                continue;
            }
        };
        if size <= index {
            let why =
                format!("the mark of {hour} names a checkpoint of {size} entries, and that hour is entry {index}");
            findings.push(Finding::new(Kind::Changed, why));
        }
        let name = format!("the checkpoint kept of {hour}");
        let judged = match ledger.reader.kept(size).await {
            Ok(Some(kept)) => judge_kept(ledger, &kept, &name).await,
            Ok(None) => Ok(Some(Finding::new(Kind::Missing, format!("the checkpoint of {hour} was not kept")))),
            Err(error) => Err(error),
        };
        findings
            .extend(judged.unwrap_or_else(|error| Some(Finding::new(Kind::Unreadable, format!("{name}: {error}")))));
    }
    Ok(findings)
}

/// Holds the ledger against a checkpoint that somebody kept. What of it cannot be read is an error, and no fork.
pub async fn judge_kept(ledger: &OpenLedger, kept: &Checkpoint, name: &str) -> Result<Option<Finding>, LedgerError> {
    if let Err(bad) = ledger.is_of_ledger(kept) {
        return Ok(Some(Finding::new(Kind::Changed, format!("{name}: {bad}"))));
    }
    let grown = ledger.reader.verify_growth(&kept.head, &ledger.checkpoint.head).await?;
    Ok(grown.err().map(|bad| Finding::new(Kind::Forked, format!("the ledger does not continue {name}: {bad}"))))
}

/// Reads a checkpoint that somebody kept.
pub fn read_checkpoint(path: &Path) -> Result<Checkpoint, CommandError> {
    let read = Checkpoint::read(&bounded::CHECKPOINT.read(path)?);
    read.map_err(|bad| CommandError::new(format!("{}: {bad}", path.display())))
}

#[cfg(test)]
mod tests {
    use ilock_log::ledger::{HourMark, kept_checkpoint};
    use ilock_proof::{Entry, TreeHead};

    use super::*;
    use crate::audit::made_ledger::{MadeLedger, signed};

    /// A ledger of three hours, each with its entry, its mark and its checkpoint.
    struct Made {
        made: MadeLedger,
        hours: Vec<Hour>,
    }

    fn day() -> Day {
        "2026-11-22".parse().unwrap()
    }

    impl Made {
        fn new() -> Self {
            let hours: Vec<Hour> = Hour::of_day(&day()).take(3).collect();
            let entries: Vec<Entry> = hours.iter().copied().map(Entry::of_hour).collect();
            let marks: Vec<(Hour, u64)> = hours.iter().copied().zip(0..).collect();
            Self { made: MadeLedger::of(&entries, &marks), hours }
        }

        async fn found_at(&self, minutes: i64) -> Vec<(Kind, String)> {
            let mut judge = DayJudge::new(day(), day().begins().plus(minutes * 60_000));
            let entries = self.hours.iter().map(|hour| Some(Entry::of_hour(*hour)));
            (0..).zip(entries).for_each(|(index, entry)| judge.entry(index, entry));
            let found = kept_checkpoints(&self.made.ledger, &judge, &day()).await.unwrap();
            found.into_iter().map(|finding| (finding.kind, finding.why)).collect()
        }

        fn at(&self, name: String) -> std::path::PathBuf {
            self.made.at(name)
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

        let garbled = Made::new();
        std::fs::write(garbled.at(HourMark(garbled.hours[1]).name()), "junk\n").unwrap();
        let found = garbled.found_at(200).await;
        assert!(matches!(&found[..], [(Kind::Unreadable, why)] if why.contains("cannot be read")), "{found:?}");

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
    #[tokio::test]
    async fn what_cannot_be_read_is_no_fork_and_neither_is_a_tile_that_was_damaged() {
        let tile = "tile/0/000.p/3".to_owned();
        let breaks: [fn(&std::path::Path); 3] = [
            |tile| std::fs::remove_file(tile).unwrap(),
            |tile| {
                std::fs::remove_file(tile).unwrap();
                std::fs::create_dir(tile).unwrap();
            },
            |tile| {
                let mut bytes = std::fs::read(tile).unwrap();
                bytes[0] ^= 1;
                std::fs::write(tile, bytes).unwrap();
            },
        ];
        for broken in breaks {
            let made = Made::new();
            let ledger = &made.made.ledger;
            let kept = ledger.reader.kept(1).await.unwrap().unwrap();
            assert!(matches!(judge_kept(ledger, &kept, "mine").await, Ok(None)));
            broken(&made.at(tile.clone()));
            assert!(judge_kept(ledger, &kept, "mine").await.is_err());
            let kinds: Vec<Kind> = made.found_at(200).await.into_iter().map(|(kind, _)| kind).collect();
            // The last is the checkpoint itself: nothing has to be read for it.
            assert_eq!(kinds, [Kind::Unreadable; 2]);
            // Two roots of one size, and a ledger that is smaller than it was, need no tile.
            for head in [TreeHead { size: 3, root: [9; 32] }, TreeHead { size: 4, root: [9; 32] }] {
                let found = judge_kept(ledger, &signed(head), "mine").await.unwrap();
                assert_eq!(found.map(|found| found.kind), Some(Kind::Forked));
            }
        }
    }
}
