//! Prints results: text in colour for people, or with `--json` one JSON object a line for scripts.

use std::fmt;
use std::io::{IsTerminal as _, Write as _};

use anstream::println;
use anstyle::{AnsiColor, Style};
use ilock_audit::visible_lines;
use serde_json::{Value, json};

use crate::ui::error::CommandError;

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
        Self { json, terminal: std::io::stdout().is_terminal() }
    }

    pub fn is_json(self) -> bool {
        self.json
    }

    /// Prints a line. A terminal that was closed meanwhile keeps no command from ending its call.
    fn print(self, line: fmt::Arguments<'_>) {
        if self.terminal {
            let _ = writeln!(anstream::stdout(), "{line}");
        } else {
            println!("{line}");
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
