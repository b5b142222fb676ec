//! One call: are its commits what was written, all there, one after the other; could each be decided; was it told?

use std::collections::{BTreeMap, BTreeSet};

use ilock_call::{Call, decide};
use ilock_events::{CallEvent, CallId, Command, Forgotten, Millis, StoredEvent, TenantId};
use ilock_notify::Notice;
use ilock_proof::first_prev;
use serde_json::value::RawValue;

use crate::verify::commit::{CheckedCommit, CommitView, see};
use crate::verify::personal::PersonalView;
use crate::verify::told::ReceiptView;
use crate::verify::{form, told};
use crate::{CallLine, Counts, Finding, Kind};

/// What became of judging a call.
#[derive(Debug, Default)]
pub struct Judged {
    /// What is wrong with it.
    pub findings: Vec<Finding>,
    /// What was looked at.
    pub counts: Counts,
}

/// Room to work in, kept from call to call: to ask for it anew costs more than to hash a commit.
#[derive(Debug, Default)]
pub(crate) struct Room {
    scratch: Vec<u8>,
    expected: Vec<u8>,
}

/// Judges one call. Who could still be told at `as_of` is not missed yet.
#[must_use]
pub fn call(line: &CallLine<'_>, as_of: Millis) -> Judged {
    call_in(&mut Room::default(), line, as_of)
}

pub(crate) fn call_in(room: &mut Room, line: &CallLine<'_>, as_of: Millis) -> Judged {
    let Room { scratch, expected } = std::mem::take(room);
    let mut judge = Judge { judged: Judged::default(), scratch, expected, as_of, cut: false };
    judge.call(line);
    let Judge { mut judged, scratch, expected, .. } = judge;
    *room = Room { scratch, expected };
    for finding in &mut judged.findings {
        finding.call_id = Some(line.call_id.to_string());
    }
    judged.counts.calls = 1;
    judged.counts.findings = count(judged.findings.len());
    judged
}

struct Judge {
    judged: Judged,
    scratch: Vec<u8>,
    expected: Vec<u8>,
    as_of: Millis,
    /// Whether a commit before is not what it was, so that nobody knows the state.
    cut: bool,
}

fn count(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}

impl Judge {
    fn found(&mut self, kind: Kind, n: u32, why: impl Into<String>) {
        self.judged.findings.push(Finding::at(kind, n, why));
    }

    fn call(&mut self, line: &CallLine<'_>) {
        self.judged.counts.commits = count(line.commits.len());
        self.judged.counts.receipts = count(line.receipts.len());
        let Ok(call_id) = CallId::new(line.call_id.as_ref()) else {
            self.judged.findings.push(Finding::new(Kind::Changed, "its name is no call id"));
            return;
        };
        let mut place = 0;
        let mut commits = Vec::with_capacity(line.commits.len());
        for raw in &line.commits {
            let seen = see(raw, place + 1, &mut self.scratch);
            place = seen.n;
            commits.push(seen);
        }
        self.each(&call_id, &commits);
        let receipts = self.receipts(&line.receipts);
        let last_told = receipts.iter().map(|receipt| receipt.n.0).max().unwrap_or_default();
        let commits = self.in_order(commits, line.last, last_told);
        self.chain(&call_id, &commits);
        let told = self.decide(&call_id, line.at, &commits);
        told::judge(&told, &receipts, self.as_of, &mut self.judged.findings);
        self.personal(line.personal.as_deref().unwrap_or_default());
        self.forgotten(&line.forgotten);
    }

