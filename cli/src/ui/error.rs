//! What went wrong, and what to do about it.

use std::fmt;

/// A failure, as the one who typed the command reads it.
#[derive(Debug)]
pub struct Failure {
    /// What went wrong.
    pub what: String,
    /// What to do.
    pub hint: Option<String>,
    /// The exit code.
    pub code: u8,
}

/// The call is not, or no longer, to be acted on: somebody else was first.
pub const BEATEN: u8 = 6;

/// An audit found something.
pub const FOUND: u8 = 7;

impl Failure {
    /// Exit code 1.
    pub fn new(what: impl fmt::Display) -> Self {
        Self { what: what.to_string(), hint: None, code: 1 }
    }

    /// With what to do about it.
    pub fn hint(mut self, hint: impl fmt::Display) -> Self {
        self.hint = Some(hint.to_string());
        self
    }

    /// With another exit code.
    pub fn code(mut self, code: u8) -> Self {
        self.code = code;
        self
    }
}
