//! A call's line, taken apart where it was written by us: by its braces and quotes alone. What is inside its items is read
//! once, by who judges it; to have it read here as well would take a fifth of the time that verifying takes.
//!
//! A line of any other form, or one in which a brace or a quote was changed, is none, and is read the slow way.

use std::borrow::Cow;

use ilock_events::Millis;
use memchr::memchr2;

use crate::call_line::CallLine;

/// The number of a call's line, and what it says; none when it has not exactly the form that we write.
pub(crate) fn call(text: &str) -> Option<(u64, CallLine<'_>)> {
    let mut rest = Rest(text);
    let number = rest.behind("{\"line\":")?.number()?.parse().ok()?;
    let call_id = rest.behind(",\"call\":")?.word()?;
    let at = Millis(rest.behind(",\"at\":")?.number()?.parse().ok()?);
    let last = rest.behind(",\"last\":")?.number()?.parse().ok()?;
    let commits = rest.behind(",\"commits\":")?.items()?;
    let receipts = rest.behind(",\"receipts\":")?.items()?;
    let personal = if rest.behind(",\"personal\":").is_some() { Some(rest.items()?) } else { None };
    let forgotten = if rest.behind(",\"forgotten\":").is_some() { rest.some_items()? } else { vec![] };
    let alerts = if rest.behind(",\"alerts\":").is_some() { rest.some_items()? } else { vec![] };
    let crc = rest.behind(",\"crc\":")?.word()?;
    let is_whole = rest.0 == "}" && crc.len() == 8;
    let call_id = Cow::Borrowed(call_id);
    is_whole
        .then_some((number, CallLine { call_id, at, last: Some(last), commits, receipts, personal, forgotten, alerts }))
}

/// What has not been taken yet.
struct Rest<'a>(&'a str);

impl<'a> Rest<'a> {
    fn behind(&mut self, what: &str) -> Option<&mut Self> {
        self.0 = self.0.strip_prefix(what)?;
        Some(self)
    }

    fn take(&mut self, length: usize) -> Option<&'a str> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }

    /// Digits as JSON has them.
    fn number(&mut self) -> Option<&'a str> {
        let length = self.0.bytes().take_while(u8::is_ascii_digit).count();
        let digits = self.take(length)?;
        (digits == "0" || !digits.starts_with('0')).then_some(digits)
    }

    /// A string in which nothing is escaped.
    fn word(&mut self) -> Option<&'a str> {
        let inner = self.0.strip_prefix('"')?;
        let length = inner.bytes().position(|byte| byte == b'"')?;
        let word = inner.get(..length)?;
        self.take(length + 2)?;
        word.bytes().all(|byte| byte != b'\\' && byte >= b' ').then_some(word)
    }

    /// A list of objects that is left out where there are none.
    fn some_items(&mut self) -> Option<Vec<&'a str>> {
        self.items().filter(|items| !items.is_empty())
    }

    /// A list of objects.
    fn items(&mut self) -> Option<Vec<&'a str>> {
        self.behind("[")?;
        let mut items = vec![];
        if self.behind("]").is_some() {
            return Some(items);
        }
        loop {
            let length = object_length(self.0.as_bytes(), b'{')?;
            items.push(self.take(length)?);
            if self.behind("]").is_some() {
                return Some(items);
            }
            self.behind(",")?;
        }
    }
}

/// How long the object or list is that stands at the beginning, and begins with `opens`.
pub(crate) fn object_length(bytes: &[u8], opens: u8) -> Option<usize> {
    if bytes.first() != Some(&opens) {
        return None;
    }
    let (mut depth, mut at) = (0_usize, 0);
    loop {
        match bytes.get(at)? {
            b'"' => {
                at += 1;
                loop {
                    at += memchr2(b'"', b'\\', bytes.get(at..)?)?;
                    if bytes[at] == b'"' {
                        break;
                    }
                    at += 2;
                }
            }
            b'{' | b'[' => depth += 1,
            b'}' | b']' => {
                depth -= 1;
                if depth == 0 {
                    return Some(at + 1);
                }
            }
            _ => {}
        }
        at += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::line::read_slowly;

    const LINE: &str = concat!(
        r#"{"line":7,"call":"call_a_b_1","at":12,"last":2,"#,
        r#""commits":[{"a":"}]\"{","b":[1,{"c":"\\"}]},{}],"receipts":[],"personal":[{"text":"门\n"}],"#,
        r#""forgotten":[{"at":1}],"crc":"0123abcd"}"#
    );

    #[test]
    fn it_is_what_is_read_the_slow_way() {
        for line in [
            LINE,
            &LINE.replace(r#","forgotten":[{"at":1}]"#, ""),
            &LINE.replace(r#","personal":[{"text":"门\n"}]"#, ""),
        ] {
            let (number, quick) = call(line).unwrap_or_else(|| panic!("{line}"));
            let (slow_number, crate::Line::Call(slow)) = read_slowly(line).unwrap() else { panic!("a call") };
            assert_eq!((number, format!("{quick:?}")), (slow_number, format!("{slow:?}")));
        }
    }

    #[test]
    fn another_form_is_none_of_its_business() {
        for (part, other) in [
            ("{\"line\"", "{ \"line\""),
            ("\"line\":7", "\"line\":07"),
            ("\"line\":7", "\"line\":"),
            ("\"at\":12", "\"at\":-12"),
            ("call_a_b_1", "call_\\u0061_b_1"),
            ("\"last\":2,", ""),
            ("{}]", "{},]"),
            ("{}]", "{}"),
            ("{}]", "1]"),
            ("[{\"at\":1}]", "[]"),
            ("0123abcd", "0123"),
            ("abcd\"}", "abcd\"} "),
            ("abcd\"}", "abcd\""),
        ] {
            let line = LINE.replacen(part, other, 1);
            assert!(line != LINE && call(&line).is_none(), "{line}");
        }
        for length in 0..LINE.len() {
            assert!(LINE.get(..length).is_none_or(|cut| call(cut).is_none()), "{length}");
        }
    }
}
