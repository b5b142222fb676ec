//! Whether the marks of archived calls are in the ledger, under its checkpoint.

use std::collections::HashMap;

use futures::TryStreamExt;
use ilock_events::Millis;
use ilock_proof::{Entry, Hour, StoredCall};

use crate::audit::hour_marks::HourMarks;
use crate::audit::ledger_args::{OpenLedger, ledger_error};
use crate::ui::error::CommandError;

/// The marks of a day's calls: to which call each belongs, and when it was written.
#[derive(Default)]
pub struct Marks(HashMap<Entry, (String, Millis)>);

/// A mark that the ledger has not.
pub struct LackingMark {
    pub entry: Entry,
    pub call_id: String,
    pub at: Millis,
}

impl Marks {
    /// Takes in the mark of a call, where it has one.
    pub fn add(&mut self, call: &StoredCall) {
        let at = call.archived.as_ref().and_then(|mark| mark["archived_at"].as_i64()).map(Millis);
        if let Some((entry, at)) = call.entry_of_mark().zip(at) {
            self.0.insert(entry, (call.call_id.clone(), at));
        }
    }

    /// Those of them that the ledger has not. It is read from the hour on in which the first was written.
    pub async fn lacking(mut self, ledger: &OpenLedger) -> Result<Vec<LackingMark>, CommandError> {
        let Some(first) = self.0.values().map(|(_, at)| *at).min() else { return Ok(vec![]) };
        let head = &ledger.checkpoint.head;
        // By a clock that ran behind.
        let from = HourMarks::of(ledger).beginning_at(Hour::of(first).before()).await?.min(head.size);
        let mut bundles = Box::pin(ledger.reader.bundles(from..head.size, head));
        while let Some(bundle) = bundles.try_next().await.map_err(ledger_error)? {
            for entry in bundle.entries.iter().flatten() {
                self.0.remove(entry);
            }
            if self.0.is_empty() {
                break;
            }
        }
        let mut lacking: Vec<LackingMark> =
            self.0.into_iter().map(|(entry, (call_id, at))| LackingMark { entry, call_id, at }).collect();
        lacking.sort_by(|a, b| a.call_id.cmp(&b.call_id));
        Ok(lacking)
    }
}
