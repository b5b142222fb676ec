//! Writing an export, and going on with one that was interrupted.

use std::io::{self, Write};

use ilock_events::{CallId, CallState, Millis};
use ilock_proof::{StoredCall, canonical};
use serde::Deserialize;
use serde_json::Value;

use crate::line::{self, begin, has_crc, with_crc};
use crate::{CallLine, End, Line};

/// How far an export has come.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Progress {
    /// How many lines stand there, the head included.
    pub lines: u64,
    /// What they hold.
    pub end: End,
    /// The last call that stands there.
    pub last: Option<(Millis, String)>,
    /// Whether the last line stands there, too.
    pub ended: bool,
    /// Whether a call stands there that was not over when its line was written: it has to be written anew.
    pub unsettled: bool,
}

/// Where a call stands after a commit.
#[derive(Deserialize)]
struct State {
    state: CallState,
}

fn is_over(call: &CallLine<'_>) -> bool {
    let last = call.commits.last().and_then(|raw| serde_json::from_str::<State>(raw).ok());
    last.is_some_and(|last| last.state.is_final())
}

impl Progress {
    /// Takes in the next line, without its newline, of an export that begins with `head`; whether it is the next line
    /// of an export that can be gone on with.
    #[must_use]
    pub fn take(&mut self, found: &[u8], head: &[u8]) -> bool {
        if self.lines == 0 {
            self.lines = u64::from(found == head.trim_ascii_end());
            return self.lines == 1;
        }
        let Ok(text) = std::str::from_utf8(found) else { return false };
        if self.ended || !has_crc(found) {
            return false;
        }
        match line::read(text) {
            Ok((number, Line::Call(call))) if number == self.lines => {
                self.end.calls += 1;
                self.end.commits += u64::try_from(call.commits.len()).unwrap_or(u64::MAX);
                self.unsettled |= !is_over(&call);
                self.last = Some((call.at, call.call_id.into_owned()));
            }
            Ok((number, Line::End(_))) if number == self.lines => self.ended = true,
            _ => return false,
        }
        self.lines += 1;
        true
    }

    /// Whether the call placed at `at` stands there already.
    #[must_use]
    pub fn has(&self, at: Millis, call_id: &CallId) -> bool {
        self.last.as_ref().is_some_and(|(last, id)| (at, call_id.as_str()) <= (*last, id.as_str()))
    }

    /// Writes the head.
    ///
    /// # Errors
    /// What `out` says.
    pub fn head(&mut self, out: &mut (impl Write + ?Sized), head: &[u8]) -> io::Result<()> {
        self.lines = 1;
        out.write_all(head)
    }

    /// Writes the next call.
    ///
    /// # Errors
    /// What `out` says.
    pub fn call(&mut self, out: &mut (impl Write + ?Sized), call: &StoredCall, with_personal: bool) -> io::Result<()> {
        out.write_all(&call_line(self.lines, call, with_personal)?)?;
        self.lines += 1;
        self.end.calls += 1;
        self.end.commits += u64::try_from(call.commits.len()).unwrap_or(u64::MAX);
        self.last = Some((placed_at(call), call.call_id.clone()));
        Ok(())
    }

    /// Writes the end.
    ///
    /// # Errors
    /// What `out` says.
    pub fn finish(&mut self, out: &mut (impl Write + ?Sized)) -> io::Result<()> {
        let line = self.end.line(self.lines)?;
        self.lines += 1;
        self.ended = true;
        out.write_all(&line)
    }
}

/// When a call was placed, as its first commit says; 0 when that cannot be read.
#[must_use]
pub fn placed_at(call: &StoredCall) -> Millis {
    Millis(call.commits.first().and_then(|commit| commit["at"].as_i64()).unwrap_or_default())
}

/// The line of `call`, with its checksum and its newline.
///
/// # Errors
/// What serialising says.
pub fn call_line(number: u64, call: &StoredCall, with_personal: bool) -> Result<Vec<u8>, serde_json::Error> {
    let last = call.commits.iter().filter_map(|commit| commit["n"].as_u64()).max().unwrap_or_default();
    let mut line = begin(number);
    line.extend_from_slice(b"\"call\":");
    line.extend_from_slice(&canonical(&call.call_id)?);
    line.extend_from_slice(format!(",\"at\":{},\"last\":{last}", placed_at(call)).as_bytes());
    list(&mut line, "commits", &call.commits)?;
    list(&mut line, "receipts", &call.receipts)?;
    if with_personal {
        list(&mut line, "personal", &call.personal)?;
    }
    // Of most calls nothing was forgotten.
    if !call.forgotten.is_empty() {
        list(&mut line, "forgotten", &call.forgotten)?;
    }
    if !call.alerts.is_empty() {
        list(&mut line, "alerts", &call.alerts)?;
    }
    Ok(with_crc(line))
}

fn list(line: &mut Vec<u8>, name: &str, items: &[Value]) -> Result<(), serde_json::Error> {
    line.extend_from_slice(format!(",\"{name}\":[").as_bytes());
    for (index, item) in items.iter().enumerate() {
        if index > 0 {
            line.push(b',');
        }
        line.extend_from_slice(&canonical(item)?);
    }
    line.push(b']');
    Ok(())
}
