//! One call: are its commits what was written, all there, one after the other; could each be decided; was it told?

use std::borrow::Cow;

use ilock_call::{CALLEES, Call, decide};
use ilock_events::{CallEvent, CallId, Command, Day, Hash, Millis, RoomId, TenantId};
use ilock_notify::Step;

use crate::verify::commit::{self, CheckedCommit, CommitView, stored_events};
use crate::verify::deliveries::DeliveryCheck;
use crate::verify::place;
use crate::verify::receipt::{self, ReceiptView};
use crate::verify::strict::is_canonical;
use crate::verify::{beside, form, order, personal, times};
use crate::{CallLine, Counts, Finding, Findings, Kind};

/// What became of judging a call.
#[derive(Debug, Default)]
pub struct Judged {
    /// What is wrong with it.
    pub findings: Vec<Finding>,
    /// What was looked at.
    pub counts: Counts,
    /// What other calls are held against; none where its first commit cannot be read.
    pub span: Option<Span>,
}

/// For how long a call had its room, and whose it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Span {
    pub tenant: TenantId,
    pub room: RoomId,
    pub from: Millis,
    /// Its end; of a call that is not over, the end at the latest.
    pub until: Millis,
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
    call_in(&mut Room::default(), line, Views::of(line), as_of)
}

/// What was read of a call's items: of each in its place, where it is written as we write it.
pub(crate) struct Views<'a> {
    pub(crate) commits: Vec<Option<CommitView<'a>>>,
    pub(crate) receipts: Vec<Option<ReceiptView<'a>>>,
}

impl<'a> Views<'a> {
    pub(crate) fn of(line: &CallLine<'a>) -> Self {
        Self {
            commits: line.commits.iter().map(|raw| commit::read(raw)).collect(),
            receipts: line.receipts.iter().map(|raw| receipt::read(raw)).collect(),
        }
    }
}

pub(crate) fn call_in(room: &mut Room, line: &CallLine<'_>, views: Views<'_>, as_of: Millis) -> Judged {
    let Room { scratch, expected } = std::mem::take(room);
    let findings = Findings::of_a_call();
    let mut judge = Judge { judged: Judged::default(), findings, scratch, expected, as_of, cut: false, texts: vec![] };
    judge.call(line, views);
    let Judge { mut judged, findings, scratch, expected, .. } = judge;
    *room = Room { scratch, expected };
    judged.findings = findings.told();
    for finding in &mut judged.findings {
        finding.call_id = Some(line.call_id.to_string());
    }
    judged.counts.calls = 1;
    judged.counts.findings = count(judged.findings.len());
    judged
}

struct Judge {
    judged: Judged,
    findings: Findings,
    scratch: Vec<u8>,
    expected: Vec<u8>,
    as_of: Millis,
    /// Whether a commit before is not what it was, so that nobody knows the state.
    cut: bool,
    /// The personal text that commits name, and until which day each is kept.
    texts: Vec<(u32, Hash, Day)>,
}

fn count(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}

impl Judge {
    fn found(&mut self, kind: Kind, n: u32, why: impl Into<String>) {
        self.findings.push(Finding::at(kind, n, why));
    }

