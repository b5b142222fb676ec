//! The hours of a ledger, in the order of its entries. Each has one entry, and stands behind all hours before it.

use std::collections::HashMap;

use ilock_events::Millis;
use ilock_proof::{Entry, EntryKind, Hour};

use crate::finding::{Finding, Kind};

/// No ledger began before 2020-01-01T00.
const FIRST: Millis = Millis(1_577_836_800_000);
/// By how much a ledger's clock may be ahead of the one here, in ms.
const AHEAD: i64 = 2 * 60 * 60 * 1000;

/// Which hour an entry is of. It has only the hour's hash: hours are tried, the last one first.
#[derive(Debug)]
pub struct KnownHours {
    known: HashMap<Entry, Hour>,
    /// The one to try next.
    next: Hour,
}

impl KnownHours {
    /// Those that can have begun at `now`.
    #[must_use]
    pub fn at(now: Millis) -> Self {
        Self { known: HashMap::new(), next: Hour::of(now.plus(AHEAD)) }
    }

    /// The hour of `entry`; none where it is of no hour.
    pub fn of(&mut self, entry: &Entry) -> Option<Hour> {
        if entry.kind != EntryKind::Hour {
            return None;
        }
        while !self.known.contains_key(entry) && self.next.begins() >= FIRST {
            self.known.insert(Entry::of_hour(self.next), self.next);
            self.next = self.next.before();
        }
        self.known.get(entry).copied()
    }
}

/// Whether the hours of a ledger only go on.
#[derive(Debug)]
pub struct HoursInOrder {
    hours: KnownHours,
    last: Option<Hour>,
}

impl HoursInOrder {
    /// With the hours that can have begun at `now`.
    #[must_use]
    pub fn at(now: Millis) -> Self {
        Self { hours: KnownHours::at(now), last: None }
    }

    /// The hour of `entry`; none where it is of no hour.
    pub fn of(&mut self, entry: &Entry) -> Option<Hour> {
        self.hours.of(entry)
    }

    /// Takes in an entry. Answers its hour, where it is of one, and what is wrong where that does not go on.
    pub fn entry(&mut self, index: u64, entry: &Entry) -> Option<(Hour, Option<Finding>)> {
        let hour = self.hours.of(entry)?;
        // The hours that follow one of an earlier time are its own: what was entered again is named once.
        let before = self.last.replace(hour).filter(|before| *before >= hour);
        let finding = before.map(|before| {
            let why = format!("entry {index} of the ledger says that {hour} began, and stands behind {before}");
            Finding::new(Kind::OutOfOrder, why)
        });
        Some((hour, finding))
    }
}
