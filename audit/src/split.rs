//! A call's line, taken apart where it was written by us: in one pass with whoever reads its items, and by their braces and
//! quotes alone where nobody does.
//!
//! A line of any other form, or one in which a brace or a quote was changed, is none, and is read the slow way.

use std::borrow::Cow;

use ilock_events::Millis;

use crate::call_line::CallLine;
use crate::cursor::Cursor;
use crate::scan::object_length;

/// A line, and what was read of its items on the way.
pub(crate) struct Split<'a, C, R> {
    pub(crate) number: u64,
    pub(crate) call: CallLine<'a>,
    /// Each commit, where it is written as we write it.
    pub(crate) commits: Vec<Option<C>>,
    /// Each receipt, likewise.
    pub(crate) receipts: Vec<Option<R>>,
}

/// The number of a call's line, and what it says; none when it has not exactly the form that we write.
pub(crate) fn call(text: &str) -> Option<(u64, CallLine<'_>)> {
    let split = read(text, |_| None::<()>, |_| None::<()>)?;
    Some((split.number, split.call))
}

/// The same, with what `commit` and `receipt` read of its items. Each takes exactly one item; where that ends need not be looked
/// for then.
pub(crate) fn read<'a, C, R>(
    text: &'a str,
    commit: impl Fn(&mut Cursor<'a>) -> Option<C>,
    receipt: impl Fn(&mut Cursor<'a>) -> Option<R>,
) -> Option<Split<'a, C, R>> {
    let mut rest = Rest(text);
    let number = rest.behind("{\"line\":")?.number()?.parse().ok()?;
    let call_id = Cow::Borrowed(rest.behind(",\"call\":")?.word()?);
    let at = Millis(rest.behind(",\"at\":")?.number()?.parse().ok()?);
    let last = Some(rest.behind(",\"last\":")?.number()?.parse().ok()?);
    let (commits, read_commits) = rest.behind(",\"commits\":")?.items(commit)?;
    let (receipts, read_receipts) = rest.behind(",\"receipts\":")?.items(receipt)?;
    let personal = if rest.behind(",\"personal\":").is_some() { Some(rest.texts()?) } else { None };
    let forgotten = if rest.behind(",\"forgotten\":").is_some() { rest.some_texts()? } else { vec![] };
    let alerts = if rest.behind(",\"alerts\":").is_some() { rest.some_texts()? } else { vec![] };
    let crc = rest.behind(",\"crc\":")?.word()?;
    let is_whole = rest.0 == "}" && crc.len() == 8;
    let call = CallLine { call_id, at, last, commits, alerts, receipts, personal, forgotten };
    is_whole.then_some(Split { number, call, commits: read_commits, receipts: read_receipts })
}

/// The elements of a list, as they stand there, and what was read of each.
type Items<'a, T> = (Vec<&'a str>, Vec<Option<T>>);

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
        let mut at = Cursor::new(self.0);
        let word = at.word()?;
        self.take(self.0.len() - at.left())?;
        Some(word)
    }

    /// A list of objects that is left out where there are none.
    fn some_texts(&mut self) -> Option<Vec<&'a str>> {
        self.texts().filter(|items| !items.is_empty())
    }

    /// A list of objects, unread.
    fn texts(&mut self) -> Option<Vec<&'a str>> {
        self.items(|_| None::<()>).map(|(texts, _)| texts)
    }

    /// A list of objects, each read by `read` where it can.
    fn items<T>(&mut self, read: impl Fn(&mut Cursor<'a>) -> Option<T>) -> Option<Items<'a, T>> {
        self.behind("[")?;
        let (mut texts, mut items) = (vec![], vec![]);
        if self.behind("]").is_some() {
            return Some((texts, items));
        }
        loop {
            let mut at = Cursor::new(self.0);
            let item = read(&mut at);
            let length = match item {
                Some(_) => self.0.len() - at.left(),
                None => object_length(self.0.as_bytes(), b'{')?,
            };
            texts.push(self.take(length)?);
            items.push(item);
            if self.behind("]").is_some() {
                return Some((texts, items));
            }
            self.behind(",")?;
        }
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
