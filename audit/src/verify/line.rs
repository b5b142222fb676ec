//! One line of an export, judged by itself.

use ilock_events::Millis;

use crate::line::{self, crc_matches};
use crate::verify::call::{Judged, Room, call_in};
use crate::{End, Header, Line, MAX_LINE, RawLine};

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
    let (number, line, canonical) = line::read_strictly(text).map_err(|error| error.0)?;
    let what = match line {
        Line::Header(header) => What::Header(header),
        Line::End(end) => What::End(end),
        Line::Call(call) => What::Call(JudgedCall {
            at: call.at,
            last: call.last.map_or(u64::MAX, u64::from),
            with_personal: call.personal.is_some(),
            judged: call_in(room, &call, as_of),
            call_id: call.call_id.into_owned(),
        }),
    };
    Ok(Content { number, intact: crc_matches(raw.bytes), canonical, what })
}
