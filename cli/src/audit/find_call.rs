//! One call of a file: an export, or a folder that DynamoDB exported to S3. The file is read to its end, so that it says the same of
//! the call as when it is verified as a whole.

use std::path::Path;

use ilock_audit::{Finding, Findings, Kind, Line, Lines, MAX_LINE, RawLine, has_crc, verify};
use ilock_events::CallId;
use indicatif::ProgressBar;

use crate::audit::dynamodb_export::ExportFolder;
use crate::audit::source::{export_line, open_export};
use crate::ui::error::CommandError;
use crate::ui::output::Output;

/// A call as a file has it.
pub struct FoundCall {
    /// None where the line that names the call cannot be read.
    line: Option<FoundLine>,
    /// What is wrong with where it stands: a second copy of it, a line that names it and cannot be read.
    findings: Vec<Finding>,
}

struct FoundLine {
    /// None where the file has no lines of calls.
    number: Option<u64>,
    text: String,
}

impl FoundCall {
    /// The line of the call, for those who need the whole of it.
    pub fn text(&self, path: &Path) -> Result<&str, CommandError> {
        if let Some(line) = &self.line {
            return Ok(&line.text);
        }
        let why = self.findings.first().map(finding_text).unwrap_or_default();
        Err(CommandError::new(format!("{}: {why}", path.display())).hint("`ilock verify --file` names every such line"))
    }

    /// The line of the call, where it can be read.
    pub fn line(&self) -> Option<&str> {
        self.line.as_ref().map(|line| line.text.as_str())
    }

    /// What verifying has `found` of the call, with where it stands, and what is wrong with that.
    pub fn with_place(self, found: Vec<Finding>) -> Vec<Finding> {
        let number = self.line.as_ref().and_then(|line| line.number);
        let mut all = found;
        // That the line is written otherwise than it was says nothing new where what it says was changed.
        let of_file = self.line.as_ref().filter(|line| line.number.is_some() && all.is_empty());
        all.extend(of_file.and_then(|line| verify::wrong_form(&line.text)));
        let placed = all.into_iter().map(|finding| Finding { line: number, ..finding });
        placed.chain(self.findings).collect()
    }
}

/// A finding of a file in one line.
pub fn finding_text(finding: &Finding) -> String {
    let place = [
        finding.line.map(|line| format!("line {line}")),
        finding.call_id.clone(),
        finding.n.map(|n| format!("commit {n}")),
        finding.notice.map(|notice| format!("notice {notice}")),
    ];
    let place: Vec<String> = place.into_iter().flatten().collect();
    let place = if place.is_empty() { String::new() } else { format!("{}: ", place.join(", ")) };
    format!("{}: {place}{}", finding.kind.words(), finding.why)
}

/// Finds a call in a file.
pub fn find_call(path: &Path, call_id: &CallId, output: Output) -> Result<FoundCall, CommandError> {
    if path.is_dir() {
        let found = ExportFolder::open(path)?.find_call(call_id, output)?;
        let (call, findings) = found.ok_or_else(|| no_call(path, call_id))?;
        let line = FoundLine { number: None, text: export_line(&call)? };
        return Ok(FoundCall { line: Some(line), findings });
    }
    let mut search = Search { call_id, line: None, findings: Findings::of_a_call(), damaged: None, more: 0 };
    let mut lines = Lines::new(open_export(path, &ProgressBar::hidden())?);
    loop {
        match lines.next_line() {
            Ok(Some(raw)) => search.take(&raw),
            Ok(None) => break,
            Err(error) => {
                search.unreadable(lines.read_so_far() + 1, format!("the file cannot be read on: {error}"), true);
                break;
            }
        }
    }
    search.found(path)
}

fn no_call(path: &Path, call_id: &CallId) -> CommandError {
    CommandError::new(format!("there is no call {call_id} in {}", path.display()))
}

struct Search<'a> {
    call_id: &'a CallId,
    line: Option<FoundLine>,
    findings: Findings,
    /// The first line that is damaged and does not name the call, and why it is.
    damaged: Option<(u64, String)>,
    /// How many more there are.
    more: u64,
}

impl Search<'_> {
    fn take(&mut self, raw: &RawLine<'_>) {
        if raw.too_long {
            return self.unreadable(raw.number, format!("it is longer than {MAX_LINE} bytes"), false);
        }
        let lossy;
        let text = match std::str::from_utf8(raw.bytes) {
            Ok(text) => text,
            Err(error) => {
                lossy = String::from_utf8_lossy(raw.bytes);
                return self.unreadable(raw.number, error.to_string(), lossy.contains(self.call_id.as_str()));
            }
        };
        // A checksum is much faster than to parse every line.
        if !names_another(text, self.call_id) {
            match Line::read(text) {
                Ok((_, Line::Call(call))) if call.call_id == self.call_id.as_str() => {
                    return self.copy(raw.number, text);
                }
                Ok(_) => {}
                Err(why) => return self.unreadable(raw.number, why.0, text.contains(self.call_id.as_str())),
            }
        }
        if !has_crc(raw.bytes) {
            self.unreadable(raw.number, "its checksum is not that of its content".into(), false);
        }
    }

    /// Notes a line that cannot be read, or believed. Where it does not name the call, that matters only if no other does.
    fn unreadable(&mut self, number: u64, why: String, is_of_call: bool) {
        if is_of_call {
            return self.find(number, Kind::Unreadable, why);
        }
        match self.damaged {
            None => self.damaged = Some((number, why)),
            Some(_) => self.more += 1,
        }
    }

    fn find(&mut self, number: u64, kind: Kind, why: String) {
        let call_id = Some(self.call_id.to_string());
        self.findings.push(Finding { line: Some(number), call_id, ..Finding::new(kind, why) });
    }

    /// Takes in a line of the call. The first is the one that is judged.
    fn copy(&mut self, number: u64, text: &str) {
        let Some(first) = &self.line else {
            self.line = Some(FoundLine { number: Some(number), text: text.to_owned() });
            return;
        };
        let before = first.number.unwrap_or_default();
        let same = if said(&first.text) == said(text) { "the same is said" } else { "something else is said" };
        self.find(number, Kind::Forked, format!("the call stands there twice: {same} of it in line {before}"));
    }

    fn found(self, path: &Path) -> Result<FoundCall, CommandError> {
        let Self { call_id, line, findings, damaged, more } = self;
        if line.is_some() || findings.count() > 0 {
            return Ok(FoundCall { line, findings: findings.told() });
        }
        let none = no_call(path, call_id);
        let Some((number, why)) = damaged else { return Err(none) };
        let more = if more > 0 { format!(", and {more} more lines") } else { String::new() };
        let message = format!("{}, and line {number} of it is damaged: {why}{more}", none.message);
        Err(CommandError::new(message)
            .hint("`ilock verify --file` names every such line; the call may have stood there"))
    }
}

/// What a line says, without its number and its checksum.
fn said(line: &str) -> &str {
    let from = line.find("\"call\":").unwrap_or_default();
    let to = line.rfind(",\"crc\":").unwrap_or(line.len());
    line.get(from..to).unwrap_or(line)
}

/// Whether a line begins as that of another call does, in the form that we write.
fn names_another(line: &str, call_id: &CallId) -> bool {
    let rest = line.strip_prefix("{\"line\":").map(|rest| rest.trim_start_matches(|c: char| c.is_ascii_digit()));
    let name = rest.and_then(|rest| rest.strip_prefix(",\"call\":\"")).and_then(|rest| rest.split('"').next());
    name.is_some_and(|name| !name.contains('\\') && name != call_id.as_str())
}
