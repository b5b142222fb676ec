//! Where a day stands in the ledger. The marks that say so are files that nobody vouches for: each is held against the entry that it
//! points to, which is proven. Where one is gone or wrong, more of the ledger is read.

use std::ops::Range;

use futures::{StreamExt, TryStreamExt, stream};
use ilock_audit::verify::{HoursInOrder, KnownHours, end_of_entries};
use ilock_audit::{Finding, Findings, Kind};
use ilock_events::Millis;
use ilock_log::ledger::{FoundMark, hours_back};
use ilock_proof::{Day, Entry, Hour, TILE_WIDTH};

use crate::audit::ledger_args::{OpenLedger, ledger_error};
use crate::ui::error::CommandError;

/// So many entries before a day are looked through for an hour that began before its mark says: 4096 bundles.
const LOOK_BACK: u64 = 1 << 20;
/// How many hours that do not go on are named: more than anybody reads.
const MOST_FINDINGS: usize = 100;
/// How many bundles are read at once.
const AT_ONCE: usize = 16;

pub struct HourMarks<'a> {
    ledger: &'a OpenLedger,
    pub findings: Vec<Finding>,
}

impl<'a> HourMarks<'a> {
    pub const fn of(ledger: &'a OpenLedger) -> Self {
        Self { ledger, findings: vec![] }
    }

    /// The index from which on everything stands that was entered after `hour` began, or earlier.
    pub async fn beginning_at(&mut self, hour: Hour) -> Result<u64, CommandError> {
        for hour in hours_back(hour) {
            if let Some(index) = self.index(hour).await? {
                return Ok(index);
            }
        }
        Ok(0)
    }

    /// The same for the hour with which a day begins to be read. Where it, or a later one, began before its mark says, whoever signs
    /// the ledger has entered hours again, and that is where the day stands: what was entered twice counts from the first time.
    pub async fn beginning_of_day(&mut self, hour: Hour, now: Millis) -> Result<u64, CommandError> {
        let marked = self.beginning_at(hour).await?;
        let before = marked.saturating_sub(LOOK_BACK)..marked;
        let mut first = None;
        let mut findings = Findings::at_most(MOST_FINDINGS);
        hours_within(self.ledger, before, &mut HoursInOrder::at(now), |index, began, finding| {
            findings.extend(finding);
            first = first.or_else(|| (began >= hour).then_some((index, began)));
        })
        .await?;
        self.findings.extend(findings.told());
        let Some((index, began)) = first else { return Ok(marked) };
        let why = format!("the mark of {hour} points to entry {marked}, and {began} began at entry {index} already");
        self.findings.push(Finding::new(Kind::OutOfOrder, why));
        Ok(index)
    }

    /// The index up to which entries are read for a day that begins at `first`; where no mark says it, they end with the ledger's own
    /// hours.
    pub async fn end_of(&mut self, day: &Day, first: u64) -> Result<u64, CommandError> {
        let (hour, size) = (end_of_entries(day), self.ledger.checkpoint.head.size);
        let Some(index) = self.index(hour).await? else { return Ok(size) };
        if index >= first {
            return Ok(index);
        }
        let why = format!("the mark of {hour} points to entry {index}, before entry {first}, where the day begins");
        self.findings.push(Finding::new(Kind::OutOfOrder, why));
        Ok(size)
    }

    /// The index of the entry of `hour`; none where no mark says so, or the entry there is another one.
    pub async fn index(&mut self, hour: Hour) -> Result<Option<u64>, CommandError> {
        let OpenLedger { reader, checkpoint, .. } = self.ledger;
        let index = match reader.hour_mark(hour).await.map_err(ledger_error)? {
            FoundMark::Names { index, .. } => index,
            FoundMark::Unreadable => {
                let why = format!("the mark of {hour}, which says where it began, cannot be read");
                self.findings.push(Finding::new(Kind::Unreadable, why));
                return Ok(None);
            }
            FoundMark::Missing => return Ok(None),
        };
        if index < checkpoint.head.size {
            let bundle = index / u64::from(TILE_WIDTH);
            let read = reader.bundle(bundle, &checkpoint.head).await.map_err(ledger_error)?;
            let at = usize::try_from(index - read.first).unwrap_or(usize::MAX);
            if read.entries.get(at) == Some(&Some(Entry::of_hour(hour))) {
                return Ok(Some(index));
            }
        }
        let why = format!("the mark of {hour} points to entry {index}, which is not the one of that hour");
        self.findings.push(Finding::new(Kind::Changed, why));
        Ok(None)
    }
}

