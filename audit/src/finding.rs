//! What an audit finds.

use serde::Serialize;

/// What kind of wrong it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// It is not what was written: a hash, a digest or a checksum does not fit it.
    Changed,
    /// It was there once, and is not any more.
    Missing,
    /// There are two histories: a place taken twice, or a commit that continues another one than stands before it.
    Forked,
    /// It stands where it does not belong.
    OutOfOrder,
    /// Its command, on the state before it, does not lead to what it says.
    ImpossibleDecision,
    /// Somebody was told, after the message had stopped being of use.
    ToldTooLate,
    /// Somebody was to be told, and there is neither a receipt nor a reason.
    NeverTold,
    /// A receipt says that somebody was told what nobody was to be told.
    #[serde(rename = "not_due")]
    UnexpectedNotice,
    /// A receipt, an alert or a mark of forgetting says what cannot be: a time before its commit, somebody who is not in the call.
    Implausible,
    /// The call is not over, though its time was up.
    Unfinished,
    /// It stands in the log, and not in the ledger.
    NotEntered,
    /// It was entered into the ledger long after it says that it happened.
    EnteredLate,
    /// It cannot be read: damaged, cut off, or of a newer version.
    Unreadable,
}

impl Kind {
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Changed => "changed",
            Self::Missing => "missing",
            Self::Forked => "forked",
            Self::OutOfOrder => "out of order",
            Self::ImpossibleDecision => "impossible decision",
            Self::ToldTooLate => "told too late",
            Self::NeverTold => "never told",
            Self::UnexpectedNotice => "not due",
            Self::Implausible => "implausible",
            Self::Unfinished => "unfinished",
            Self::NotEntered => "not entered",
            Self::EnteredLate => "entered late",
            Self::Unreadable => "unreadable",
        }
    }
}

/// One thing that is wrong, and where.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// Of what kind.
    pub kind: Kind,
    /// In which line of the file, from 1 as editors count; none where there is no file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<u64>,
    /// In which call.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub call_id: Option<String>,
    /// In which commit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub n: Option<u32>,
    /// Which of the commit's notices.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub notice: Option<u32>,
    /// What is wrong, in words.
    pub why: String,
}

impl Finding {
    /// Something wrong, wherever it is.
    #[must_use]
    pub fn new(kind: Kind, why: impl Into<String>) -> Self {
        Self { kind, line: None, call_id: None, n: None, notice: None, why: why.into() }
    }

    pub(crate) fn at(kind: Kind, n: u32, why: impl Into<String>) -> Self {
        Self { n: Some(n), ..Self::new(kind, why) }
    }

    pub(crate) fn notice(self, index: u32) -> Self {
        Self { notice: Some(index), ..self }
    }

    pub(crate) fn in_line(self, line: u64) -> Self {
        Self { line: Some(line), ..self }
    }
}

/// How much was looked at.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    pub calls: u64,
    pub commits: u64,
    /// Commits whose hash, chain, decision and state were all proven.
    pub proven: u64,
    pub receipts: u64,
    /// Lines that could not be read.
    pub unreadable_lines: u64,
    pub findings: u64,
}
