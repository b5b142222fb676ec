//! Who is told what, and until when. A table, written as a function. What is due is said without a word of text, so that an
//! auditor can ask for every commit of years of calls; [`crate::notices`] puts it into words.

use std::fmt;

use ilock_call::Placed;
use ilock_events::{
    Actor, Address, Busy, CallEvent, CallState, Callee, Carrier, ClientName, ControlAction, Millis, PartyAddress,
    PartyId, PartyKind, Side, TenantId, topics,
};

/// How long the caller's outcome message stays valid: a door station that lost its connection for a moment still learns
/// how its call went.
const OUTCOME_MS: i64 = 60_000;

/// How long a phone may still hear by MQTT that the ringing is over: a phone that was away must not hear of it when it
/// returns. MQTT counts in seconds, so this is the least there is.
const A_MOMENT_MS: i64 = 1_000;

/// How long a phone that may still ring is told that the call is over.
const OVER_MS: i64 = 5_000;

/// How long a push service keeps "missed" for a phone that is off.
const MISSED_KEPT_MS: i64 = 24 * 60 * 60 * 1000;

/// What the table asks of a commit, besides its events.
#[derive(Debug, Clone, Copy)]
pub struct Step<'a> {
    /// When it was made.
    pub at: Millis,
    /// Where the call stands after it.
    pub state: CallState,
    /// Who brought it about.
    pub actor: &'a Actor,
}

/// One message to one party, not yet in words.
#[derive(Debug, Clone, PartialEq)]
pub struct Due<'a> {
    /// Its place among what is due because of its commit. A place may be empty.
    pub index: u32,
    /// Who is told.
    pub to: Recipient<'a>,
    /// What they are told.
    pub what: What<'a>,
    /// From then on it is not delivered.
    pub expires_at: Millis,
    /// Only once one of these others has been handed over; at once where there is none.
    pub after: Vec<u32>,
}

/// A party that is told something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Recipient<'a> {
    /// A person or a door station.
    pub kind: PartyKind,
    pub id: &'a PartyId,
}

/// What a party is told.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum What<'a> {
    Incoming(&'a Callee),
    /// To the caller: what becomes of the call that they placed.
    Outcome(ControlAction),
    /// To others: what becomes of the call.
    Control(ControlAction),
    /// What another phone of the same person did.
    Sync(ControlAction),
    /// By push, to the person's phones.
    Push {
        push: WhyPush<'a>,
        /// How long a push service keeps it for a phone that it cannot reach.
        kept_until: Millis,
    },
}

/// Why a person's phones are woken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WhyPush<'a> {
    Rings {
        /// Whether the person is in another call.
        waiting: bool,
    },
    /// The call no longer rings.
    Over {
        /// The phone that brought it about and need not be told, where one did and said which it is.
        by: Option<&'a ClientName>,
        /// Whether the phone shows that somebody had called; else nothing is shown.
        missed: bool,
    },
    Missed,
}

impl WhyPush<'_> {
    /// Whether the phone shows who calls, or called.
    #[must_use]
    pub const fn shows_caller(self) -> bool {
        !matches!(self, Self::Over { missed: false, .. })
    }
}

impl<'a> Recipient<'a> {
    const fn person(id: &'a PartyId) -> Self {
        Self { kind: PartyKind::User, id }
    }

    /// The party that `actor` is; none for timer and system.
    const fn of(actor: &'a Actor) -> Option<Self> {
        match actor {
            Actor::User { id, .. } => Some(Self::person(id)),
            Actor::Device { id } => Some(Self { kind: PartyKind::Device, id }),
            Actor::Timer | Actor::System => None,
        }
    }

    /// Where it is found.
    #[must_use]
    pub fn address(self, tenant: &TenantId) -> PartyAddress {
        PartyAddress { kind: self.kind, address: Address::of(tenant, self.kind, self.id) }
    }
}

impl Due<'_> {
    /// The recipient, whose address is `address`, as the receipt names it.
    #[must_use]
    pub const fn target<'t>(&self, address: &'t Address) -> Target<'t> {
        let leaf = match self.what {
            What::Incoming(_) => topics::INCOMING,
            What::Outcome(_) | What::Control(_) => topics::CONTROL,
            What::Sync(_) => topics::SYNC,
            What::Push { .. } => return Target::push(address),
        };
        Target { root: topics::root(self.to.kind), address, leaf }
    }

    /// The carrier, as the receipt names it.
    #[must_use]
    pub const fn carrier(&self) -> Carrier {
        if matches!(self.what, What::Push { .. }) { Carrier::Push } else { Carrier::Mqtt }
    }

    /// Whether it tells of a call that rings: once that is answered or over, it is not told any more.
    #[must_use]
    pub const fn rings(&self) -> bool {
        matches!(self.what, What::Incoming(_) | What::Push { push: WhyPush::Rings { .. }, .. })
    }
}

