//! The lines that `ilock dev` logs for people. What clients sent may be in them: no character of it moves the cursor, colours the
//! terminal or begins a line.

use std::fmt::{self, Write as _};

use ilock_events::changes_the_rest;
use tracing_subscriber::field::MakeExt as _;
use tracing_subscriber::fmt::FormatFields;
use tracing_subscriber::fmt::format::debug_fn;

/// The message and the fields of an event, each with its control characters escaped.
pub fn escaped_fields() -> impl for<'writer> FormatFields<'writer> + Send + Sync + 'static {
    debug_fn(|writer, field, value| match field.name() {
        "message" => write!(writer, "{}", Escaped(value)),
        name => write!(writer, "{}={}", name.trim_start_matches("r#"), Escaped(value)),
    })
    .delimited(" ")
}

/// What `Debug` writes of the value, escaped.
struct Escaped<'a>(&'a dyn fmt::Debug);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(Escaping { to }, "{:?}", self.0)
    }
}

struct Escaping<'a, 'b> {
    to: &'a mut fmt::Formatter<'b>,
}

impl fmt::Write for Escaping<'_, '_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        text.chars().try_for_each(|char| self.write_char(char))
    }

    fn write_char(&mut self, char: char) -> fmt::Result {
        if changes_the_rest(char) || matches!(char, SEPARATES_LINES | SEPARATES_PARAGRAPHS) {
            write!(self.to, "{}", char.escape_default())
        } else {
            self.to.write_char(char)
        }
    }
}

/// Some programs begin a line there.
const SEPARATES_LINES: char = '\u{2028}';
const SEPARATES_PARAGRAPHS: char = '\u{2029}';

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_client_sent_neither_forges_a_line_nor_reaches_the_terminal() {
        let topic = "a/\u{1b}[31mRED\nFAKE LINE\r\u{9b}\u{202e}";
        let shown = Escaped(&format_args!("topic={topic}")).to_string();
        assert_eq!(shown, r"topic=a/\u{1b}[31mRED\nFAKE LINE\r\u{9b}\u{202e}");
        assert_eq!(Escaped(&format_args!("门口 \"a\\b\" 🚪")).to_string(), "门口 \"a\\b\" 🚪");
    }
}
