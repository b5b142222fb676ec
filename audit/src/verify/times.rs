//! Does a call's time run as time does?

use ilock_call::{Call, GRACE_MS, Placed};
use ilock_events::Millis;

use crate::verify::commit::CheckedCommit;
use crate::{Finding, Findings, Kind};

/// How far the clocks of two functions may differ, in ms. Those of one region differ by far less; a laptop that sets its clock
/// may step back by a second or two.
pub(crate) const SKEW_MS: i64 = 5_000;

/// How long the round of a receipt may take, from its first outcome until the receipt is written, in ms. The round itself ends
/// within 5 seconds; what is done before the receipt is tried again until the function is ended, the projector after a minute.
/// Outcomes of later rounds, also of dead letters, have times of their own.
pub(crate) const ROUND_MS: i64 = 2 * 60 * 1000;

/// How far the clock of whoever verifies may be behind, in ms.
pub(crate) const AUDITOR_MS: i64 = 10 * 60 * 1000;

/// How long after a call's time was up its timer may be late, in ms: the timer's queue is tried again for minutes.
const TIMER_MS: i64 = 10 * 60 * 1000;

/// Holds the times of commits, in their order, against each other and against `as_of`.
pub(crate) fn judge(commits: &[CheckedCommit<'_>], as_of: Millis, findings: &mut Findings) {
    let mut latest: Option<(Millis, u32)> = None;
    for seen in commits {
        let Some(view) = seen.view.as_ref().filter(|_| seen.sound) else { continue };
        if view.at.since(as_of) > AUDITOR_MS {
            findings.push(Finding::at(
                Kind::OutOfOrder,
                seen.n,
                "it says that it happened at a time that has not come yet",
            ));
        }
        if let Some((before, n)) = latest.filter(|(before, _)| before.since(view.at) > SKEW_MS) {
            let why = format!("it says that it happened {} ms before commit {n}", before.since(view.at));
            findings.push(Finding::at(Kind::OutOfOrder, seen.n, why));
        }
        if latest.is_none_or(|(before, _)| before < view.at) {
            latest = Some((view.at, seen.n));
        }
    }
}

/// When a call that is not over was to be over at the latest; none where it is over.
pub(crate) fn ends_by(call: &Call) -> Option<Millis> {
    call.placed.as_ref().filter(|placed| !placed.state.is_final()).map(last_timer)
}

/// When the last timer of a call is due.
fn last_timer(placed: &Placed) -> Millis {
    placed.ends_by().unwrap_or_else(|| placed.terms.deadline.plus(GRACE_MS))
}

/// Whether the timer of a call may still go off, and drop the text that no commit names.
pub(crate) fn timer_may_come(call: &Call, as_of: Millis) -> bool {
    call.placed.as_ref().is_some_and(|placed| as_of.since(last_timer(placed)) <= TIMER_MS)
}

/// That a call is over once its time is up.
pub(crate) fn judge_end(call: &Call, as_of: Millis) -> Option<Finding> {
    let late = as_of.since(ends_by(call)?);
    let placed = call.placed.as_ref().filter(|_| late > TIMER_MS)?;
    let (state, n) = (placed.state.word(), call.head.as_ref().map_or(1, |(n, _)| n.0));
    let why = format!("the call is still {state}, and its time was up {late} ms before this was read");
    Some(Finding::at(Kind::Unfinished, n, why))
}