/// Whom a notice goes to, as the receipt names it: an MQTT topic; of a push, a person's phones.
#[derive(Debug, Clone, Copy)]
pub struct Target<'a> {
    root: &'static str,
    address: &'a Address,
    leaf: &'static str,
}

impl<'a> Target<'a> {
    /// The phones of the person at `address`.
    #[must_use]
    pub const fn push(address: &'a Address) -> Self {
        Self { root: topics::root(PartyKind::User), address, leaf: "push" }
    }

    /// Whether `text` names it.
    #[must_use]
    pub fn is(&self, text: &str) -> bool {
        let rest = text.strip_prefix(self.root).and_then(|rest| rest.strip_prefix('/'));
        let rest = rest.and_then(|rest| rest.strip_prefix(self.address.as_str()));
        rest.and_then(|rest| rest.strip_prefix('/')) == Some(self.leaf)
    }
}

impl fmt::Display for Target<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", self.root, self.address, self.leaf)
    }
}

/// What is to be told because of the commit `step`, in which `events` happened. `call` is the call as of exactly that commit,
/// so that every try makes the same notices.
#[must_use]
pub fn due<'a>(events: &'a [CallEvent], step: Step<'a>, call: &'a Placed) -> Vec<Due<'a>> {
    let mut table = Table { call, step, due: Vec::with_capacity(4), next: 0 };
    for event in events {
        table.on_event(event);
    }
    table.due
}

struct Table<'a> {
    call: &'a Placed,
    step: Step<'a>,
    due: Vec<Due<'a>>,
    /// The place of what comes next.
    next: u32,
}

impl<'a> Table<'a> {
    fn on_event(&mut self, event: &'a CallEvent) {
        let at = self.step.at;
        let outcome = at.plus(OUTCOME_MS);
        match event {
            CallEvent::CallPlaced(_) => self.placed(),
            CallEvent::CallAlerted(_) => self.tell_caller(ControlAction::Alerted, self.call.terms.deadline, vec![]),
            CallEvent::CallDeclined(declined) => {
                self.sync(&declined.callee, ControlAction::Declined, self.while_it_rang());
                self.nobody_takes_it();
            }
            // Their setting did it as the call was placed: their phones never rang.
            CallEvent::CallRejected(_) if self.by_caller() => self.nobody_takes_it(),
            CallEvent::CallRejected(rejected) => {
                self.sync(&rejected.callee, ControlAction::Rejected, self.while_it_rang());
                self.silence(&rejected.callee);
                self.nobody_takes_it();
            }
            CallEvent::CallAccepted(_) => {
                self.tell_caller(ControlAction::Accepted, outcome, vec![]);
                for callee in rung(self.call) {
                    self.sync(&callee.id, ControlAction::Accepted, self.while_it_rang());
                    self.silence(&callee.id);
                }
            }
            CallEvent::CallCancelled(_) => {
                self.own_side(ControlAction::Cancelled, outcome);
                for callee in rung(self.call) {
                    self.control(Recipient::person(&callee.id), ControlAction::Cancelled, self.while_it_rang());
                    self.silence_as_missed(&callee.id);
                }
            }
            CallEvent::CallMissed(_) => {
                self.tell_caller(ControlAction::Timeout, outcome, vec![]);
                for callee in rung(self.call) {
                    self.control(Recipient::person(&callee.id), ControlAction::Cancelled, at.plus(A_MOMENT_MS));
                    self.wake(&callee.id, WhyPush::Missed, outcome, at.plus(MISSED_KEPT_MS));
                }
            }
            CallEvent::CallEnded(ended) => self.ended(ended.by, outcome),
            CallEvent::CallFailed(_) => {
                self.tell_caller(ControlAction::Hangup, outcome, vec![]);
                for callee in rung(self.call) {
                    self.control(Recipient::person(&callee.id), ControlAction::Hangup, self.while_it_rang());
                    self.silence(&callee.id);
                }
            }
        }
    }

    /// A blocked caller is told what a caller of somebody out of reach is, under the same message ids: the message for the
    /// phones of who has blocked them has its place, and is not made.
    fn placed(&mut self) {
        let call = self.call;
        let deadline = call.terms.deadline;
        let mut incoming = vec![];
        for callee in in_the_call(call) {
            if callee.has_blocked() {
                self.take_place();
            } else {
                incoming.push(self.push(Recipient::person(&callee.id), What::Incoming(callee), deadline, vec![]));
            }
        }
        if in_the_call(call).next().is_none() {
            return;
        }
        self.tell_caller(ControlAction::Ringing, deadline, incoming.clone());
        if !rung(call).any(|callee| callee.reachable) {
            self.tell_caller(ControlAction::Unreachable, deadline, incoming);
        }
        for callee in rung(call) {
            let waiting = callee.busy == Some(Busy::Waiting);
            self.wake(&callee.id, WhyPush::Rings { waiting }, deadline, deadline);
        }
    }

