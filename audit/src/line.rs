//! A line of an export: written with its checksum, and read without copying what it holds.

use std::borrow::Cow;
use std::io::Write as _;

use ilock_events::Millis;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::call_line::CallLine;
use crate::json_error::said;
use crate::split;

/// Longer lines are not read, so that memory stays bounded whatever a file holds.
pub const MAX_LINE: usize = 8 << 20;

/// The version of the form.
const VERSION: u32 = 1;

const CRC_FIELD: &[u8] = b",\"crc\":\"";
const CRC_LENGTH: usize = CRC_FIELD.len() + 8 + 2;

/// What an export says of itself, in line 0.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Header {
    /// The first day, `2026-11-22`.
    pub from: Option<String>,
    /// The last day.
    pub to: Option<String>,
    /// Whose calls; none means everybody's.
    pub tenants: Vec<String>,
    /// Whether personal text is in it.
    pub with_personal: bool,
}

/// What stands in the last line.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct End {
    /// How many calls there are.
    pub calls: u64,
    /// How many commits they have.
    pub commits: u64,
}

/// What a line says.
#[derive(Debug, Clone)]
pub enum Line<'a> {
    /// Line 0.
    Header(Header),
    Call(CallLine<'a>),
    /// The last line.
    End(End),
}

/// Why something is no line of an export.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotALine(pub String);

impl std::fmt::Display for NotALine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for NotALine {}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Form<'a> {
    line: u64,
    ilock_export: Option<u32>,
    from: Option<String>,
    to: Option<String>,
    tenants: Option<Vec<String>>,
    with_personal: Option<bool>,
    #[serde(borrow)]
    call: Option<Cow<'a, str>>,
    at: Option<Millis>,
    last: Option<u32>,
    #[serde(borrow)]
    commits: Option<Vec<&'a RawValue>>,
    #[serde(borrow)]
    receipts: Option<Vec<&'a RawValue>>,
    #[serde(borrow)]
    personal: Option<Vec<&'a RawValue>>,
    #[serde(borrow)]
    forgotten: Option<Vec<&'a RawValue>>,
    #[serde(borrow)]
    alerts: Option<Vec<&'a RawValue>>,
    end: Option<End>,
    #[serde(rename = "crc")]
    _crc: Option<&'a str>,
}

/// A line's number and what it says. The checksum is asked for apart: [`has_crc`]. Whether the items of a call are JSON is
/// left to who reads them.
pub(crate) fn read(text: &str) -> Result<(u64, Line<'_>), NotALine> {
    match split::call(text) {
        Some((number, call)) => Ok((number, Line::Call(call))),
        None => read_slowly(text),
    }
}

/// As [`read_slowly`], and whether the line is written as we write it. A call that is would have been read in its form.
pub(crate) fn read_strictly(text: &str) -> Result<(u64, Line<'_>, bool), NotALine> {
    let (number, line) = read_slowly(text)?;
    let written = match &line {
        Line::Header(header) if number == 0 => header.line().ok(),
        Line::End(end) => end.line(number).ok(),
        _ => None,
    };
    let is_canonical = written.is_some_and(|written| content(written.trim_ascii_end()) == content(text.as_bytes()));
    Ok((number, line, is_canonical))
}

/// A line without its checksum, which is asked for apart.
fn content(line: &[u8]) -> Option<&[u8]> {
    line.get(..line.len().checked_sub(CRC_LENGTH)?)
}

/// As [`read`], whatever form the line has.
pub(crate) fn read_slowly(text: &str) -> Result<(u64, Line<'_>), NotALine> {
    let form: Form<'_> = serde_json::from_str(text).map_err(|error| NotALine(said(&error)))?;
    let no = |field: &str| NotALine(format!("it has no {field}"));
    let line = match form {
        Form { call: Some(call_id), at, last, commits, receipts, personal, forgotten, alerts, .. } => {
            Line::Call(CallLine {
                call_id,
                at: at.ok_or_else(|| no("at"))?,
                last: Some(last.ok_or_else(|| no("last"))?),
                commits: commits.map(texts).ok_or_else(|| no("commits"))?,
                receipts: receipts.map(texts).ok_or_else(|| no("receipts"))?,
                personal: personal.map(texts),
                forgotten: forgotten.map(texts).unwrap_or_default(),
                alerts: alerts.map(texts).unwrap_or_default(),
            })
        }
        Form { end: Some(end), .. } => Line::End(end),
        Form { ilock_export: Some(VERSION), from, to, tenants, with_personal, .. } => Line::Header(Header {
            from,
            to,
            tenants: tenants.ok_or_else(|| no("tenants"))?,
            with_personal: with_personal.ok_or_else(|| no("with_personal"))?,
        }),
        Form { ilock_export: Some(newer), .. } => {
            return Err(NotALine(format!("it is of version {newer}; this program reads {VERSION}")));
        }
        _ => return Err(NotALine("it is neither a call nor the export's head or end".into())),
    };
    Ok((form.line, line))
}

