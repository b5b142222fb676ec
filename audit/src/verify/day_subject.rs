//! Whose an item of the log is, and how a finding about it is worded.

use ilock_proof::{Entry, EntryKind};

use crate::finding::{Finding, Kind};

/// What an item of the log belongs to.
#[derive(Debug, Clone)]
pub(crate) enum Subject {
    /// A call, by its id.
    Call(String),
    /// No call: it is an access, of this name.
    Access(String),
}

impl Subject {
    /// A finding about the item whose entry is `entry`; `why` goes on from what it is.
    pub(crate) fn finding(&self, entry: &Entry, kind: Kind, why: &str) -> Finding {
        match self {
            Self::Call(call_id) => {
                let n = (entry.n > 0).then_some(entry.n);
                let why = format!("{} {why}", what(entry));
                Finding { n, call_id: Some(call_id.clone()), ..Finding::new(kind, why) }
            }
            Self::Access(name) => Finding::new(kind, format!("{name} {why}")),
        }
    }
}

fn what(entry: &Entry) -> &'static str {
    match entry.kind {
        EntryKind::Commit => "it",
        EntryKind::Receipt => "a receipt of it",
        EntryKind::Alert => "an alert beside it",
        EntryKind::Forgotten => "a mark that its text was forgotten",
        EntryKind::Archived => "the mark that it was archived",
        EntryKind::Access | EntryKind::Key | EntryKind::Hour => "an entry",
    }
}
