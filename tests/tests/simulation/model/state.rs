//! A state of the model: what stands in the log, how far each function has come, and what was handed over.

use ilock_events::Millis;

use super::history::Entry;

/// Which notices of which commit: bit `8 (n - 1) + index`.
pub type Notices = u32;

/// The bits of commit `n`.
pub fn bit(n: usize, index: u32) -> Notices {
    1 << (8 * u32::try_from(n - 1).unwrap() + index)
}

/// The notices of one commit that a function has handed over, or given up, and has no receipt of yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Round {
    pub handed: Notices,
    pub given_up: Notices,
}

/// How far a function has come that carries out a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Function {
    /// It was not asked yet, or is to be asked again under the same key: it may have done all, or have been killed.
    Waiting,
    /// It has decided on what it knew, at the time `decided`, and is about to append as commit `n`.
    Appends { n: usize, entry: Entry, decided: Millis },
    /// Its commit stands; nobody has been told by it.
    Tells { n: usize },
    /// It has told; no receipt stands.
    Notes(Round),
}

/// How far a projector has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Step {
    /// It has not looked at the next commit.
    Waits,
    /// It has told what had no receipt; no receipt of its own stands.
    Notes(Round),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Projector {
    /// The commit that it projects next.
    pub n: usize,
    pub step: Step,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct State {
    /// Which of the moments it is.
    pub moment: usize,
    pub log: Vec<Entry>,
    /// A commit that stood is not there any more.
    pub overwritten: bool,
    /// When the answer was decided that stands.
    pub answered: Option<Millis>,
    /// One for each phone, one for the caller, one for the timer, and the one that placed the call.
    pub functions: Vec<Function>,
    pub projectors: Vec<Projector>,
    pub handed: Notices,
    /// Whether something was handed over more than once.
    pub again: bool,
    /// What has a receipt.
    pub settled: Notices,
    /// What has a receipt that says that it was handed over.
    pub receipted: Notices,
    /// Whether somebody has asked to reject.
    pub meant_to_reject: bool,
    pub crashes: u8,
}