/// Shows `each` the hours whose entries stand within a range: the index, the hour, and what is wrong where it does not go on.
async fn hours_within(
    ledger: &OpenLedger,
    within: Range<u64>,
    hours: &mut HoursInOrder,
    mut each: impl FnMut(u64, Hour, Option<Finding>),
) -> Result<(), CommandError> {
    let mut bundles = Box::pin(ledger.reader.bundles(within, &ledger.checkpoint.head));
    while let Some(bundle) = bundles.try_next().await.map_err(ledger_error)? {
        for (index, entry) in (bundle.first..).zip(&bundle.entries) {
            if let Some((hour, finding)) = entry.as_ref().and_then(|entry| hours.entry(index, entry)) {
                each(index, hour, finding);
            }
        }
    }
    Ok(())
}

/// The last hour whose entry stands before entry `end`, with that entry and its index.
async fn last_before(ledger: &OpenLedger, end: u64, now: Millis) -> Result<Option<(u64, Entry, Hour)>, CommandError> {
    let mut hours = KnownHours::at(now);
    let backwards = (0..end.div_ceil(u64::from(TILE_WIDTH))).rev();
    let reads = backwards.map(|bundle| ledger.reader.bundle(bundle, &ledger.checkpoint.head));
    let mut bundles = stream::iter(reads).buffered(AT_ONCE);
    while let Some(bundle) = bundles.next().await {
        let bundle = bundle.map_err(ledger_error)?;
        let entries: Vec<_> = (bundle.first..end).zip(bundle.entries).collect();
        let found = entries.into_iter().rev().find_map(|(index, entry)| Some((index, entry?, hours.of(&entry?)?)));
        if found.is_some() {
            return Ok(found);
        }
    }
    Ok(None)
}

/// The last hour in the ledger.
pub async fn last_hour(ledger: &OpenLedger, now: Millis) -> Result<Option<Hour>, CommandError> {
    Ok(last_before(ledger, ledger.checkpoint.head.size, now).await?.map(|(.., hour)| hour))
}

/// The hours that were entered since the ledger had `size` entries, and do not go on from those before them. All of it is read.
pub async fn out_of_order_since(ledger: &OpenLedger, size: u64, now: Millis) -> Result<Vec<Finding>, CommandError> {
    let (mut hours, mut findings) = (HoursInOrder::at(now), Findings::at_most(MOST_FINDINGS));
    if let Some((index, entry, _)) = last_before(ledger, size, now).await? {
        hours.entry(index, &entry);
    }
    let since = size..ledger.checkpoint.head.size;
    hours_within(ledger, since, &mut hours, |_, _, finding| findings.extend(finding)).await?;
    Ok(findings.told())
}

#[cfg(test)]
mod tests {
    use ilock_proof::EntryKind;

    use super::*;
    use crate::audit::made_ledger::MadeLedger;

    const HOUR: i64 = 3_600_000;

    fn hour(text: &str) -> Hour {
        Hour::read(text).unwrap()
    }

    fn call(n: u8) -> Entry {
        Entry { kind: EntryKind::Commit, hash: [n; 32], call: [n; 16], n: 1 }
    }

    fn wrong(findings: &[Finding]) -> Vec<(Kind, &str)> {
        findings.iter().map(|finding| (finding.kind, finding.why.as_str())).collect()
    }

