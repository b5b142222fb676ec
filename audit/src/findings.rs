//! Findings, as many as memory is given for: of a crafted line every three bytes may be one.

use crate::finding::{Finding, Kind};

/// How many findings of one call are kept: more than anybody reads.
const MOST_OF_A_CALL: usize = 100;

/// Findings, the first of them kept and the others counted.
#[derive(Debug)]
pub struct Findings {
    most: usize,
    kept: Vec<Finding>,
    /// How many were left out, and of which kind the first of those was.
    left_out: Option<(Kind, u64)>,
    /// Whether one of them says that something was lost or altered.
    lost: bool,
}

impl Findings {
    /// None yet; `most` are kept.
    #[must_use]
    pub const fn at_most(most: usize) -> Self {
        Self { most, kept: vec![], left_out: None, lost: false }
    }

    /// None yet; as many are kept as of one call.
    #[must_use]
    pub const fn of_a_call() -> Self {
        Self::at_most(MOST_OF_A_CALL)
    }

    pub fn push(&mut self, finding: Finding) {
        self.lost |= matches!(finding.kind, Kind::Changed | Kind::Missing | Kind::Forked | Kind::Unreadable);
        if self.kept.len() < self.most {
            return self.kept.push(finding);
        }
        self.left_out.get_or_insert((finding.kind, 0)).1 += 1;
    }

    /// How many there are, with those that were left out.
    #[must_use]
    pub fn count(&self) -> u64 {
        let kept = u64::try_from(self.kept.len()).unwrap_or(u64::MAX);
        kept.saturating_add(self.left_out.map_or(0, |(_, count)| count))
    }

    /// Whether something was lost or altered, so that nobody knows all of what was there.
    #[must_use]
    pub const fn lost(&self) -> bool {
        self.lost
    }

    /// Those that were kept, and behind them one that says how many were not.
    #[must_use]
    pub fn told(self) -> Vec<Finding> {
        let mut told = self.kept;
        told.extend(self.left_out.map(|(kind, count)| {
            let things = if count == 1 { "finding" } else { "findings" };
            Finding::new(kind, format!("and {count} more {things}, which are left out"))
        }));
        told
    }

    /// Takes in those of another.
    pub(crate) fn append(&mut self, other: Self) {
        self.extend(other.kept);
        if let Some((kind, count)) = other.left_out {
            self.left_out.get_or_insert((kind, 0)).1 += count;
        }
        self.lost |= other.lost;
    }
}

impl Extend<Finding> for Findings {
    fn extend<T: IntoIterator<Item = Finding>>(&mut self, findings: T) {
        findings.into_iter().for_each(|finding| self.push(finding));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_are_kept_and_the_others_counted() {
        let mut findings = Findings::at_most(2);
        findings.extend((0..2).map(|n| Finding::at(Kind::ToldTooLate, n, "late")));
        assert_eq!((findings.count(), findings.lost()), (2, false));
        findings.push(Finding::new(Kind::Missing, "gone"));
        let mut more = Findings::at_most(1);
        more.extend((0..4).map(|n| Finding::at(Kind::NeverTold, n, "never")));
        findings.append(more);
        assert_eq!((findings.count(), findings.lost()), (7, true));
        let told: Vec<(Kind, String)> = findings.told().into_iter().map(|one| (one.kind, one.why)).collect();
        let late = (Kind::ToldTooLate, "late".to_owned());
        assert_eq!(told, [late.clone(), late, (Kind::Missing, "and 5 more findings, which are left out".into())]);
    }
}
