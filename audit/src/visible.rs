//! Text that somebody else wrote, as an auditor is shown it: what would act on a terminal, or turn the text round it, stands there as
//! what it is.

use std::borrow::Cow;
use std::fmt::Write as _;

use ilock_events::changes_the_rest;

/// `text` in one line, with control characters and those that say in which direction text runs written as `\u{202e}`.
#[must_use]
pub fn visible(text: &str) -> Cow<'_, str> {
    if !text.contains(changes_the_rest) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if changes_the_rest(c) {
            let _ = write!(out, "{}", c.escape_unicode());
        } else {
            out.push(c);
        }
    }
    Cow::Owned(out)
}

/// The same of a text of several lines, which stay what they are.
#[must_use]
pub fn visible_lines(text: &str) -> Cow<'_, str> {
    if !text.contains('\n') {
        return visible(text);
    }
    Cow::Owned(text.split('\n').map(visible).collect::<Vec<_>>().join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_acts_on_a_terminal_or_turns_text_round_is_shown_as_what_it_is() {
        assert_eq!(visible("\u{1b}[2Jverified\nno findings"), "\\u{1b}[2Jverified\\u{a}no findings");
        assert_eq!(visible("Police \u{202e}011\u{9b}1m"), "Police \\u{202e}011\\u{9b}1m");
        assert_eq!(visible_lines("a\r\nb\u{2066}\n"), "a\\u{d}\nb\\u{2066}\n");
        for turns in ['\u{61c}', '\u{200e}', '\u{200f}', '\u{202a}', '\u{2069}'] {
            assert_eq!(visible(&turns.to_string()), turns.escape_unicode().to_string());
        }
        for as_it_is in ["前门设备 \"A\"", "Anna 👨\u{200D}👩\u{200D}👧", "שלום", "", " → “a” "] {
            assert!(matches!(visible(as_it_is), Cow::Borrowed(shown) if shown == as_it_is));
        }
    }
}