    fn call<'a>(&mut self, line: &CallLine<'a>, views: Views<'a>) {
        self.judged.counts.commits = count(line.commits.len());
        self.judged.counts.receipts = count(line.receipts.len());
        let Ok(call_id) = CallId::new(line.call_id.as_ref()) else {
            self.findings.push(Finding::new(Kind::Changed, "its name is no call id"));
            return;
        };
        let mut place = 0_u32;
        let mut commits = Vec::with_capacity(line.commits.len());
        for (raw, view) in line.commits.iter().zip(views.commits) {
            let seen = commit::see(raw, view, place.saturating_add(1), &mut self.scratch);
            place = seen.n;
            commits.push(seen);
        }
        self.each(&call_id, &commits);
        let receipts = self.receipts(&line.receipts, views.receipts);
        let last_told = receipts.iter().map(|receipt| receipt.n.0).max().unwrap_or_default();
        let findings = &mut self.findings;
        let mut commits = order::in_order(commits, line.last, last_told, findings);
        order::chain(&call_id, &commits, findings);
        let mut deliveries = DeliveryCheck::new(&receipts, self.as_of);
        let call = self.decide(&call_id, line.at, &mut commits, &mut deliveries);
        let findings = &mut self.findings;
        let whole = !findings.lost();
        times::judge(&commits, self.as_of, findings);
        if whole {
            findings.extend(times::judge_end(&call, self.as_of));
        }
        findings.append(deliveries.findings(call.placed.as_ref()));
        self.beside(line, whole, &call);
        self.span(&call, &commits);
    }

    /// What stands beside the commits, but for receipts.
    fn beside(&mut self, line: &CallLine<'_>, whole: bool, call: &Call) {
        let findings = &mut self.findings;
        let placed = call.placed.as_ref();
        beside::alerts(&line.alerts, placed, self.as_of, findings);
        let all_named = whole && !times::timer_may_come(call, self.as_of);
        let texts = personal::judge(line, all_named, findings);
        let marks = beside::forgotten(&line.forgotten, placed, self.as_of, findings);
        if line.personal.is_some() {
            let there = |digest: &str| texts.contains(digest) || marks.contains(digest);
            personal::judge_gone(&self.texts, there, self.as_of, findings);
        }
    }

    /// For how long it had its room.
    fn span(&mut self, call: &Call, commits: &[CheckedCommit<'_>]) {
        let Some(placed) = &call.placed else { return };
        let last = commits.last().and_then(|seen| seen.view.as_ref()).map_or(placed.at, |view| view.at);
        self.judged.span = Some(Span {
            tenant: placed.tenant.clone(),
            room: placed.terms.room_id,
            from: placed.at,
            until: times::ends_by(call).unwrap_or(last),
        });
    }

    /// Each commit by itself: its hash, its form, its call.
    fn each(&mut self, call_id: &CallId, commits: &[CheckedCommit<'_>]) {
        for seen in commits {
            let n = seen.n;
            match &seen.view {
                None if seen.sound && !seen.canonical => self.found(Kind::Changed, n, format!("it {NOT_CANONICAL}")),
                None if seen.sound => self.found(Kind::Unreadable, n, &*seen.why),
                None => self.found(Kind::Changed, n, format!("it is no commit any more: {}", seen.why)),
                Some(_) if !seen.sound => self.found(Kind::Changed, n, "its hash is not that of its content"),
                Some(view) if view.call_id != call_id.as_str() => {
                    self.found(Kind::Changed, n, format!("this is a commit of call {}", view.call_id));
                }
                Some(_) if !seen.canonical => self.found(Kind::Changed, n, format!("it {NOT_CANONICAL}")),
                Some(_) => {}
            }
        }
    }

    /// Decides each command again, as far as the state before it is known, and has `deliveries` judge who was told of it.
    /// Answers the call as its last commit left it.
    fn decide(
        &mut self,
        call_id: &CallId,
        at: Millis,
        commits: &mut [CheckedCommit<'_>],
        deliveries: &mut DeliveryCheck<'_, '_>,
    ) -> Call {
        let mut call = Call::new(call_id.clone());
        let mut due = 1;
        for seen in commits {
            self.cut |= seen.n != due;
            due = seen.n.saturating_add(1);
            let own = |view: &&mut CommitView<'_>| seen.sound && view.call_id == call_id.as_str();
            let Some(view) = seen.view.as_mut().filter(own) else {
                self.cut = true;
                continue;
            };
            if seen.n == 1 && view.at != at {
                self.found(Kind::Changed, 1, format!("the call is said to be placed at {at}, not at {}", view.at));
            }
            let known = self.findings.count();
            match self.decide_one(&mut call, view, deliveries) {
                Ok(()) => {
                    let wrong = self.findings.count() > known || self.cut || !view.canonical;
                    self.judged.counts.proven += u64::from(!wrong);
                }
                Err(why) => {
                    // What is not in the form that is hashed has been named so.
                    if view.canonical {
                        self.found(Kind::Unreadable, seen.n, why);
                    }
                    self.cut = true;
                }
            }
        }
        call
    }

    /// Decides one commit's command again, and folds what it says.
    fn decide_one(
        &mut self,
        call: &mut Call,
        view: &mut CommitView<'_>,
        deliveries: &mut DeliveryCheck<'_, '_>,
    ) -> Result<(), String> {
        let n = view.n.0;
        let command = view.take_command()?;
        let tenant = match &call.placed {
            Some(placed) if placed.tenant.as_str() == view.tenant => placed.tenant.clone(),
            placed => {
                if placed.is_some() {
                    self.found(Kind::ImpossibleDecision, n, format!("it is of another tenant, {}", view.tenant));
                }
                TenantId::new(view.tenant).map_err(|bad| bad.to_string())?
            }
        };
        let events = if self.cut { self.stored(view)? } else { self.again(call, &command, view)? };
        for event in &events {
            call.apply(event, &command, view.at, &tenant);
        }
        if !self.cut && call.state() != Some(view.state) {
            let leads = call.state().map_or("nothing", ilock_events::CallState::word);
            let why = format!("it names the state {}, but its events lead to {leads}", view.state.word());
            self.found(Kind::ImpossibleDecision, n, why);
        }
        let text = events.iter().find_map(CallEvent::personal);
        match (text, &view.personal_until) {
            (Some(digest), Some(until)) => {
                self.texts.push((n, digest.clone(), until.clone()));
                let made = Day::of(view.at);
                if *until <= made || *until > made.plus(MOST_PERSONAL_DAYS) {
                    let why = format!("it was made on {made}, and no setting keeps its personal text until {until}");
                    self.found(Kind::ImpossibleDecision, n, why);
                }
            }
            (None, None) => {}
            (Some(_), None) => {
                let why = "it names personal text, and no day until which that is kept";
                self.found(Kind::ImpossibleDecision, n, why);
            }
            (None, Some(_)) => {
                let why = "it names a day until which personal text is kept, and no such text";
                self.found(Kind::ImpossibleDecision, n, why);
            }
        }
        // Who was to be told hangs on how the call stood, and behind a cut nobody knows that.
        if !self.cut {
            let step = Step { at: view.at, state: view.state, actor: &command.actor };
            deliveries.judge(n, step, &events, call.placed.as_ref());
        }
        call.committed(command, (view.n, view.hash.to_owned()));
        Ok(())
    }

    /// What the commit says happened, after holding it against what follows from its command.
    fn again(&mut self, call: &Call, command: &Command, view: &mut CommitView<'_>) -> Result<Vec<CallEvent>, String> {
        let kind = view.kind;
        let why = match decide(call, command, view.at) {
            Ok(events) if events.is_empty() => format!("{kind} had been done before, and leads to nothing"),
            Ok(events) => {
                form::write(&mut self.expected, &events);
                if self.expected == view.events.as_bytes() {
                    return Ok(events);
                }
                let stands = self.stored(view)?;
                if stands == events {
                    return Ok(events);
                }
                let names = |events: &[CallEvent]| -> Vec<String> { events.iter().map(|e| e.stored().name).collect() };
                let (leads, stands) = (say(&names(&events)), say(&names(&stands)));
                if leads == stands {
                    format!("{kind} leads to {leads} with other fields")
                } else {
                    format!("{kind} leads to {leads}, not to {stands}")
                }
            }
            Err(refusal) => format!("{kind} would have been refused: {refusal}"),
        };
        self.found(Kind::ImpossibleDecision, view.n.0, why);
        self.stored(view)
    }

    /// The events as they stand there, which are not those that were expected.
    fn stored(&mut self, view: &mut CommitView<'_>) -> Result<Vec<CallEvent>, String> {
        if view.canonical && !is_canonical(view.events) {
            view.canonical = false;
            self.found(Kind::Changed, view.n.0, format!("it {NOT_CANONICAL}"));
        }
        let events = stored_events(view.events)?;
        // Everything that follows asks for each of them.
        let rung =
            |event: &CallEvent| matches!(event, CallEvent::CallPlaced(placed) if placed.callees.len() > MOST_RUNG);
        if events.iter().any(rung) {
            return Err(format!("it rings more than {MOST_RUNG} people"));
        }
        Ok(events)
    }

    fn receipts<'a>(&mut self, raw: &[&'a str], views: Vec<Option<ReceiptView<'a>>>) -> Vec<ReceiptView<'a>> {
        let mut receipts = Vec::with_capacity(raw.len());
        place::doubled(raw, "receipt", &mut self.findings);
        for ((place, raw), view) in (1..).zip(raw).zip(views) {
            let raw = match view {
                Some(_) => Cow::Borrowed(*raw),
                None => place::in_place(raw, format_args!("receipt {place}"), &mut self.findings),
            };
            match receipt::see(&raw, view) {
                (Ok(receipt), canonical) => {
                    if !canonical {
                        self.found(Kind::Changed, receipt.n.0, format!("receipt {place} {NOT_CANONICAL}"));
                    }
                    receipts.push(receipt);
                }
                (Err(error), _) => {
                    let why = format!("receipt {place}: {error}");
                    self.findings.push(Finding::new(Kind::Unreadable, why));
                }
            }
        }
        // Of the rounds of one commit none says which it was.
        place::unordered(receipts.iter().map(|receipt| receipt.n), "receipt", &mut self.findings);
        receipts
    }
}

/// For how many days an operator may keep personal text at most; one at least.
const MOST_PERSONAL_DAYS: u32 = 36_500;

/// How many people a call rings at most.
const MOST_RUNG: usize = *CALLEES.end();

const NOT_CANONICAL: &str = "is not written in the form of RFC 8785, which is what is hashed";

fn say(names: &[String]) -> String {
    if names.is_empty() { "nothing".into() } else { names.join(", ") }
}
