//! What the log has of a day and the ledger has not. Both may be long, and come from whoever made them: nothing here looks
//! through all of it for one entry.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry::Occupied;

use ilock_events::Millis;
use ilock_proof::{CallHash, Entry, EntryKind, Node};

use crate::verify::day_subject::Subject;

/// An entry that the ledger has not, what it is of, and when that says that it happened.
pub type Lack = (Entry, Subject, Millis);

/// By what it is of, then by its content, so that what somebody altered stands where what was entered would.
#[derive(Debug, Default)]
pub struct Lacking(BTreeMap<(EntryKind, CallHash, u32, Node), Vec<Lack>>);

impl Lacking {
    pub fn add(&mut self, lack: Lack) {
        let Entry { kind, hash, call, n } = lack.0;
        self.0.entry((kind, call, n, hash)).or_default().push(lack);
    }

    pub fn iter(&self) -> impl Iterator<Item = &Lack> {
        self.0.values().flatten()
    }

    /// Takes the one whose entry is `entry`.
    pub fn take(&mut self, entry: &Entry) -> Option<Lack> {
        let Entry { kind, hash, call, n } = *entry;
        let Occupied(mut same) = self.0.entry((kind, call, n, hash)) else { return None };
        let taken = same.get_mut().pop();
        if same.get().is_empty() {
            same.remove();
        }
        taken
    }

    /// Takes one of the same kind, call and number as `entry`, whatever its content.
    pub fn take_like(&mut self, entry: &Entry) -> Option<Lack> {
        let Entry { kind, call, n, .. } = *entry;
        let every_content = (kind, call, n, [0; 32])..=(kind, call, n, [255; 32]);
        let (&(.., hash), _) = self.0.range(every_content).next()?;
        self.take(&Entry { kind, hash, call, n })
    }
}
