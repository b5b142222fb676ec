//! One line of an export, judged by itself.

use ilock_events::Millis;

use crate::line::{self, has_crc};
use crate::split::{self, Split};
use crate::verify::call::{Judged, Room, Views, call_in};
use crate::verify::{commit, receipt};
use crate::{CallLine, End, Finding, Header, Kind, Line, MAX_LINE, RawLine};

/// A line, judged.
#[derive(Debug)]
pub(crate) struct JudgedLine {
    /// From 1, as editors count.
    pub(crate) physical: u64,
    /// How many bytes it has, its newline included.
    pub(crate) bytes: u64,
    /// Whether a newline ends it.
    pub(crate) whole: bool,
    /// What it holds, or why it cannot be read.
    pub(crate) content: Result<Content, String>,
}

/// What a line holds.
#[derive(Debug)]
pub(crate) struct Content {
    /// The number that it gives itself.
    pub(crate) number: u64,
    /// Whether it has the checksum of its content.
    pub(crate) intact: bool,
    /// Whether it is written as we write it.
    pub(crate) canonical: bool,
    pub(crate) what: What,
}

#[derive(Debug)]
pub(crate) enum What {
    Header(Header),
    Call(JudgedCall),
    End(End),
}

/// A call, judged.
#[derive(Debug)]
pub(crate) struct JudgedCall {
    pub(crate) call_id: String,
    pub(crate) at: Millis,
    /// How many commits it is said to have.
    pub(crate) last: u64,
    pub(crate) with_personal: bool,
    pub(crate) judged: Judged,
}

/// What is wrong with how a line is written, which is said where nothing else is wrong with it; nothing where it has the checksum
/// of its content, and the form of an export.
pub(crate) const fn wrong_form_of(intact: bool, canonical: bool) -> Option<&'static str> {
    match (intact, canonical) {
        (false, _) => Some("its checksum is not that of its content, though its commits are as they were"),
        (_, false) => Some("the line is not written in the form of an export, though it says what one would"),
        _ => None,
    }
}

/// The same, of a line that holds a call.
#[must_use]
pub fn wrong_form(text: &str) -> Option<Finding> {
    let why = wrong_form_of(has_crc(text.as_bytes()), split::call(text).is_some())?;
    Some(Finding::new(Kind::Changed, why))
}

/// Judges a line.
pub(crate) fn judge(room: &mut Room, raw: RawLine<'_>, as_of: Millis) -> JudgedLine {
    let bytes = u64::try_from(raw.bytes.len()).unwrap_or(u64::MAX).saturating_add(1);
    JudgedLine { physical: raw.number, bytes, whole: raw.whole, content: content(room, raw, as_of) }
}

fn content(room: &mut Room, raw: RawLine<'_>, as_of: Millis) -> Result<Content, String> {
    if raw.too_long {
        return Err(format!("it is longer than {MAX_LINE} bytes"));
    }
    let text = std::str::from_utf8(raw.bytes).map_err(|error| error.to_string())?;
    let intact = has_crc(raw.bytes);
    if let Some(Split { number, call, commits, receipts }) = split::read(text, commit::take, receipt::take) {
        let what = What::Call(judge_call(room, call, Views { commits, receipts }, as_of));
        return Ok(Content { number, intact, canonical: true, what });
    }
    let (number, line, canonical) = line::read_strictly(text).map_err(|error| error.0)?;
    let what = match line {
        Line::Header(header) => What::Header(header),
        Line::End(end) => What::End(end),
        Line::Call(call) => {
            let views = Views::of(&call);
            What::Call(judge_call(room, call, views, as_of))
        }
    };
    Ok(Content { number, intact, canonical, what })
}

fn judge_call<'a>(room: &mut Room, call: CallLine<'a>, views: Views<'a>, as_of: Millis) -> JudgedCall {
    JudgedCall {
        at: call.at,
        last: call.last.map_or(u64::MAX, u64::from),
        with_personal: call.personal.is_some(),
        judged: call_in(room, &call, views, as_of),
        call_id: call.call_id.into_owned(),
    }
}

#[cfg(test)]
#[path = "../../tests/common/mod.rs"]
mod common;

#[cfg(test)]
mod tests {
    use ilock_proof::{canonical, digest};
    use proptest::prelude::*;
    use proptest::sample::Index;
    use serde_json::Value;

    use super::common::{LATER, MIDNIGHT, a_call};
    use super::*;
    use crate::export::call_line;

    /// The line of a call of the kind `number`, without its newline.
    fn a_line(number: u32, with_personal: bool) -> String {
        let line = call_line(7, &a_call(number, Millis(MIDNIGHT)), with_personal).unwrap();
        String::from_utf8(line).unwrap().trim_end().to_owned()
    }

