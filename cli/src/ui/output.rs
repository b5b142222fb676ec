//! Prints results: text in colour for people, or with `--json` one JSON object a line for scripts.

use anstream::{eprintln, println};
use anstyle::{AnsiColor, Style};
use serde_json::{Value, json};

use crate::ui::error::CommandError;

#[derive(Debug, Clone, Copy)]
pub struct Output {
    json: bool,
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
        Self { json }
    }

    pub fn is_json(self) -> bool {
        self.json
    }

    /// Prints `text` for people, or an object with `event` and the fields of `details` for scripts.
    pub fn line(self, level: Level, event: &str, text: &str, details: Value) {
        if self.json {
            let mut object = json!({ "event": event });
            if let (Some(object), Value::Object(details)) = (object.as_object_mut(), details) {
                object.extend(details);
            }
            println!("{object}");
            return;
        }
        let style = match level {
            Level::Info => Style::new(),
            Level::Success => AnsiColor::Green.on_default(),
            Level::Warning => AnsiColor::Yellow.on_default(),
            #[cfg(feature = "aws")]
            Level::Error => AnsiColor::Red.on_default(),
        };
        println!("{style}{text}{style:#}");
    }

    /// Prints an error and its hint on standard error.
    pub fn error(self, error: &CommandError) {
        if self.json {
            eprintln!("{}", json!({ "event": "failed", "error": error.message, "hint": error.hint }));
            return;
        }
        let red = AnsiColor::Red.on_default().bold();
        eprintln!("{red}error:{red:#} {}", error.message);
        if let Some(hint) = &error.hint {
            eprintln!("  {hint}");
        }
    }

    /// Prints a warning on standard error.
    pub fn warn(self, text: &str) {
        if self.json {
            eprintln!("{}", json!({ "event": "warning", "warning": text }));
            return;
        }
        let yellow = AnsiColor::Yellow.on_default().bold();
        eprintln!("{yellow}warning:{yellow:#} {text}");
    }
}