    fn ended(&mut self, by: Side, outcome: Millis) {
        if by != Side::Caller {
            self.tell_caller(ControlAction::Hangup, outcome, vec![]);
        }
        let answer = self.call.answer.as_ref();
        let Some(answerer) = answer.and_then(|answer| Recipient::of(&answer.by)) else { return };
        if by == Side::Callee {
            self.sync(answerer.id, ControlAction::Hangup, outcome);
        } else {
            self.control(answerer, ControlAction::Hangup, outcome);
        }
        if by == Side::Caller {
            self.own_side(ControlAction::Hangup, outcome);
        }
    }

    fn by_caller(&self) -> bool {
        Recipient::of(self.step.actor) == Some(self.caller())
    }

    fn caller(&self) -> Recipient<'a> {
        let caller = &self.call.terms.caller;
        Recipient { kind: caller.kind, id: &caller.id }
    }

    /// Where nobody who was called takes the call any more, the caller is told, and so is every phone of those whose
    /// phones only declined: one may have come after the call was placed, and still ring.
    fn nobody_takes_it(&mut self) {
        let told = |due: &Due<'_>| due.what == What::Outcome(ControlAction::Rejected);
        if self.step.state != CallState::Rejected || self.due.iter().any(told) {
            return;
        }
        self.tell_caller(ControlAction::Rejected, self.step.at.plus(OUTCOME_MS), vec![]);
        for callee in rung(self.call) {
            self.sync(&callee.id, ControlAction::Rejected, self.while_it_rang());
            self.silence(&callee.id);
        }
    }

    /// Until when a phone that may ring is told by MQTT that it need not: no longer than it would have rung.
    fn while_it_rang(&self) -> Millis {
        self.call.terms.deadline.max(self.step.at.plus(A_MOMENT_MS))
    }

    /// The phones of `callee` that may still ring fall silent; the one that acted knows.
    fn silence(&mut self, callee: &'a PartyId) {
        let until = self.call.terms.deadline.max(self.step.at.plus(OVER_MS));
        self.wake(callee, WhyPush::Over { by: self.step.actor.client(), missed: false }, until, until);
    }

    /// The same where the caller gave up: the phones also show that somebody had called.
    fn silence_as_missed(&mut self, callee: &'a PartyId) {
        let kept = self.step.at.plus(MISSED_KEPT_MS);
        self.wake(callee, WhyPush::Over { by: None, missed: true }, self.step.at.plus(OUTCOME_MS), kept);
    }

    fn wake(&mut self, callee: &'a PartyId, push: WhyPush<'a>, expires_at: Millis, kept_until: Millis) {
        self.push(Recipient::person(callee), What::Push { push, kept_until }, expires_at, vec![]);
    }

    fn tell_caller(&mut self, action: ControlAction, expires_at: Millis, after: Vec<u32>) {
        self.push(self.caller(), What::Outcome(action), expires_at, after);
    }

    fn control(&mut self, to: Recipient<'a>, action: ControlAction, expires_at: Millis) {
        self.push(to, What::Control(action), expires_at, vec![]);
    }

    /// The caller's own other phones, where the caller is a person: one of them gave up or hung up.
    fn own_side(&mut self, action: ControlAction, expires_at: Millis) {
        let caller = self.caller();
        if caller.kind == PartyKind::User {
            self.sync(caller.id, action, expires_at);
        }
    }

    fn sync(&mut self, to: &'a PartyId, action: ControlAction, expires_at: Millis) {
        self.push(Recipient::person(to), What::Sync(action), expires_at, vec![]);
    }

    fn push(&mut self, to: Recipient<'a>, what: What<'a>, expires_at: Millis, after: Vec<u32>) -> u32 {
        let index = self.take_place();
        self.due.push(Due { index, to, what, expires_at, after });
        index
    }

    fn take_place(&mut self) -> u32 {
        let place = self.next;
        self.next = place.saturating_add(1);
        place
    }
}

/// Whoever was called and has not been left out by their own setting or word.
fn rung(call: &Placed) -> impl Iterator<Item = &Callee> {
    in_the_call(call).filter(|callee| !callee.has_blocked())
}

/// The same, with those who have blocked the caller.
fn in_the_call(call: &Placed) -> impl Iterator<Item = &Callee> {
    call.terms.callees.iter().filter(|callee| !call.rejected.contains_key(&callee.id))
}
