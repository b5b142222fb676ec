//! What the log has of a day, and the ledger only behind the day's entries: what was entered late, and what happened to its calls
//! later. Text of a call may be forgotten months after it.

use std::ops::Range;

use futures::StreamExt;
use ilock_audit::verify::DayJudge;
use ilock_events::Millis;

use crate::audit::hour_marks::{HourMarks, last_hour};
use crate::audit::ledger_args::{OpenLedger, ledger_error};
use crate::ui::error::CommandError;

/// Shows `judge` the ledger's entries from `end` on, until it lacks nothing: first those of the hours in which something is said to
/// have happened, then all.
pub async fn read(ledger: &OpenLedger, end: u64, now: Millis, judge: &mut DayJudge) -> Result<(), CommandError> {
    let size = ledger.checkpoint.head.size;
    if !judge.lacks() {
        return Ok(());
    }
    if let Some(last) = last_hour(ledger, now).await? {
        judge.covered_by(last);
    }
    judge.look_later();
    for (first, behind) in judge.hours_of_later_items() {
        let mut marks = HourMarks::of(ledger);
        let from = marks.beginning_at(first).await?.max(end);
        let to = marks.index(behind).await?.unwrap_or(size);
        show(ledger, from..to, judge).await?;
    }
    judge.look_later();
    show(ledger, end..size, judge).await
}

async fn show(ledger: &OpenLedger, within: Range<u64>, judge: &mut DayJudge) -> Result<(), CommandError> {
    if !judge.lacks() {
        return Ok(());
    }
    let mut later = Box::pin(ledger.reader.bundles(within, &ledger.checkpoint.head));
    while let Some(bundle) = later.next().await {
        let bundle = bundle.map_err(ledger_error)?;
        for (index, entry) in (bundle.first..).zip(bundle.entries) {
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
