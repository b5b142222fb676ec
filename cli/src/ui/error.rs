//! Why a command failed, what to do about it, and the exit code.

use std::error::Error;
use std::fmt;

#[derive(Debug)]
pub struct CommandError {
    /// What happened, and to what.
    pub message: String,
    /// What the user can do about it.
    pub hint: Option<String>,
    pub exit_code: u8,
}

/// The command line was not understood, as clap reports it.
pub const EXIT_USAGE: u8 = 2;
/// The call was rejected.
pub const EXIT_REJECTED: u8 = 3;
/// Nobody answered the call in time.
pub const EXIT_MISSED: u8 = 4;
/// The caller cancelled the call.
pub const EXIT_CANCELLED: u8 = 5;
/// Another phone or the caller acted first, so this command could not act on the call.
pub const EXIT_LOST_RACE: u8 = 6;
/// An audit reported findings.
pub const EXIT_FINDINGS: u8 = 7;

impl CommandError {
    /// An error with exit code 1 and no hint.
    pub fn new(message: impl fmt::Display) -> Self {
        Self { message: message.to_string(), hint: None, exit_code: 1 }
    }

    pub fn hint(mut self, hint: impl fmt::Display) -> Self {
        self.hint = Some(hint.to_string());
        self
    }

    pub fn exit_code(mut self, exit_code: u8) -> Self {
        self.exit_code = exit_code;
        self
    }
}

/// An error and its causes, in one line. A cause whose text is already in the line is left out.
pub fn error_chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let cause_text = error.to_string();
        if !text.contains(&cause_text) {
            text = format!("{text}: {cause_text}");
        }
        cause = error.source();
    }
    text
}
