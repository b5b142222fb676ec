//! Calls beside each other: a caller has one call to the same people at a time, and whoever is said to be busy is.

use std::collections::BTreeSet;

use ilock_events::{Busy, CallState, Commit, CommitNo, Millis, Party, PartyId, PartyKind};
use tokio::time::Instant;

use super::record::Record;
use crate::cloud::Written;
use crate::time::Time;

/// How long a press may be under way before its call is placed: a request is given up then.
const UNDER_WAY_MS: i64 = 10_000;

pub struct Beside<'a> {
    pub records: &'a [Record],
    pub written: &'a [Written],
    pub time: Time,
    pub skew_ms: u64,
}

impl Beside<'_> {
    pub fn judge(&self, found: &mut Vec<String>) {
        for later in self.records {
            for earlier in self.records.iter().filter(|earlier| earlier.id() != later.id()) {
                if let Some(why) = self.twice(earlier, later) {
                    found.push(format!("{}: a second call beside {}: {why}", later.id(), earlier.id()));
                }
            }
            for callee in later.placed.callees.iter().filter(|callee| is_busy(callee.busy)) {
                let others = self.records.iter().filter(|other| other.id() != later.id());
                if !others.into_iter().any(|other| self.has_been_in(other, &callee.id, later)) {
                    found.push(format!("{}: {} was said to be in another call", later.id(), callee.id));
                }
            }
        }
    }

    fn written_at(&self, record: &Record, commit: &Commit) -> Instant {
        let is_it = |written: &&Written| written.call_id == record.id() && written.n == commit.n.0;
        self.written.iter().find(is_it).unwrap().at
    }

    /// Before which time, by the simulation's clock, no clock of a function can have shown `at`.
    fn surely(&self, at: Millis) -> Instant {
        self.time.moment(at.plus(-2 * i64::try_from(self.skew_ms).unwrap()))
    }

    /// Whether `later` was placed while `earlier` rang or lasted, and its caller could know that.
    fn twice(&self, earlier: &Record, later: &Record) -> Option<&'static str> {
        let callees = |record: &Record| record.placed.callees.iter().map(|one| one.id.clone()).collect::<BTreeSet<_>>();
        if earlier.placed.caller != later.placed.caller || callees(earlier) != callees(later) {
            return None;
        }
        let (first, second) = (&earlier.commits[0], &later.commits[0]);
        let (began, placed) = (self.written_at(earlier, first), self.written_at(later, second));
        if first.state.is_final() || began > placed {
            return None;
        }
        let ended = earlier.ring_ended().map(|commit| self.written_at(earlier, commit));
        if ended.is_none_or(|ended| placed < ended) && placed < self.surely(earlier.deadline()) {
            return Some("it rang");
        }
        let accepted = earlier.commits.iter().find(|commit| commit.state == CallState::Active)?;
        let over = earlier.commits.iter().find(|commit| commit.state.is_final());
        let lasted = over.is_none_or(|over| placed < self.written_at(earlier, over));
        (lasted && self.written_at(earlier, accepted) < self.surely(second.at)).then_some("it lasted")
    }

    /// Whether `person` may have been in `other` while the press of `later` was under way.
    fn has_been_in(&self, other: &Record, person: &PartyId, later: &Record) -> bool {
        let calls = other.placed.caller == Party { kind: PartyKind::User, id: person.clone() };
        let since = if calls {
            Some(&other.commits[0])
        } else {
            let answered = other.answered().as_ref() == Some(person);
            other.commits.iter().find(|commit| answered && commit.state == CallState::Active)
        };
        let Some(since) = since else { return false };
        let placed = &later.commits[0];
        let over = other.commits.iter().find(|commit| commit.state.is_final());
        let still = over.is_none_or(|over| self.written_at(other, over) > self.surely(placed.at.plus(-UNDER_WAY_MS)));
        still && self.written_at(other, since) <= self.written_at(later, placed)
    }
}

fn is_busy(busy: Option<Busy>) -> bool {
    matches!(busy, Some(Busy::Waiting | Busy::Refused))
}

/// The first commit has the number 1, whatever else is wrong.
pub fn begins(record: &Record) -> bool {
    record.commits.first().is_some_and(|commit| commit.n == CommitNo::FIRST)
}
