//! A whole export: each line by itself, and that none was lost, moved, doubled or cut off.

use std::collections::BTreeMap;
use std::io::BufRead;

use ilock_events::Millis;

use crate::verify::across::{CallsTogether, Neighbour};
use crate::verify::line::{Content, JudgedCall, JudgedLine, What, wrong_form_of};
use crate::verify::workers::judge_all;
use crate::{Counts, End, Finding, Kind, Lines};

/// Judges an export that `source` reads, on one thread. See [`file_on`].
pub fn file(source: impl BufRead, as_of: Millis, found: impl FnMut(Finding), passed: impl FnMut(u64)) -> Counts {
    file_on(1, source, as_of, found, passed)
}

/// Judges an export that `source` reads on `jobs` threads, and hands each finding to `found`, in the order of the lines. Who
/// could still be told at `as_of` is not missed yet. `passed` is told how many bytes were looked at.
///
/// A source that cannot be read on is a finding, too: what was read before it has been judged.
pub fn file_on(
    jobs: usize,
    source: impl BufRead,
    as_of: Millis,
    mut found: impl FnMut(Finding),
    mut passed: impl FnMut(u64),
) -> Counts {
    let mut lines = Lines::new(source);
    let mut judge = Judge {
        counts: Counts::default(),
        due: 0,
        unread: 0,
        absent: Gaps::default(),
        has_head: false,
        together: CallsTogether::default(),
        end: None,
        tally: Tally::default(),
        found: &mut found,
    };
    let read = judge_all(jobs, &mut lines, as_of, &mut |line| {
        passed(line.bytes);
        judge.line(line);
    });
    if let Err(error) = read {
        judge.counts.unreadable_lines += 1;
        let why = format!("the file cannot be read on: {error}");
        judge.say(Finding::new(Kind::Unreadable, why).in_line(lines.read_so_far() + 1));
    }
    judge.ended();
    judge.counts
}

struct Judge<'f> {
    counts: Counts,
    /// The number that the next line should have.
    due: u64,
    /// How many lines since could not be read, and stand for as many numbers at most.
    unread: u64,
    /// Numbers that were passed over.
    absent: Gaps,
    has_head: bool,
    together: CallsTogether,
    end: Option<End>,
    tally: Tally,
    found: &'f mut dyn FnMut(Finding),
}

/// How many gaps in the numbers of lines are kept, so that memory stays bounded whatever a file holds.
const MOST_GAPS: usize = 1 << 16;

/// Numbers at which no line stands yet.
#[derive(Default)]
struct Gaps {
    /// From where up to where, both included.
    kept: BTreeMap<u64, u64>,
    /// How many more gaps there are.
    left_out: u64,
    /// How many numbers those are.
    numbers_left_out: u64,
}

impl Gaps {
    fn add(&mut self, from: u64, to: u64) {
        if self.kept.len() < MOST_GAPS {
            self.kept.insert(from, to);
        } else {
            self.left_out += 1;
            self.numbers_left_out = self.numbers_left_out.saturating_add(length(from, to));
        }
    }

    /// Takes `number` out; whether it was in a gap.
    fn fill(&mut self, number: u64) -> bool {
        let gap = self.kept.range(..=number).next_back().map(|(from, to)| (*from, *to));
        let Some((from, to)) = gap.filter(|(_, to)| *to >= number) else { return false };
        self.kept.remove(&from);
        if from < number {
            self.add(from, number - 1);
        }
        if number < to {
            self.add(number + 1, to);
        }
        true
    }

    fn has(&self, number: u64) -> bool {
        self.kept.range(..=number).next_back().is_some_and(|(_, to)| *to >= number)
    }

    /// How many numbers there are.
    fn numbers(&self) -> u64 {
        let lengths = self.kept.iter().map(|(from, to)| length(*from, *to));
        lengths.fold(self.numbers_left_out, u64::saturating_add)
    }
}

const fn length(from: u64, to: u64) -> u64 {
    (to - from).saturating_add(1)
}

/// Where a line stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// Behind all that have a lower number.
    Due,
    /// Behind one with a higher number.
    Late,
    /// A second time.
    Again,
}

/// What the export's end counts, as its lines have it.
#[derive(Default)]
struct Tally {
    /// Calls, each line number once.
    calls: u64,
    /// Commits that those calls are said to have.
    commits: u64,
}

