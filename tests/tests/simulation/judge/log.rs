//! The log: one winner, final is final, every commit once and as it was written, and an auditor finds nothing.

use std::collections::BTreeMap;

use ilock_audit::{Line, verify};
use ilock_events::{CallEvent, Millis};
use serde_json::Value;

use super::record::Record;
use crate::cloud::Written;

pub fn judge(record: &Record, written: &[Written], now: Millis, found: &mut Vec<String>) {
    let mut wrong = |what: String| found.push(format!("{}: {what}", record.id()));
    let accepted = record.events().filter(|(_, event)| matches!(event, CallEvent::CallAccepted(_))).count();
    if accepted > 1 {
        wrong(format!("{accepted} winners"));
    }
    let last = record.commits.last().unwrap();
    if !last.state.is_final() {
        wrong(format!("it never came to an end: {}", last.state.word()));
    }
    for pair in record.commits.windows(2) {
        if pair[0].state.is_final() {
            wrong(format!("commit {} stands behind a final one", pair[1].n));
        }
        if pair[1].n.0 != pair[0].n.0 + 1 || pair[1].prev != pair[0].hash {
            wrong(format!("commit {} does not follow commit {}", pair[1].n, pair[0].n));
        }
    }
    let mut commands = BTreeMap::new();
    for commit in &record.commits {
        if let Some(before) = commands.insert((commit.actor.clone(), commit.cmd.id.clone()), commit.n) {
            wrong(format!("commits {before} and {} are the same command", commit.n));
        }
    }
    judge_writes(record, written, &mut wrong);
    let line = ilock_audit::export::call_line(1, &record.stored, true).unwrap();
    let line = String::from_utf8(line).unwrap();
    let Ok((_, Line::Call(call))) = Line::read(line.trim_end()) else {
        return wrong("its line of an export cannot be read".to_owned());
    };
    for finding in verify::call(&call, now).findings {
        wrong(format!("audit: {}: {} (commit {:?})", finding.kind.words(), finding.why, finding.n));
    }
}

/// Each place was written once, and what was written there stands there.
fn judge_writes(record: &Record, written: &[Written], wrong: &mut impl FnMut(String)) {
    let mut places: BTreeMap<u32, Vec<&Value>> = BTreeMap::new();
    for commit in written.iter().filter(|commit| commit.call_id == record.id()) {
        places.entry(commit.n).or_default().push(&commit.item);
    }
    for (n, items) in &places {
        if items.len() > 1 {
            wrong(format!("commit {n} was written {} times", items.len()));
        }
        let stands = record.commits.iter().find(|commit| commit.n.0 == *n);
        if stands.is_none_or(|commit| items[0]["hash"]["S"] != commit.hash.as_str()) {
            wrong(format!("commit {n} was written, and does not stand as it was written"));
        }
    }
    if places.len() != record.commits.len() {
        wrong(format!("{} commits were written, {} stand there", places.len(), record.commits.len()));
    }
}
