//! Whether what a replay tells can be believed: it stands in every format, because a page is handed on.

use serde::Serialize;

use crate::verify::Judged;
use crate::{CheckedProof, Counts, Finding};

/// How many findings are named at most; their number is always given.
const MOST_TOLD: usize = 20;

/// What verifying found of the call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Verdict {
    /// Whether there are no findings.
    pub sound: bool,
    pub counts: Counts,
    pub findings: Vec<Finding>,
}

/// What is proven to be in the ledger, where a proof was checked with it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Proven {
    /// The ledger's name.
    pub origin: String,
    /// How many entries of the call are in it.
    pub entries: u64,
    /// The size of the ledger under the checkpoint.
    pub size: u64,
    /// The keys for which nobody vouches.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unvouched: Option<String>,
}

impl Verdict {
    pub(crate) fn of(judged: Judged) -> Self {
        let Judged { findings, counts, .. } = judged;
        Self { sound: findings.is_empty(), counts, findings }
    }

    /// Takes all that was found of the call, and of the file that it was read from, instead of what was found of the call alone.
    #[must_use]
    pub fn with(self, findings: Vec<Finding>) -> Self {
        let found = u64::try_from(findings.len()).unwrap_or(u64::MAX);
        Self { sound: findings.is_empty(), counts: Counts { findings: found, ..self.counts }, findings }
    }

    /// In one line.
    pub(super) fn summary(&self) -> String {
        let Counts { commits, proven, findings, .. } = self.counts;
        if self.sound {
            return format!("sound: all of {commits} commits are proven, no findings");
        }
        let things = if findings == 1 { "finding" } else { "findings" };
        format!("NOT SOUND: {findings} {things}; {proven} of {commits} commits are proven")
    }

    /// Each finding in a line.
    pub(super) fn lines(&self) -> Vec<String> {
        let place = |finding: &Finding| finding.n.map(|n| format!("commit {n}: ")).unwrap_or_default();
        let told = self.findings.iter().take(MOST_TOLD);
        let mut lines: Vec<String> =
            told.map(|finding| format!("{}: {}{}", finding.kind.words(), place(finding), finding.why)).collect();
        if self.findings.len() > MOST_TOLD {
            lines.push(format!("and {} more", self.findings.len() - MOST_TOLD));
        }
        lines
    }
}

impl Proven {
    /// What `checked` proves of a call, which is in the ledger `origin`; and all that was found.
    #[must_use]
    pub fn of(checked: &CheckedProof, origin: &str) -> (Self, Verdict) {
        let CheckedProof { findings, counts, entries, size, unvouched, .. } = checked;
        let verdict = Verdict { sound: findings.is_empty(), counts: *counts, findings: findings.clone() };
        let proven = Self { origin: origin.to_owned(), entries: *entries, size: *size, unvouched: unvouched.clone() };
        (proven, verdict)
    }

    pub(super) fn summary(&self) -> String {
        let Self { origin, entries, size, unvouched } = self;
        let whom = unvouched.as_ref().map_or_else(String::new, |keys| format!("; nobody vouches for the key {keys}"));
        format!("{entries} entries of it are in the ledger {origin}, under a checkpoint of {size} entries{whom}")
    }
}