impl Judge<'_> {
    fn say(&mut self, finding: Finding) {
        self.counts.findings += 1;
        (self.found)(finding);
    }

    fn line(&mut self, line: JudgedLine) {
        let physical = line.physical;
        let Content { number, intact, canonical, what } = match line.content {
            Ok(content) => content,
            Err(why) => {
                self.unread += 1;
                self.counts.unreadable_lines += 1;
                let cut = if line.whole { "" } else { "; the file ends within it" };
                return self.say(Finding::new(Kind::Unreadable, format!("{why}{cut}")).in_line(physical));
            }
        };
        let before = self.counts.findings;
        let place = self.place(physical, if intact { number } else { self.due.saturating_add(self.unread) });
        if self.end.is_some() && place == Place::Due {
            self.say(Finding::new(Kind::OutOfOrder, "it stands behind the export's end").in_line(physical));
        }
        let mut call_id = None;
        match what {
            What::Header(_) if number != 0 => {
                self.say(Finding::new(Kind::OutOfOrder, "a head stands within the export").in_line(physical));
            }
            What::Header(header) => {
                self.has_head = true;
                if let Some(wrong) = self.together.head(header) {
                    self.say(wrong.in_line(physical));
                }
            }
            What::Call(call) => call_id = Some(self.call(physical, call, place)),
            What::End(end) => self.end = Some(end),
        }
        if let Some(why) = wrong_form_of(intact, canonical).filter(|_| self.counts.findings == before) {
            self.say(Finding { call_id, ..Finding::new(Kind::Changed, why).in_line(physical) });
        }
        if !line.whole {
            self.say(Finding::new(Kind::Missing, "the newline at its end").in_line(physical));
        }
    }

    /// Notes that line `number` stands here.
    fn place(&mut self, physical: u64, number: u64) -> Place {
        if number >= self.due {
            // Lines that could not be read were some of those before it.
            let first = self.due.saturating_add(self.unread);
            if number > first {
                self.absent.add(first, number - 1);
            }
            self.due = number.saturating_add(1);
            self.unread = 0;
            return Place::Due;
        }
        if !self.absent.fill(number) {
            let or_late = if self.absent.left_out == 0 { "" } else { ", or too late" };
            let why = format!("line {number} of the export stands there twice{or_late}");
            self.say(Finding::new(Kind::Forked, why).in_line(physical));
            return Place::Again;
        }
        let why = format!("this is line {number} of the export, and stands too late");
        self.say(Finding::new(Kind::OutOfOrder, why).in_line(physical));
        Place::Late
    }

    fn call(&mut self, physical: u64, call: JudgedCall, place: Place) -> String {
        let JudgedCall { call_id, at, last, with_personal, judged } = call;
        for finding in judged.findings {
            self.say(finding.in_line(physical));
        }
        self.counts.calls += 1;
        self.counts.commits += judged.counts.commits;
        self.counts.proven += judged.counts.proven;
        self.counts.receipts += judged.counts.receipts;
        if place != Place::Again {
            self.tally.calls += 1;
            self.tally.commits = self.tally.commits.saturating_add(last);
        }
        let neighbour = Neighbour { call_id: &call_id, at, span: judged.span.as_ref(), with_personal };
        for finding in self.together.call(neighbour, place == Place::Due) {
            self.say(finding.in_line(physical));
        }
        call_id
    }

    /// What only the end shows.
    fn ended(&mut self) {
        // Where its line is lost, or cannot be read, that is said of the line.
        if !self.has_head && !self.absent.has(0) && self.counts.unreadable_lines == 0 {
            let why = "the export's head, which says of which days and tenants it holds all calls";
            self.say(Finding::new(Kind::Missing, why));
        }
        let absent = std::mem::take(&mut self.absent);
        let lost = absent.numbers();
        for (from, to) in absent.kept {
            let which = if from == to { format!("line {from}") } else { format!("lines {from} to {to}") };
            self.say(Finding::new(Kind::Missing, format!("{which} of the export, counted from 0, is not there")));
        }
        if absent.left_out > 0 {
            let why = format!("lines of the export are not there in {} more places", absent.left_out);
            self.say(Finding::new(Kind::Missing, why));
        }
        let Some(end) = self.end else {
            let why = "the export's end: it was cut off, or never finished";
            return self.say(Finding::new(Kind::Missing, why));
        };
        self.count(end, lost.saturating_add(self.counts.unreadable_lines));
    }

    /// Holds the count at the end against the lines. Who removes a call and numbers the lines anew is betrayed by it. `named` lines
    /// were lost or cannot be read: they have been named already, and each may have been a call.
    fn count(&mut self, end: End, named: u64) {
        let Tally { calls, commits } = self.tally;
        let fits = if named == 0 {
            (end.calls, end.commits) == (calls, commits)
        } else {
            (calls..=calls.saturating_add(named)).contains(&end.calls) && end.commits >= commits
        };
        if fits {
            return;
        }
        let (kind, than) =
            if (end.calls, end.commits) > (calls, commits) { (Kind::Missing, "fewer") } else { (Kind::Forked, "more") };
        let why = format!(
            "the export's end counts {} calls with {} commits, and there are {than}: {calls} with {commits}",
            end.calls, end.commits
        );
        self.say(Finding::new(kind, why));
    }
}
