//! JSON as apps' languages write it, made into the JSON that everything behind it reads alike.
//!
//! | apps send | because | it becomes |
//! |---|---|---|
//! | a byte order mark | .NET and Windows editors write one | nothing |
//! | `\ud83d` without its other half | strings of UTF-16 are cut within an emoji | `\ufffd`, the replacement character |
//! | `30.0`, `1e1`, `-0` | languages with only one kind of number | `30`, `10`, `0`: RFC 8785 writes them so |
//! | an integer beyond 2^53 - 1 | ids of 64 bits | a text of the same digits: as a number it would be rounded |
//!
//! Everything else stays as it is, wrong JSON too: whoever parses it says what is wrong.

use std::borrow::Cow;
use std::ops::Range;

/// The last integer up to which all are the same in every reader of JSON (RFC 8259, 6).
const LAST_EXACT: u64 = (1 << 53) - 1;

/// What stands for half a character.
const REPLACEMENT: &str = "\\ufffd";

/// `body` as the table above has it. It is borrowed where nothing had to be changed.
///
/// # Errors
/// Where `body` is not UTF-8.
pub fn normalize(body: &[u8]) -> Result<Cow<'_, str>, std::str::Utf8Error> {
    let text = std::str::from_utf8(body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body))?;
    let mut changes = Vec::new();
    let mut at = 0;
    while let Some(&byte) = text.as_bytes().get(at) {
        at = match byte {
            b'"' => string(text, at + 1, &mut changes),
            b'+' | b'-' | b'.' | b'0'..=b'9' => number(text, at, &mut changes),
            _ => at + 1,
        };
    }
    Ok(changed(text, &changes))
}

type Change = (Range<usize>, Cow<'static, str>);

fn changed<'a>(text: &'a str, changes: &[Change]) -> Cow<'a, str> {
    if changes.is_empty() {
        return Cow::Borrowed(text);
    }
    let mut whole = String::with_capacity(text.len());
    let mut done = 0;
    for (range, new) in changes {
        whole.push_str(&text[done..range.start]);
        whole.push_str(new);
        done = range.end;
    }
    whole.push_str(&text[done..]);
    Cow::Owned(whole)
}

/// Where the string ends whose first character is at `at`.
fn string(text: &str, mut at: usize, changes: &mut Vec<Change>) -> usize {
    let bytes = text.as_bytes();
    while let Some(&byte) = bytes.get(at) {
        at = match (byte, escaped(bytes, at)) {
            (b'"', _) => return at + 1,
            (b'\\', Some(0xd800..=0xdbff)) if matches!(escaped(bytes, at + 6), Some(0xdc00..=0xdfff)) => at + 12,
            (b'\\', Some(0xd800..=0xdfff)) => {
                changes.push((at..at + 6, REPLACEMENT.into()));
                at + 6
            }
            // Whatever is behind a backslash ends no string.
            (b'\\', _) => at + 2,
            _ => at + 1,
        };
    }
    at
}

/// The unit of UTF-16 that `\uXXXX` at `at` stands for.
fn escaped(bytes: &[u8], at: usize) -> Option<u16> {
    let digits = bytes.get(at..at + 6)?.strip_prefix(b"\\u")?;
    let digits = std::str::from_utf8(digits).ok().filter(|digits| digits.bytes().all(|b| b.is_ascii_hexdigit()))?;
    u16::from_str_radix(digits, 16).ok()
}

/// Where the number ends that begins at `at`.
fn number(text: &str, at: usize, changes: &mut Vec<Change>) -> usize {
    let rest = &text[at..];
    let length = rest.bytes().take_while(|b| matches!(b, b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E')).count();
    let token = &rest[..length];
    let written = written(token);
    if let Some(written) = written.filter(|written| written != token) {
        changes.push((at..at + length, written.into()));
    }
    at + length
}

/// How the number `token` is written here; none where it is no number of JSON.
fn written(token: &str) -> Option<String> {
    let digits = token.strip_prefix('-').unwrap_or(token);
    if digits.bytes().all(|b| b.is_ascii_digit()) {
        return match digits.parse::<u64>() {
            // `007` is no number, and stays what it is.
            _ if digits.is_empty() || digits.len() > 1 && digits.starts_with('0') => None,
            Ok(0) => Some("0".into()),
            Ok(..=LAST_EXACT) => Some(token.into()),
            _ => Some(format!("\"{token}\"")),
        };
    }
    let value = serde_json::from_str::<serde_json::Number>(token).ok()?.as_f64()?;
    // Up to 2^53 - 1 this loses nothing, and what is beyond stays as it was written.
    #[allow(clippy::cast_precision_loss, reason = "2^53 - 1 is exact")]
    let exact = value.fract() == 0.0 && value.abs() <= LAST_EXACT as f64;
    // `+ 0.0` makes zero of `-0.0`.
    Some(if exact { format!("{:.0}", value + 0.0) } else { token.into() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn becomes(body: &str, text: &str) {
        assert_eq!(normalize(body.as_bytes()).unwrap(), text, "{body}");
    }

    fn stays(body: &str) {
        assert!(matches!(normalize(body.as_bytes()), Ok(Cow::Borrowed(text)) if text == body), "{body}");
    }

    #[test]
    fn a_byte_order_mark_is_skipped() {
        becomes("\u{feff}{}", "{}");
    }

    #[test]
    fn half_an_emoji_is_replaced_and_a_whole_one_stays() {
        becomes(r#"{"name":"Smith \ud83d"}"#, r#"{"name":"Smith \ufffd"}"#);
        becomes(r#"["\ude00","\ud83d\ud83d\ude00","\ud83dA"]"#, r#"["\ufffd","\ufffd\ud83d\ude00","\ufffdA"]"#);
        stays(r#"["\ud83d\ude00","\\ud83d","\u00e9","😀","\"\\"]"#);
    }

    #[test]
    fn integers_are_integers_however_they_are_written() {
        becomes(
            r#"{"a":30.0,"b":1e1,"c":-0,"d":-0.0,"e":1.5E+1,"f":-20.0}"#,
            r#"{"a":30,"b":10,"c":0,"d":0,"e":15,"f":-20}"#,
        );
        stays(r#"{"a":30,"b":1.5,"c":1e300,"d":1e-7,"e":-1,"f":9007199254740991}"#);
    }

    #[test]
    fn integers_that_would_be_rounded_are_kept_as_text() {
        becomes("[9007199254740992]", r#"["9007199254740992"]"#);
        becomes("[-9007199254740993]", r#"["-9007199254740993"]"#);
        becomes("[123456789012345678901234567890]", r#"["123456789012345678901234567890"]"#);
    }

    #[test]
    fn what_stands_in_a_text_is_no_number() {
        stays(r#"{"9007199254740992":"30.0 and 9007199254740993 and \" 1e1"}"#);
    }

    #[test]
    fn what_is_no_json_stays_so() {
        for wrong in [
            "", "{", "\"a", "\"\\", "\"\\ud8", "[07.0]", "[+1.0]", "[1.]", "[.5]", "[1e]", "[1e+]", "[--1.0]",
            "[1.0.0]",
        ] {
            stays(wrong);
        }
        assert!(normalize(b"\"\xff\"").is_err());
    }
}