fn texts(items: Vec<&RawValue>) -> Vec<&str> {
    items.into_iter().map(RawValue::get).collect()
}

impl<'a> Line<'a> {
    /// The line that `text` is, without its newline, and its number in the export. Its checksum is not looked at:
    /// [`crate::verify::file`] does that.
    ///
    /// # Errors
    /// [`NotALine`].
    pub fn read(text: &'a str) -> Result<(u64, Self), NotALine> {
        read(text)
    }
}

/// The number that a line of ours begins with: `{"line":17,`.
pub(crate) fn begin(number: u64) -> Vec<u8> {
    let mut line = Vec::with_capacity(4096);
    // Writing into a Vec does not fail.
    let _ = write!(line, "{{\"line\":{number},");
    line
}

/// Closes a line with its checksum and a newline.
pub(crate) fn with_crc(mut line: Vec<u8>) -> Vec<u8> {
    let crc = crc32fast::hash(&line);
    line.extend_from_slice(CRC_FIELD);
    let _ = writeln!(line, "{crc:08x}\"}}");
    line
}

/// Whether `line`, without its newline, has the checksum of its content.
#[must_use]
pub fn has_crc(line: &[u8]) -> bool {
    let Some((content, field)) = line.len().checked_sub(CRC_LENGTH).and_then(|at| line.split_at_checked(at)) else {
        return false;
    };
    field.starts_with(CRC_FIELD)
        && field.ends_with(b"\"}")
        && checksum(&field[CRC_FIELD.len()..CRC_FIELD.len() + 8]) == Some(crc32fast::hash(content))
}

/// Eight digits, in lower case: written otherwise they are not what was written.
fn checksum(digits: &[u8]) -> Option<u32> {
    digits.iter().try_fold(0, |sum: u32, digit| {
        let value = match digit {
            b'0'..=b'9' => digit - b'0',
            b'a'..=b'f' => digit - b'a' + 10,
            _ => return None,
        };
        Some((sum << 4) | u32::from(value))
    })
}

impl Header {
    /// Line 0, with its newline.
    ///
    /// # Errors
    /// What serialising says; none.
    pub fn line(&self) -> Result<Vec<u8>, serde_json::Error> {
        let mut line = begin(0);
        let _ = write!(line, "\"ilock_export\":{VERSION},");
        line.extend_from_slice(serde_json::to_string(self)?.trim_start_matches('{').trim_end_matches('}').as_bytes());
        Ok(with_crc(line))
    }
}

impl End {
    /// Line `number`, with its newline.
    ///
    /// # Errors
    /// What serialising says; none.
    pub(crate) fn line(&self, number: u64) -> Result<Vec<u8>, serde_json::Error> {
        let mut line = begin(number);
        line.extend_from_slice(b"\"end\":");
        serde_json::to_writer(&mut line, self)?;
        Ok(with_crc(line))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_is_read_as_it_was_written() {
        let header =
            Header { from: Some("2026-11-22".into()), to: None, tenants: vec!["a".into()], with_personal: true };
        let line = header.line().unwrap();
        let text = std::str::from_utf8(&line).unwrap().trim_end();
        assert!(has_crc(text.as_bytes()), "{text}");
        match read(text).unwrap() {
            (0, Line::Header(back)) => assert_eq!(back, header),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_newer_form_says_so() {
        let refused = read(r#"{"line":0,"ilock_export":2,"tenants":[],"with_personal":false,"crc":"00000000"}"#);
        assert_eq!(refused.unwrap_err().0, "it is of version 2; this program reads 1");
    }
}
