//! A whole export: each line by itself, and that none was lost, moved, doubled or cut off.

use std::io::BufRead;

use ilock_events::Millis;

use crate::line::{self, crc_matches};
use crate::verify::call::{Room, call_in};
use crate::{CallLine, Counts, End, Finding, Kind, Line, Lines, RawLine};

/// Judges an export that `source` reads, and hands each finding to `found` as it is made. Who could still be told at
/// `as_of` is not missed yet. `passed` is told how many bytes were looked at.
///
/// A source that cannot be read on is a finding, too: what was read before it has been judged.
pub fn file(
    source: impl BufRead,
    as_of: Millis,
    mut found: impl FnMut(Finding),
    mut passed: impl FnMut(u64),
) -> Counts {
    let mut lines = Lines::new(source);
    let mut judge = Judge {
        as_of,
        room: Room::default(),
        counts: Counts::default(),
        due: 0,
        unread: 0,
        absent: vec![],
        last: None,
        end: None,
        found: &mut found,
    };
    loop {
        match lines.next_line() {
            Ok(Some(raw)) => {
                judge.line(raw);
                passed(u64::try_from(raw.bytes.len()).unwrap_or(u64::MAX).saturating_add(1));
            }
            Ok(None) => break,
            Err(error) => {
                let why = format!("the file cannot be read on: {error}");
                judge.counts.unreadable_lines += 1;
                judge.say(Finding::new(Kind::Unreadable, why).in_line(lines.read_so_far() + 1));
                break;
            }
        }
    }
    judge.ended();
    judge.counts
}

struct Judge<'f> {
    as_of: Millis,
    room: Room,
    counts: Counts,
    /// The number that the next line should have.
    due: u64,
    /// How many lines since could not be read, and stand for as many numbers at most.
    unread: u64,
    /// Numbers that were passed over: from, to.
    absent: Vec<(u64, u64)>,
    /// The last call.
    last: Option<(Millis, String)>,
    end: Option<End>,
    found: &'f mut dyn FnMut(Finding),
}

impl Judge<'_> {
    fn say(&mut self, finding: Finding) {
        self.counts.findings += 1;
        (self.found)(finding);
    }

    fn unreadable(&mut self, raw: RawLine<'_>, why: impl std::fmt::Display) {
        self.unread += 1;
        self.counts.unreadable_lines += 1;
        let cut = if raw.whole { "" } else { "; the file ends within it" };
        self.say(Finding::new(Kind::Unreadable, format!("{why}{cut}")).in_line(raw.number));
    }

    fn line(&mut self, raw: RawLine<'_>) {
        if raw.too_long {
            return self.unreadable(raw, format_args!("it is longer than {} bytes", crate::MAX_LINE));
        }
        let text = match std::str::from_utf8(raw.bytes) {
            Ok(text) => text,
            Err(error) => return self.unreadable(raw, error),
        };
        let (number, line) = match line::read(text) {
            Ok(read) => read,
            Err(error) => return self.unreadable(raw, error),
        };
        let intact = crc_matches(raw.bytes);
        let before = self.counts.findings;
        let in_place = self.place(raw.number, if intact { number } else { self.due + self.unread });
        if self.end.is_some() && in_place {
            self.say(Finding::new(Kind::OutOfOrder, "it stands behind the export's end").in_line(raw.number));
        }
        let call_id = match line {
            Line::Header(_) if number != 0 => {
                self.say(Finding::new(Kind::OutOfOrder, "a head stands within the export").in_line(raw.number));
                None
            }
            Line::Header(_) => None,
            Line::Call(call) => {
                self.call(raw.number, &call, in_place);
                Some(call.call_id.into_owned())
            }
            Line::End(end) => {
                self.end = Some(end);
                None
            }
        };
        if !intact && self.counts.findings == before {
            let why = "its checksum is not that of its content, though its commits are as they were";
            self.say(Finding { call_id, ..Finding::new(Kind::Changed, why).in_line(raw.number) });
        }
        if !raw.whole {
            self.say(Finding::new(Kind::Missing, "the newline at its end").in_line(raw.number));
        }
    }

    /// Notes that line `number` stands here; whether it is the one that was due.
    fn place(&mut self, physical: u64, number: u64) -> bool {
        if number >= self.due {
            // Lines that could not be read were some of those before it.
            if number - self.due > self.unread {
                self.absent.push((self.due + self.unread, number - 1));
            }
            self.due = number + 1;
            self.unread = 0;
            return true;
        }
        let gap = self.absent.iter().position(|(from, to)| (*from..=*to).contains(&number));
        let finding = match gap {
            Some(at) => {
                let (from, to) = self.absent.remove(at);
                if from < number {
                    self.absent.push((from, number - 1));
                }
                if number < to {
                    self.absent.push((number + 1, to));
                }
                Finding::new(Kind::OutOfOrder, format!("this is line {number} of the export, and stands too late"))
            }
            None => Finding::new(Kind::Forked, format!("line {number} of the export stands there twice")),
        };
        self.say(finding.in_line(physical));
        false
    }

    fn call(&mut self, physical: u64, call: &CallLine<'_>, in_place: bool) {
        let mut judged = call_in(&mut self.room, call, self.as_of);
        for finding in judged.findings.drain(..) {
            self.say(finding.in_line(physical));
        }
        self.counts.calls += 1;
        self.counts.commits += judged.counts.commits;
        self.counts.proven += judged.counts.proven;
        self.counts.receipts += judged.counts.receipts;
        if !in_place {
            return;
        }
        if let Some((at, id)) = &self.last {
            let wrong = match (call.at, call.call_id.as_ref()).cmp(&(*at, id.as_str())) {
                std::cmp::Ordering::Greater => None,
                std::cmp::Ordering::Equal => Some((Kind::Forked, "the call stands there twice")),
                std::cmp::Ordering::Less => Some((Kind::OutOfOrder, "the call was placed before the one above it")),
            };
            if let Some((kind, why)) = wrong {
                let call_id = Some(call.call_id.to_string());
                self.say(Finding { call_id, ..Finding::new(kind, why).in_line(physical) });
            }
        }
        self.last = Some((call.at, call.call_id.to_string()));
    }

    /// What only the end shows.
    fn ended(&mut self) {
        for (from, to) in std::mem::take(&mut self.absent) {
            let which = if from == to { format!("line {from}") } else { format!("lines {from} to {to}") };
            self.say(Finding::new(Kind::Missing, format!("{which} of the export, counted from 0, is not there")));
        }
        let Some(end) = self.end else {
            let why = "the export's end: it was cut off, or never finished";
            return self.say(Finding::new(Kind::Missing, why));
        };
        // Who removes a call and numbers the lines anew is betrayed by the count; a line that cannot be read has been
        // named already.
        if self.counts.unreadable_lines == 0 && (end.calls, end.commits) != (self.counts.calls, self.counts.commits) {
            let counted = self.counts;
            let (kind, n) = if (end.calls, end.commits) > (counted.calls, counted.commits) {
                (Kind::Missing, "fewer")
            } else {
                (Kind::Forked, "more")
            };
            if counted.findings == 0 {
                let why = format!(
                    "the export's end counts {} calls with {} commits, and there are {n}: {} with {}",
                    end.calls, end.commits, counted.calls, counted.commits
                );
                self.say(Finding::new(kind, why));
            }
        }
    }
}