    /// What is said of the call in `text` where nothing of it is read in the form in which it is written.
    fn judged_generally(text: &str) -> Option<String> {
        let (number, call) = match split::call(text) {
            Some(read) => read,
            None => match line::read_slowly(text) {
                Ok((number, Line::Call(call))) => (number, call),
                _ => return None,
            },
        };
        let commits = call.commits.iter().map(|_| None).collect();
        let receipts = call.receipts.iter().map(|_| None).collect();
        let views = Views { commits, receipts };
        Some(format!("{number} {:?}", judge_call(&mut Room::default(), call, views, LATER)))
    }

    fn judged(text: &str) -> Option<String> {
        let raw = RawLine { number: 8, bytes: text.as_bytes(), whole: true, too_long: false };
        match content(&mut Room::default(), raw, LATER) {
            Ok(Content { number, what: What::Call(call), .. }) => Some(format!("{number} {call:?}")),
            _ => None,
        }
    }

    /// Gives each commit the hash of what stands there now, and the next one its `prev`, as far as they can be read.
    fn with_hashes_anew(mut line: String) -> String {
        let count = split::call(&line).map_or(0, |(_, call)| call.commits.len());
        for at in 0..count {
            let Some((_, call)) = split::call(&line) else { break };
            let Some(Ok(mut commit)) = call.commits.get(at).map(|raw| serde_json::from_str::<Value>(raw)) else {
                continue;
            };
            let named = commit.as_object_mut().and_then(|fields| fields.remove("hash"));
            if let Some(named) = named.as_ref().and_then(Value::as_str).filter(|named| named.len() == 64) {
                line = line.replace(named, &digest(&canonical(&commit).unwrap()));
            }
        }
        line
    }

    #[derive(Debug, Clone)]
    enum Edit {
        Put(u8),
        Insert(u8),
        Remove,
        Double(usize),
        /// The next number becomes another one.
        Number(&'static str),
    }

    /// Numbers at which the types that hold them end.
    const ENDS: [&str; 8] = [
        "0",
        "4294967294",
        "4294967295",
        "9007199254740991",
        "-9007199254740991",
        "9223372036854775807",
        "-9223372036854775808",
        "18446744073709551615",
    ];

    fn edits() -> impl Strategy<Value = Vec<(Index, Edit)>> {
        let byte = || prop::sample::select(b"\"\\{}[]:,.-0179aefnux \n\x01".to_vec());
        let edit = prop_oneof![
            byte().prop_map(Edit::Put),
            byte().prop_map(Edit::Insert),
            Just(Edit::Remove),
            (1..60_usize).prop_map(Edit::Double),
            prop::sample::select(ENDS.to_vec()).prop_map(Edit::Number),
        ];
        prop::collection::vec((any::<Index>(), edit), 1..3)
    }

    fn edited(line: &str, edits: &[(Index, Edit)]) -> Option<String> {
        let mut bytes = line.as_bytes().to_vec();
        for (at, edit) in edits {
            let at = at.index(bytes.len());
            match edit {
                Edit::Put(byte) => bytes[at] = *byte,
                Edit::Insert(byte) => bytes.insert(at, *byte),
                Edit::Remove => drop(bytes.remove(at)),
                Edit::Double(length) => {
                    let twice = bytes[at..bytes.len().min(at + length)].to_vec();
                    bytes.splice(at..at, twice);
                }
                Edit::Number(end) => {
                    let digit = |bytes: &[u8]| bytes.iter().position(u8::is_ascii_digit);
                    let from = at + digit(&bytes[at..]).unwrap_or_default();
                    let length = bytes[from..].iter().take_while(|byte| byte.is_ascii_digit()).count();
                    bytes.splice(from..from + length, end.bytes());
                }
            }
        }
        String::from_utf8(bytes).ok()
    }

    #[test]
    fn a_line_as_we_write_it_is_read_at_once_and_judged_as_the_general_way_judges_it() {
        for number in 0..16 {
            let line = a_line(number, number % 2 == 0);
            let split = split::read(&line, commit::take, receipt::take).unwrap();
            assert!(split.commits.iter().all(Option::is_some) && split.receipts.iter().all(Option::is_some), "{line}");
            assert_eq!(judged(&line), judged_generally(&line));
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        #[test]
        fn an_edited_line_is_judged_as_the_general_way_judges_it(
            number in 0..8_u32,
            with_personal: bool,
            edits in edits(),
            hashes_anew: bool,
        ) {
            let Some(line) = edited(&a_line(number, with_personal), &edits) else { return Ok(()) };
            let line = if hashes_anew { with_hashes_anew(line) } else { line };
            prop_assert_eq!(judged(&line), judged_generally(&line));
        }
    }
}
