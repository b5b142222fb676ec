//! What is printed: text for people, in colour on a terminal, or one JSON object a line for scripts.

use anstream::{eprintln, println};
use anstyle::{AnsiColor, Style};
use serde_json::{Value, json};

use crate::ui::error::Failure;

/// How to print.
#[derive(Debug, Clone, Copy)]
pub struct Say {
    json: bool,
}

/// What a line is about.
#[derive(Debug, Clone, Copy)]
pub enum Tone {
    /// Something goes on.
    Plain,
    /// Something went well.
    Good,
    /// Something ended otherwise.
    Bad,
    /// Something does not work.
    #[cfg(feature = "aws")]
    Wrong,
}

impl Say {
    /// Text, or `json`.
    pub fn new(json: bool) -> Self {
        Self { json }
    }

    /// Whether scripts read along.
    pub fn is_json(self) -> bool {
        self.json
    }

    /// One thing that happened: `what` for scripts, `text` for people.
    pub fn line(self, tone: Tone, what: &str, text: &str, details: Value) {
        if self.json {
            let mut object = json!({ "event": what });
            if let (Some(object), Value::Object(details)) = (object.as_object_mut(), details) {
                object.extend(details);
            }
            println!("{object}");
            return;
        }
        let style = match tone {
            Tone::Plain => Style::new(),
            Tone::Good => AnsiColor::Green.on_default(),
            Tone::Bad => AnsiColor::Yellow.on_default(),
            #[cfg(feature = "aws")]
            Tone::Wrong => AnsiColor::Red.on_default(),
        };
        println!("{style}{text}{style:#}");
    }

    /// A failure, on standard error.
    pub fn failed(self, failure: &Failure) {
        if self.json {
            eprintln!("{}", json!({ "event": "failed", "error": failure.what, "hint": failure.hint }));
            return;
        }
        let red = AnsiColor::Red.on_default().bold();
        eprintln!("{red}error:{red:#} {}", failure.what);
        if let Some(hint) = &failure.hint {
            eprintln!("  {hint}");
        }
    }

    /// Something to be careful about, on standard error.
    pub fn warn(self, text: &str) {
        if self.json {
            eprintln!("{}", json!({ "event": "warning", "warning": text }));
            return;
        }
        let yellow = AnsiColor::Yellow.on_default().bold();
        eprintln!("{yellow}warning:{yellow:#} {text}");
    }
}
