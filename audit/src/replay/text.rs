//! The story as a timeline to read.

use std::fmt::Write as _;

use ilock_events::DeliveryPath;

use crate::replay::deed::deed;
use crate::replay::facts::facts;
use crate::replay::standing::Standing;
use crate::replay::step::{Forgetting, Step, What};
use crate::replay::story::Story;
use crate::replay::times::{day_and_time, seconds};
use crate::visible;

#[must_use]
pub fn text(story: &Story) -> String {
    let mut out = head(story);
    for (what, fact) in facts(story).into_iter().filter(|(what, _)| *what != "Placed") {
        let _ = writeln!(out, "{:<9}  {}", what.to_lowercase(), visible(&fact));
    }
    for finding in story.verdict.lines() {
        let _ = writeln!(out, "           {}", visible(&finding));
    }
    out.push('\n');
    for step in &story.steps {
        let _ = writeln!(
            out,
            "{:>11}  {:>9}  {}",
            seconds(step.since_placed),
            later(step.after),
            visible(&line(step, story))
        );
    }
    for gone in &story.forgotten {
        let _ = writeln!(out, "{}", visible(&went(gone)));
    }
    for what in &story.unreadable {
        let _ = writeln!(out, "cannot be read: {}", visible(what));
    }
    if let Some(why) = &story.broken {
        let _ = writeln!(out, "not sound: {}", visible(why));
    }
    if let Some(standing) = &story.standing {
        out.push('\n');
        out.push_str(&stood(standing));
    }
    out
}

pub(super) fn head(story: &Story) -> String {
    let tenant = story.tenant.as_ref().map(|tenant| format!(", tenant {tenant}")).unwrap_or_default();
    format!("call {}{tenant}\nplaced {}\n", visible(&story.call_id), day_and_time(story.at))
}

/// What happened in one step, in a line.
pub(super) fn line(step: &Step, story: &Story) -> String {
    match &step.what {
        What::Commit(done) => {
            let words = done.words.shown().map(|words| format!(" {words}")).unwrap_or_default();
            let is = done.cmd.client_is.map(|is| format!(" ({})", is.word())).unwrap_or_default();
            format!("{:>3} {}{is} {}{words} → {}", step.n, done.by, deed(step, done, story), done.state.word())
        }
        What::Delivery(told) => {
            let says = told.says.as_deref().unwrap_or("something");
            let handed = &told.handed;
            let path = if told.path == DeliveryPath::Fast { "at once" } else { told.path.word() };
            match &handed.error {
                None => {
                    let id = handed.carrier_id.as_ref().map(|id| format!(", {id}")).unwrap_or_default();
                    format!(
                        "      {} told “{says}” by {} ({path}{id}), {} ms after commit {}",
                        told.whom(),
                        handed.carrier.word(),
                        handed.ms,
                        step.n
                    )
                }
                Some(error) => {
                    format!("      {} not told “{says}” by {} ({path}): {error}", told.whom(), handed.carrier.word())
                }
            }
        }
    }
}

/// When something was forgotten, and for whom.
pub(super) fn went(gone: &Forgetting) -> String {
    let what = gone.n.map_or_else(|| "text of no commit".to_owned(), |n| format!("what was said with commit {n}"));
    format!("{} was forgotten for {} on {}", what, gone.record.person.id, day_and_time(gone.record.at))
}

pub(super) fn stood(standing: &Standing) -> String {
    let mut out = format!("at {} (commit {}): ", seconds(standing.since_placed).trim(), standing.n);
    match (&standing.broken, standing.state) {
        (Some(why), _) => {
            let _ = writeln!(out, "not known: {}", visible(why));
        }
        (None, None) => out.push_str("not placed\n"),
        (None, Some(state)) => {
            let by = standing.by.as_deref().unwrap_or("nobody");
            let _ = writeln!(out, "{}, by {}", state.word(), visible(by));
        }
    }
    if let Some(who) = &standing.answered_by {
        let _ = writeln!(out, "  answered by {}", visible(who));
    }
    if !standing.ringing.is_empty() {
        let _ = writeln!(out, "  said that they ring: {}", visible(&standing.ringing.join(", ")));
    }
    if let Some(ms) = standing.deadline_in {
        let _ = match ms {
            0.. => writeln!(out, "  {} left to answer", seconds(ms).trim()),
            _ => writeln!(out, "  the deadline had passed {} before", seconds(ms.saturating_neg()).trim()),
        };
    }
    for told in &standing.told {
        let _ = writeln!(out, "  told: {}", visible(told));
    }
    out
}

fn later(ms: i64) -> String {
    format!("{ms:+} ms")
}