    /// From 22 o'clock on, so many hours, and a call in each.
    fn honest(hours: u8) -> Vec<Entry> {
        let first = hour("2026-11-21T22");
        let hours = std::iter::successors(Some(first), |hour| Some(hour.next())).zip(0..hours);
        hours.flat_map(|(hour, n)| [Entry::of_hour(hour), call(n)]).collect()
    }

    /// Where each hour stands last.
    fn marks(entries: &[Entry]) -> Vec<(Hour, u64)> {
        let mut hours = KnownHours::at(now());
        (0..).zip(entries).filter_map(|(index, entry)| Some((hours.of(entry)?, index))).collect()
    }

    fn now() -> Millis {
        hour("2026-11-22T04").begins().plus(HOUR / 2)
    }

    async fn day_of(entries: &[Entry]) -> (u64, Vec<Finding>) {
        let made = MadeLedger::of(entries, &marks(entries));
        let mut marks = HourMarks::of(&made.ledger);
        let first = marks.beginning_of_day(hour("2026-11-21T23"), now()).await.unwrap();
        (first, marks.findings)
    }

    #[tokio::test]
    async fn a_day_that_was_entered_again_without_a_call_stands_where_it_was_entered_first() {
        let mut entries = honest(6);
        let (first, findings) = day_of(&entries).await;
        assert_eq!((first, wrong(&findings)), (2, vec![]));
        let grown = |entries: &[Entry]| MadeLedger::of(entries, &[]);
        assert_eq!(out_of_order_since(&grown(&entries).ledger, 7, now()).await.unwrap(), []);

        // Everything from 23 o'clock on once more, but for one call, and the marks lead there.
        let again: Vec<Entry> = entries[2..].iter().copied().filter(|entry| *entry != call(2)).collect();
        entries.extend(again);
        let (first, findings) = day_of(&entries).await;
        assert_eq!(first, 2);
        assert!(
            matches!(&wrong(&findings)[..], [(Kind::OutOfOrder, why)] if why.contains("the mark of 2026-11-21T23 points to entry 12")),
            "{findings:?}"
        );
        for size in [1, 7, 12] {
            let found = out_of_order_since(&grown(&entries).ledger, size, now()).await.unwrap();
            let why = "entry 12 of the ledger says that 2026-11-21T23 began, and stands behind 2026-11-22T03";
            assert_eq!(wrong(&found), [(Kind::OutOfOrder, why)], "since {size}");
        }
        assert_eq!(out_of_order_since(&grown(&entries).ledger, 13, now()).await.unwrap(), [], "it was so before");
    }

    #[tokio::test]
    async fn earlier_hours_that_were_entered_again_before_the_days_hide_nothing() {
        let mut entries = honest(6);
        let again = entries.clone();
        entries.extend(again);
        let (first, findings) = day_of(&entries).await;
        assert_eq!(first, 2);
        assert_eq!(findings.iter().map(|finding| finding.kind).collect::<Vec<_>>(), [Kind::OutOfOrder; 2]);
    }

    #[tokio::test]
    async fn a_mark_of_the_days_end_before_its_beginning_is_out_of_order() {
        let entries = honest(6);
        let mut wrong = marks(&entries);
        wrong[4].1 = 0;
        let made = MadeLedger::of(&[&[Entry::of_hour(hour("2026-11-22T02"))], &entries[1..]].concat(), &wrong);
        let mut marks = HourMarks::of(&made.ledger);
        assert_eq!(marks.end_of(&"2026-11-21".parse().unwrap(), 2).await.unwrap(), 12);
        assert_eq!(marks.findings[0].kind, Kind::OutOfOrder);
    }

    #[tokio::test]
    async fn the_last_hour_is_found_from_the_end() {
        let made = MadeLedger::of(&honest(5), &[]);
        assert_eq!(last_hour(&made.ledger, now()).await.unwrap(), Some(hour("2026-11-22T02")));
        let made = MadeLedger::of(&[call(1)], &[]);
        assert_eq!(last_hour(&made.ledger, now()).await.unwrap(), None);
    }
}
