//! A moment of a call, and the story up to it.

use std::collections::BTreeSet;
use std::str::FromStr;

use ilock_call::Call;
use ilock_events::Millis;

use crate::replay::standing::Standing;
use crate::replay::step::{Step, What};
use crate::replay::story::{Story, known};

/// A moment of a call: after a commit, or so long after it was placed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    /// When this commit had been made.
    Commit(u32),
    /// How many milliseconds after the call was placed.
    After(i64),
}

/// What is no moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadMoment;

impl std::fmt::Display for BadMoment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a moment is a commit's number, as 3, or a time since the call was placed, as 12s, 1.5s or 800ms")
    }
}

impl std::error::Error for BadMoment {}

impl FromStr for Moment {
    type Err = BadMoment;

    fn from_str(text: &str) -> Result<Self, BadMoment> {
        if let Some(ms) = text.strip_suffix("ms") {
            return ms.parse().ok().filter(|ms| *ms >= 0).map(Self::After).ok_or(BadMoment);
        }
        let Some(seconds) = text.strip_suffix('s') else {
            return text.parse().ok().filter(|n| *n > 0).map(Self::Commit).ok_or(BadMoment);
        };
        let (whole, part) = seconds.split_once('.').unwrap_or((seconds, "0"));
        let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        if !digits(whole) || !digits(part) || part.len() > 3 {
            return Err(BadMoment);
        }
        let whole: i64 = whole.parse().map_err(|_| BadMoment)?;
        let part: i64 = format!("{part:0<3}").parse().map_err(|_| BadMoment)?;
        whole.checked_mul(1000).and_then(|ms| ms.checked_add(part)).map(Self::After).ok_or(BadMoment)
    }
}

impl Story {
    /// The story up to `moment`, with how the call stood then. None when there is no such commit.
    #[must_use]
    pub fn until(mut self, moment: Moment) -> Option<Self> {
        let (at, n) = match moment {
            Moment::After(ms) => (self.at.plus(ms), None),
            Moment::Commit(n) => (self.commits.iter().find(|commit| commit.n.0 == n)?.at, Some(n)),
        };
        let by_then = |step: &Step| match (&step.what, n) {
            (What::Commit(_), Some(n)) => step.n <= n,
            // What is told of a commit comes after it.
            (What::Delivery(_), Some(n)) => step.n < n && step.at <= at,
            (_, None) => step.at <= at,
        };
        self.steps.retain(by_then);
        self.forgotten.retain(|gone| gone.record.at <= at);
        self.standing = Some(self.stood(at));
        Some(self)
    }

    fn stood(&self, at: Millis) -> Standing {
        let done: BTreeSet<u32> =
            self.steps.iter().filter(|step| matches!(step.what, What::Commit(_))).map(|step| step.n).collect();
        let mut call = self.commits.first().map(|commit| Call::new(commit.call_id.clone()));
        let mut broken = self.commits.is_empty().then(|| "it has no commits".to_owned());
        for commit in self.commits.iter().filter(|commit| done.contains(&commit.n.0)) {
            if let Some(Err(error)) = call.as_mut().map(|call| call.fold(commit)) {
                broken =
                    Some(if known(commit) { error.to_string() } else { format!("{error}; a newer version wrote it") });
                break;
            }
        }
        let placed = call.as_ref().filter(|_| broken.is_none()).and_then(|call| call.placed.as_ref());
        Standing {
            at,
            since_placed: at.since(self.at),
            n: done.last().copied().unwrap_or_default(),
            state: placed.map(|placed| placed.state),
            by: placed.and_then(ilock_call::Placed::won_by),
            answered_by: placed.and_then(ilock_call::Placed::answered_by),
            ringing: placed.map_or_else(Vec::new, |placed| {
                let name = |client: Option<&ilock_events::ClientName>, callee: &ilock_events::PartyId| {
                    client.map_or_else(|| callee.to_string(), ToString::to_string)
                };
                let first = placed.alerted.iter().map(|one| name(one.client_id.as_ref(), &one.callee));
                let later = self.alerts.iter().filter(|alert| alert.at <= at);
                first.chain(later.map(|one| name(one.client_id.as_ref(), &one.callee))).collect()
            }),
            deadline_in: placed.map(|placed| placed.terms.deadline.since(at)),
            told: self.steps.iter().filter_map(handed).collect(),
            broken,
        }
    }
}

fn handed(step: &Step) -> Option<String> {
    match &step.what {
        What::Delivery(told) if told.handed.error.is_none() => {
            let says = told.says.as_deref().unwrap_or("something");
            Some(format!("{says} to {}", told.whom()))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_a_commit_or_a_time() {
        for (text, moment) in [
            ("3", Moment::Commit(3)),
            ("12s", Moment::After(12_000)),
            ("1.5s", Moment::After(1_500)),
            ("0.025s", Moment::After(25)),
            ("800ms", Moment::After(800)),
        ] {
            assert_eq!(text.parse(), Ok(moment), "{text}");
        }
        for bad in ["", "0", "-1", "s", "1.2345s", "-3s", "12 s", "9999999999999999999s", "-5ms", "1.s", "x"] {
            assert_eq!(bad.parse::<Moment>(), Err(BadMoment), "{bad}");
        }
    }
}