    /// Each commit by itself: its hash, its form, its call.
    fn each(&mut self, call_id: &CallId, commits: &[CheckedCommit<'_>]) {
        for seen in commits {
            let n = seen.n;
            match &seen.view {
                None if seen.sound => self.found(Kind::Unreadable, n, &*seen.why),
                None => self.found(Kind::Changed, n, format!("it is no commit any more: {}", seen.why)),
                Some(_) if !seen.sound => self.found(Kind::Changed, n, "its hash is not that of its content"),
                Some(view) if view.call_id != call_id.as_str() => {
                    self.found(Kind::Changed, n, format!("this is a commit of call {}", view.call_id));
                }
                Some(_) => {}
            }
        }
    }

    /// Puts the commits where they belong, one for each number, and says which stand elsewhere, twice, or nowhere.
    /// Receipts up to `told` show that there were commits up to there.
    fn in_order<'a>(
        &mut self,
        commits: Vec<CheckedCommit<'a>>,
        last: Option<u32>,
        told: u32,
    ) -> Vec<CheckedCommit<'a>> {
        let taken: BTreeSet<u32> = commits.iter().map(|seen| seen.n).collect();
        let mut kept = if taken.len() == commits.len() { commits } else { self.one_of_each(commits) };
        let mut highest = 0;
        for seen in &kept {
            if seen.n < highest {
                self.found(Kind::OutOfOrder, seen.n, format!("it stands behind commit {highest}"));
            }
            highest = highest.max(seen.n);
        }
        // A number out of all reason is no proof that so many commits are missing one by one.
        let due = highest.max(last.unwrap_or_default()).max(told);
        let mut missing: Vec<(u32, u32)> = vec![];
        let mut next = 1;
        for n in taken.iter().copied().chain([due.saturating_add(1)]) {
            if n > next {
                missing.push((next, n - 1));
            }
            next = n.saturating_add(1);
        }
        for (from, to) in missing {
            let what =
                if from == to { "it is not there".into() } else { format!("commits {from} to {to} are not there") };
            self.found(Kind::Missing, from, what);
        }
        if let Some(last) = last.filter(|last| highest > *last) {
            self.found(Kind::Forked, highest, format!("{last} is said to be the last commit"));
        }
        kept.sort_by_key(|seen| seen.n);
        kept
    }

    /// Of those that claim one number, the one to judge by: which the others continue, which continues the others, which
    /// stands in its place.
    fn one_of_each<'a>(&mut self, commits: Vec<CheckedCommit<'a>>) -> Vec<CheckedCommit<'a>> {
        let fits = |at: usize| {
            let Some(seen) = commits.get(at).filter(|seen| seen.sound) else { return 0 };
            let prev = seen.view.as_ref().map_or("", |view| view.prev);
            let continued = commits.iter().any(|other| names_prev(other, &seen.hash));
            let continues = commits.iter().any(|other| other.hash == prev);
            let before = at.checked_sub(1).and_then(|before| commits.get(before)).map_or(0, |before| before.n);
            1 + 4 * u8::from(continued) + 2 * u8::from(continues) + u8::from(before + 1 == seen.n)
        };
        let mut best: BTreeMap<u32, (usize, u8)> = BTreeMap::new();
        let mut twice: BTreeMap<u32, bool> = BTreeMap::new();
        for (at, seen) in commits.iter().enumerate() {
            let fit = fits(at);
            let chosen = best.entry(seen.n).or_insert((at, fit));
            if chosen.0 != at {
                *twice.entry(seen.n).or_insert(true) &= commits[chosen.0].hash == seen.hash;
            }
            if fit > chosen.1 {
                *chosen = (at, fit);
            }
        }
        for (n, same) in twice {
            self.found(Kind::Forked, n, if same { "it stands there twice" } else { "there are two of it" });
        }
        let chosen: BTreeSet<usize> = best.into_values().map(|(at, _)| at).collect();
        commits.into_iter().enumerate().filter(|(at, _)| chosen.contains(at)).map(|(_, seen)| seen).collect()
    }

    /// Whether each commit names the hash of the one before it.
    fn chain(&mut self, call_id: &CallId, commits: &[CheckedCommit<'_>]) {
        for pair in commits.windows(2) {
            let [before, seen] = pair else { continue };
            let Some(view) = seen.view.as_ref().filter(|_| seen.sound) else { continue };
            if before.sound && before.n.checked_add(1) == Some(seen.n) && view.prev != before.hash {
                self.found(Kind::Forked, seen.n, format!("it continues another commit {} than stands here", before.n));
            }
        }
        if let Some(CheckedCommit { n: 1, view: Some(view), sound: true, .. }) = commits.first()
            && view.prev != first_prev(call_id)
        {
            self.found(Kind::Forked, 1, "it does not begin at the hash of the call's id");
        }
    }

    /// Decides each command again, as far as the state before it is known. Answers what each commit says happened, for
    /// those who were to be told of it.
    fn decide<'a>(&mut self, call_id: &CallId, at: Millis, commits: &'a [CheckedCommit<'a>]) -> told::DueNotices<'a> {
        let mut told = told::DueNotices { call: Call::new(call_id.clone()), commits: vec![] };
        let mut due = 1;
        for seen in commits {
            self.cut |= seen.n != due;
            due = seen.n.saturating_add(1);
            let own = |view: &&CommitView<'_>| seen.sound && view.call_id == call_id.as_str();
            let Some(view) = seen.view.as_ref().filter(own) else {
                self.cut = true;
                continue;
            };
            if seen.n == 1 && view.at != at {
                self.found(Kind::Changed, 1, format!("the call is said to be placed at {at}, not at {}", view.at));
            }
            let known = self.judged.findings.len();
            match self.decide_one(&mut told.call, seen, view) {
                Ok(due) => {
                    let wrong = self.judged.findings.len() > known || self.cut;
                    self.judged.counts.proven += u64::from(!wrong);
                    // Who was to be told hangs on how the call stood, and from here on nobody knows that.
                    if !self.cut {
                        told.commits.push((view, due));
                    }
                }
                Err(why) => {
                    self.found(Kind::Unreadable, seen.n, why);
                    self.cut = true;
                }
            }
        }
        told
    }

    /// Decides one commit's command again, and folds what it says. Answers what was to be told because of it.
    fn decide_one(
        &mut self,
        call: &mut Call,
        seen: &CheckedCommit<'_>,
        view: &CommitView<'_>,
    ) -> Result<Result<Vec<Notice>, String>, String> {
        let n = seen.n;
        let command = view.command(&mut self.scratch)?;
        let tenant = match &call.placed {
            Some(placed) if placed.tenant.as_str() == view.tenant => placed.tenant.clone(),
            placed => {
                if placed.is_some() {
                    self.found(Kind::ImpossibleDecision, n, format!("it is of another tenant, {}", view.tenant));
                }
                TenantId::new(view.tenant).map_err(|bad| bad.to_string())?
            }
        };
        let events = if self.cut { stored(view.events)? } else { self.again(call, n, &command, view)? };
        for event in &events {
            call.apply(event, &command, view.at, &tenant);
        }
        if !self.cut && call.state() != Some(view.state) {
            let leads = call.state().map_or("nothing", ilock_events::CallState::word);
            let why = format!("it names the state {}, but its events lead to {leads}", view.state.word());
            self.found(Kind::ImpossibleDecision, n, why);
        }
        let has_text = events.iter().any(|event| event.personal().is_some());
        if has_text != view.personal_until.is_some() {
            let why = if has_text {
                "it names personal text, and no day until which that is kept"
            } else {
                "it names a day until which personal text is kept, and no such text"
            };
            self.found(Kind::ImpossibleDecision, n, why);
        }
        let due = told::due(call, view, &events);
        call.committed(command, (view.n, view.hash.to_owned()));
        Ok(due)
    }

    /// What the commit says happened, after holding it against what follows from its command.
    fn again(
        &mut self,
        call: &Call,
        n: u32,
        command: &Command,
        view: &CommitView<'_>,
    ) -> Result<Vec<CallEvent>, String> {
        let why = match decide(call, command, view.at) {
            Ok(events) if events.is_empty() => format!("{} had been done before, and leads to nothing", view.kind()),
            Ok(events) => {
                form::write(&mut self.expected, &events);
                if self.expected == view.events.get().as_bytes() {
                    return Ok(events);
                }
                let stands = stored(view.events)?;
                if stands == events {
                    return Ok(events);
                }
                let names = |events: &[CallEvent]| -> Vec<String> { events.iter().map(|e| e.stored().name).collect() };
                format!("{} leads to {}, not to {}", view.kind(), say(&names(&events)), say(&names(&stands)))
            }
            Err(refusal) => format!("{} would have been refused: {refusal}", view.kind()),
        };
        self.found(Kind::ImpossibleDecision, n, why);
        stored(view.events)
    }

    fn receipts<'a>(&mut self, raw: &[&'a str]) -> Vec<ReceiptView<'a>> {
        let mut receipts = Vec::with_capacity(raw.len());
        for (place, raw) in raw.iter().enumerate() {
            match serde_json::from_str::<ReceiptView<'_>>(raw) {
                Ok(receipt) => receipts.push(receipt),
                Err(error) => {
                    let why = format!("receipt {}: {error}", place + 1);
                    self.judged.findings.push(Finding::new(Kind::Unreadable, why));
                }
            }
        }
        receipts
    }

    fn personal(&mut self, raw: &[&str]) {
        for (place, raw) in raw.iter().enumerate() {
            let place = place + 1;
            let fits = match serde_json::from_str::<PersonalView<'_>>(raw).and_then(PersonalView::read) {
                Ok(personal) => personal.fits(),
                Err(error) => {
                    let why = format!("personal text {place}: {error}");
                    self.judged.findings.push(Finding::new(Kind::Unreadable, why));
                    continue;
                }
            };
            if !fits {
                let why = format!("personal text {place} does not have its digest");
                self.judged.findings.push(Finding::new(Kind::Changed, why));
            }
        }
    }

    /// A digest without text is as good as one with it, whether or not something says why. But what says so must be
    /// legible.
    fn forgotten(&mut self, raw: &[&str]) {
        for (place, raw) in raw.iter().enumerate() {
            if let Err(error) = serde_json::from_str::<Forgotten>(raw) {
                let why = format!("what says that text was forgotten, {}: {error}", place + 1);
                self.judged.findings.push(Finding::new(Kind::Unreadable, why));
            }
        }
    }
}

fn names_prev(seen: &CheckedCommit<'_>, hash: &str) -> bool {
    seen.sound && seen.view.as_ref().is_some_and(|view| view.prev == hash)
}

fn say(names: &[String]) -> String {
    if names.is_empty() { "nothing".into() } else { names.join(", ") }
}

fn stored(raw: &RawValue) -> Result<Vec<CallEvent>, String> {
    let events: Vec<StoredEvent> = serde_json::from_str(raw.get()).map_err(|error| format!("its events: {error}"))?;
    events.iter().map(|event| CallEvent::read(event).map_err(|unknown| unknown.to_string())).collect()
}
