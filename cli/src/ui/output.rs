//! Prints results: text in colour for people, or with `--json` one JSON object a line for scripts.

use std::fmt;
use std::io::{self, ErrorKind, IsTerminal as _, Write as _};
use std::sync::OnceLock;

use anstyle::{AnsiColor, Style};
use ilock_audit::visible_lines;
use serde_json::{Value, json};

use crate::ui::error::CommandError;

/// Why standard output could not be written, the first time that it could not.
static UNWRITTEN: OnceLock<io::Error> = OnceLock::new();

#[derive(Debug, Clone, Copy)]
pub struct Output {
    json: bool,
    /// Whether standard output was a terminal at the start.
    terminal: bool,
}

/// The colour of a line: none, green, yellow or red.
#[derive(Debug, Clone, Copy)]
pub enum Level {
    Info,
    Success,
    Warning,
    #[cfg(feature = "aws")]
    Error,
}

impl Output {
    pub fn new(json: bool) -> Self {
        Self { json, terminal: io::stdout().is_terminal() }
    }

    pub fn is_json(self) -> bool {
        self.json
    }

    /// Prints a line as it is.
    pub fn print(self, line: fmt::Arguments<'_>) {
        self.note(writeln!(anstream::stdout(), "{line}"));
    }

    /// Writes `text` as it is, with whatever newlines it has.
    pub fn write(self, text: &[u8]) {
        let mut stdout = io::stdout().lock();
        self.note(stdout.write_all(text).and_then(|()| stdout.flush()));
    }

    /// Keeps why something was not written: the command goes on, so that a call that it is in is ended as ever, and fails at its
    /// end. The reader of a pipe, such as `head`, may close it early, and a terminal may be closed.
    fn note(self, written: io::Result<()>) {
        if let Err(error) = written
            && !self.terminal
            && error.kind() != ErrorKind::BrokenPipe
        {
            let _ = UNWRITTEN.set(error);
        }
    }

    /// Whether all that was printed was written.
    pub fn was_written() -> Result<(), CommandError> {
        match UNWRITTEN.get() {
            None => Ok(()),
            Some(error) => Err(CommandError::new(format!("standard output cannot be written: {error}"))
                .hint("what the command did was done; not all that it says was printed")),
        }
    }

    /// Prints a line on standard error, where there is anybody to read it.
    fn print_error(line: fmt::Arguments<'_>) {
        let _ = writeln!(anstream::stderr(), "{line}");
    }

    /// Prints `text` for people, with nothing in it that acts on their terminal, or an object with `event` and the fields of `details` for scripts.
    pub fn line(self, level: Level, event: &str, text: &str, details: Value) {
        if self.json {
            let mut object = json!({ "event": event });
            if let (Some(object), Value::Object(details)) = (object.as_object_mut(), details) {
                object.extend(details);
            }
            return self.print(format_args!("{object}"));
        }
        let style = match level {
            Level::Info => Style::new(),
            Level::Success => AnsiColor::Green.on_default(),
            Level::Warning => AnsiColor::Yellow.on_default(),
            #[cfg(feature = "aws")]
            Level::Error => AnsiColor::Red.on_default(),
        };
        self.print(format_args!("{style}{}{style:#}", visible_lines(text)));
    }

    /// Prints an error and its hint on standard error.
    pub fn error(self, error: &CommandError) {
        if self.json {
            let object = json!({ "event": "failed", "error": error.message, "hint": error.hint });
            return Self::print_error(format_args!("{object}"));
        }
        let red = AnsiColor::Red.on_default().bold();
        Self::print_error(format_args!("{red}error:{red:#} {}", visible_lines(&error.message)));
        if let Some(hint) = &error.hint {
            Self::print_error(format_args!("  {}", visible_lines(hint)));
        }
    }

    /// Prints a warning on standard error.
    pub fn warn(self, text: &str) {
        if self.json {
            let object = json!({ "event": "warning", "warning": text });
            return Self::print_error(format_args!("{object}"));
        }
        let yellow = AnsiColor::Yellow.on_default().bold();
        Self::print_error(format_args!("{yellow}warning:{yellow:#} {}", visible_lines(text)));
    }
}
