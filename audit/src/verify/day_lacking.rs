//! What the log has of a day and the ledger has not. Both may be long, and come from whoever made them: nothing here looks
//! through all of it for one entry.

use std::collections::BTreeMap;

use ilock_events::Millis;
use ilock_proof::{CallHash, Entry, EntryKind};

use crate::verify::day_subject::Subject;

/// An entry that the ledger has not, what it is of, and when that says that it happened.
pub type Lack = (Entry, Subject, Millis);

/// By what it is of, so that what somebody altered is found by what was entered.
#[derive(Debug, Default)]
pub struct Lacking(BTreeMap<(EntryKind, CallHash, u32), BTreeMap<Entry, Vec<Lack>>>);

impl Lacking {
    pub fn add(&mut self, lack: Lack) {
        let of_one = self.0.entry(what(&lack.0)).or_default();
        of_one.entry(lack.0).or_default().push(lack);
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn iter(&self) -> impl Iterator<Item = &Lack> {
        self.0.values().flat_map(BTreeMap::values).flatten()
    }

    /// Takes the one whose entry is `entry`.
    pub fn take(&mut self, entry: &Entry) -> Option<Lack> {
        let of_one = self.0.get_mut(&what(entry))?;
        let same = of_one.get_mut(entry)?;
        let taken = same.pop();
        if same.is_empty() {
            of_one.remove(entry);
        }
        if of_one.is_empty() {
            self.0.remove(&what(entry));
        }
        taken
    }

    /// Takes one of the same kind, call and number as `entry`, whatever its content.
    pub fn take_like(&mut self, entry: &Entry) -> Option<Lack> {
        let like = *self.0.get(&what(entry))?.keys().next()?;
        self.take(&like)
    }
}

fn what(entry: &Entry) -> (EntryKind, CallHash, u32) {
    (entry.kind, entry.call, entry.n)
}
