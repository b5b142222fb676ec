//! Reading RFC 8785 text of a known form from its beginning to its end, without building anything. What it takes is in that
//! form: names in order, no spaces, numbers and strings written in the one way there is. It takes no string in which anything
//! is escaped; such an item is read the slow way.

use serde::Deserialize;
use serde::de::value::{Error, StrDeserializer};

use crate::scan::{object_length, plain_length};

/// The largest integer that every JSON reader reads alike (RFC 8259, 6), and RFC 8785 writes as itself.
const LAST_EXACT: i64 = 9_007_199_254_740_991;
/// Digits of that.
const MOST_DIGITS: usize = 16;

/// What has not been taken yet.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cursor<'a>(&'a str);

#[allow(
    clippy::option_option,
    reason = "outside: whether the text has the form; inside: whether the field stands there"
)]
impl<'a> Cursor<'a> {
    pub(crate) const fn new(text: &'a str) -> Self {
        Self(text)
    }

    /// Takes exactly `what`.
    pub(crate) fn take(&mut self, what: &str) -> Option<()> {
        self.0 = self.0.strip_prefix(what)?;
        Some(())
    }

    /// Takes `what` where it stands next; whether it does.
    pub(crate) fn takes(&mut self, what: &str) -> bool {
        self.take(what).is_some()
    }

    /// How many bytes have not been taken yet.
    pub(crate) const fn left(&self) -> usize {
        self.0.len()
    }

    /// That nothing is left.
    pub(crate) fn end(self) -> Option<()> {
        self.0.is_empty().then_some(())
    }

    fn split(&mut self, length: usize) -> Option<&'a str> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }

    pub(crate) fn integer(&mut self) -> Option<i64> {
        let negative = self.takes("-");
        let (mut number, mut length) = (0_i64, 0);
        for digit in self.0.bytes().take(MOST_DIGITS).take_while(u8::is_ascii_digit) {
            number = number * 10 + i64::from(digit - b'0');
            length += 1;
        }
        let digits = self.split(length)?;
        let canonical = if digits.starts_with('0') { length == 1 && !negative } else { length > 0 };
        // `1.0` and `1e3` are other ways to write an integer.
        let ends = !matches!(self.0.as_bytes().first(), Some(b'0'..=b'9' | b'.' | b'e' | b'E'));
        let number = if negative { -number } else { number };
        (canonical && ends && number.abs() <= LAST_EXACT).then_some(number)
    }

    /// A number of a type that is smaller.
    pub(crate) fn number<T: TryFrom<i64>>(&mut self) -> Option<T> {
        self.integer()?.try_into().ok()
    }

    /// A string in which nothing is escaped.
    pub(crate) fn word(&mut self) -> Option<&'a str> {
        self.take("\"")?;
        let word = self.split(plain_length(self.0.as_bytes()))?;
        self.take("\"")?;
        Some(word)
    }

    /// A word that is one of an enumeration.
    pub(crate) fn word_of<T: Deserialize<'a>>(&mut self) -> Option<T> {
        T::deserialize(StrDeserializer::<Error>::new(self.word()?)).ok()
    }

    /// A field's word that is one of an enumeration, and the comma behind it, where the field stands next.
    pub(crate) fn word_before<T: Deserialize<'a>>(&mut self, name: &str) -> Option<Option<T>> {
        if !self.takes(name) {
            return Some(None);
        }
        let word = self.word_of()?;
        self.take(",")?;
        Some(Some(word))
    }

    /// A field's string, where the field stands next.
    pub(crate) fn field(&mut self, name: &str) -> Option<Option<&'a str>> {
        if self.takes(name) { self.word().map(Some) } else { Some(None) }
    }

    /// A field's string as the type that it is of, where the field stands next.
    pub(crate) fn typed<T>(&mut self, name: &str, read: impl FnOnce(&str) -> Option<T>) -> Option<Option<T>> {
        match self.field(name)? {
            Some(word) => read(word).map(Some),
            None => Some(None),
        }
    }

    /// An object, unread.
    pub(crate) fn object(&mut self) -> Option<&'a str> {
        let length = object_length(self.0.as_bytes(), b'{')?;
        self.split(length)
    }

    /// A list, unread.
    pub(crate) fn list(&mut self) -> Option<&'a str> {
        let length = object_length(self.0.as_bytes(), b'[')?;
        self.split(length)
    }

    /// The elements of a list, each read by `each`.
    pub(crate) fn each<T>(&mut self, mut each: impl FnMut(&mut Self) -> Option<T>) -> Option<Vec<T>> {
        self.take("[")?;
        let mut all = vec![];
        if self.takes("]") {
            return Some(all);
        }
        loop {
            all.push(each(self)?);
            if self.takes("]") {
                return Some(all);
            }
            self.take(",")?;
        }
    }

    /// The fields of an object whose names nobody knows before, in the order of RFC 8785.
    pub(crate) fn fields<T>(&mut self, mut each: impl FnMut(&'a str, &mut Self) -> Option<T>) -> Option<Vec<T>> {
        self.take("{")?;
        let mut all = vec![];
        let mut before = "";
        if self.takes("}") {
            return Some(all);
        }
        loop {
            let name = self.word()?;
            self.take(":")?;
            // ASCII is in the order of its bytes as in that of UTF-16.
            if !name.is_ascii() || (!all.is_empty() && name <= before) {
                return None;
            }
            before = name;
            all.push(each(name, self)?);
            if self.takes("}") {
                return Some(all);
            }
            self.take(",")?;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_written_in_one_way_only() {
        let read = |text| Cursor::new(text).integer();
        for (text, number) in [("0", 0), ("7,", 7), ("-12}", -12), ("9007199254740991", 9_007_199_254_740_991)] {
            assert_eq!(read(text), Some(number), "{text}");
        }
        for bad in
            ["", "-", "-0", "01", "+1", "1.0", "1e3", "1E3", "9007199254740992", "99999999999999999999", " 1", "x"]
        {
            assert_eq!(read(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_string_with_anything_escaped_is_left_to_others() {
        let read = |text| Cursor::new(text).word();
        assert_eq!(read("\"\""), Some(""));
        assert_eq!(read("\"小区 a\u{7f}\"x"), Some("小区 a\u{7f}"));
        for bad in ["", "\"", "\"a", "\"\\u0041\"", "\"\\n\"", "\"a\nb\"", "a"] {
            assert_eq!(read(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn names_stand_in_order_and_once() {
        let read = |text| Cursor::new(text).fields(|name, at| Some((name, at.integer()?)));
        assert_eq!(read("{}"), Some(vec![]));
        assert_eq!(read(r#"{"0":1,"1":2,"10":3,"2":4}"#).map(|all| all.len()), Some(4));
        for bad in [r#"{"1":1,"0":1}"#, r#"{"0":1,"0":1}"#, r#"{"0":1,}"#, r#"{"0" :1}"#, r#"{"0":1"#, r#"{"é":1}"#] {
            assert_eq!(read(bad), None, "{bad}");
        }
    }
}
