//! What the functions answered is what stands in the log, and what stands there somebody has asked for.

use ilock_events::{Actor, CallEvent, Side};

use super::record::Record;
use crate::facts::{Answered, Facts, Meant};
use crate::time::Time;

/// How long after the deadline an answer still counts, in milliseconds.
const GRACE_MS: i64 = 2_000;

pub fn judge(record: &Record, facts: &Facts, time: &Time, skew_ms: u64, found: &mut Vec<String>) {
    let mut wrong = |what: String| found.push(format!("{}: {what}", record.id()));
    let answers = facts.answers.lock().unwrap();
    for answered in answers.iter().filter(|answered| answered.call == record.id()) {
        if let Some(why) = contradiction(record, answered) {
            wrong(format!("{} {}: {} {}, but {why}", answered.who, answered.action, answered.status, answered.data));
        }
    }
    if let Some(late) = let_in_late(record, facts, time, skew_ms) {
        wrong(late);
    }
    let asked_for = facts.meant.lock().unwrap();
    for meant in record.events().filter_map(|(commit, event)| meant(record, &commit.actor, &event)) {
        if !asked_for.contains(&meant) {
            wrong(format!("{} {}, and nobody asked for that", meant.who, meant.action));
        }
    }
    let seen = facts.last_seen.lock().unwrap();
    for (who, _, state) in seen.iter().filter(|(_, call, _)| call == record.id()) {
        if record.commits.last().is_some_and(|last| last.state.word() != state) {
            wrong(format!("{who} last saw it {state}"));
        }
    }
}

/// An answer counts by when a function got it: one of the winner's requests came in time.
fn let_in_late(record: &Record, facts: &Facts, time: &Time, skew_ms: u64) -> Option<String> {
    let answerer = record.answerer()?;
    let arrivals = facts.arrivals.lock().unwrap();
    let own = |meant: &Meant| meant.call == record.id() && meant.who == answerer && meant.action == "accepted";
    let first = arrivals.iter().filter(|(meant, _)| own(meant)).map(|(_, at)| time.at(*at)).min()?;
    let late = first.since(record.deadline());
    // The deadline is by one function's clock, the decision by another's.
    let most = GRACE_MS + 2 * i64::try_from(skew_ms).unwrap();
    (late > most).then(|| format!("{answerer} was let in {late} ms after the deadline"))
}

fn contradiction(record: &Record, answered: &Answered) -> Option<String> {
    let state = answered.data["state"].as_str().unwrap_or_default();
    let never = |done: bool, what: &str| (!done).then(|| format!("it was not {what}"));
    match (answered.status, answered.action.as_str()) {
        (200, "accepted") => {
            (record.answerer().as_deref() != Some(&answered.who)).then(|| format!("{:?} answered", record.answerer()))
        }
        (200, "cancelled") => never(has(record, |event| matches!(event, CallEvent::CallCancelled(_))), "cancelled"),
        (200, "rejected") => never(has(record, |event| matches!(event, CallEvent::CallRejected(_))), "rejected"),
        (200, "declined") => {
            let by = |event: &CallEvent| match event {
                CallEvent::CallDeclined(declined) => declined.client_id.as_str() == answered.who,
                // Whose person has rejected need not decline any more.
                CallEvent::CallRejected(_) => true,
                _ => false,
            };
            never(has(record, by), "declined")
        }
        (200, "hangup") => never(has(record, |event| matches!(event, CallEvent::CallEnded(_))), "hung up"),
        // A person who has rejected is told so, while others are still rung.
        (409, _) if state == "rejected" => {
            never(has(record, |event| matches!(event, CallEvent::CallRejected(_) | CallEvent::CallDeclined(_))), state)
        }
        (409, _) if !state.is_empty() => never(record.commits.iter().any(|commit| commit.state.word() == state), state),
        _ => None,
    }
}

fn has(record: &Record, is_it: impl Fn(&CallEvent) -> bool) -> bool {
    record.events().any(|(_, event)| is_it(&event))
}

/// What somebody must have asked for, where an event stands in the log.
fn meant(record: &Record, actor: &Actor, event: &CallEvent) -> Option<Meant> {
    let caller = || record.placed.caller.id.to_string();
    let (who, action) = match event {
        CallEvent::CallAlerted(alerted) => (alerted.client_id.as_ref()?.to_string(), "ringing"),
        CallEvent::CallAccepted(accepted) => (accepted.client_id.as_ref()?.to_string(), "accepted"),
        CallEvent::CallDeclined(declined) => (declined.client_id.to_string(), "declined"),
        CallEvent::CallRejected(rejected) => (rejected.client_id.as_ref()?.to_string(), "rejected"),
        CallEvent::CallCancelled(_) => (caller(), "cancelled"),
        CallEvent::CallEnded(ended) if ended.by == Side::Caller => (caller(), "hangup"),
        CallEvent::CallEnded(ended) if ended.by == Side::Callee => (actor.name(), "hangup"),
        CallEvent::CallPlaced(_) | CallEvent::CallMissed(_) | CallEvent::CallEnded(_) | CallEvent::CallFailed(_) => {
            return None;
        }
    };
    Some(Meant { who, call: record.id().to_owned(), action: action.to_owned() })
}
