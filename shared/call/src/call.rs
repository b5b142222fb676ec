//! What is known of a call: the sum of its commits.

use std::collections::{BTreeMap, BTreeSet};

use ilock_events::{
    Act, Actor, CallAlerted, CallEvent, CallId, CallPlaced, CallState, Callee, ClientName, Command, CommandId, Commit,
    CommitNo, Hash, Millis, Party, PartyId, PartyKind, Reason, TenantId, UnknownCommand, UnknownEvent,
};

/// A call, as far as its commits have been read.
#[derive(Debug, Clone, PartialEq)]
pub struct Call {
    pub id: CallId,
    /// What is known once it was placed.
    pub placed: Option<Placed>,
    /// The last commit read; none before the first.
    pub head: Option<(CommitNo, Hash)>,
    /// Every command that led to a commit, by its key and by who gave it.
    done: BTreeMap<CommandId, BTreeMap<Actor, Act>>,
}

/// A placed call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Placed {
    /// Whose call it is.
    pub tenant: TenantId,
    /// The terms on which it was placed: who, whom, which room, until when.
    pub terms: CallPlaced,
    /// The key of the request that placed it.
    pub request: CommandId,
    /// When it was placed.
    pub at: Millis,
    /// Where it stands.
    pub state: CallState,
    /// Who brought it there; none where nobody did, because a callee's own setting refused the call as it was placed.
    pub winner: Option<Actor>,
    /// Who answered it, and when.
    pub answer: Option<Answer>,
    /// Why it ended, once it has.
    pub reason: Option<Reason>,
    /// Whose phone was the first to confirm that it rings.
    pub alerted: Option<CallAlerted>,
    /// Whose part in it was rejected, and by whom; by nobody where their own setting refused it as it was placed.
    pub rejected: BTreeMap<PartyId, Option<Actor>>,
    /// Which clients have declined it.
    pub declined: BTreeSet<ClientName>,
}

/// The answer to a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The person who answered, by which phone.
    pub by: Actor,
    pub at: Millis,
}

/// Commits that do not add up.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BrokenLog {
    /// A commit is missing, or stands twice.
    #[error("commit {found} follows where {expected} was due")]
    Gap {
        /// What was due.
        expected: CommitNo,
        /// What stood there.
        found: CommitNo,
    },
    /// A commit does not chain to the one before.
    #[error("commit {0} does not chain to the one before it")]
    Chain(CommitNo),
    /// A commit's hash is not that of its content.
    #[error("commit {0} does not have the hash of its content")]
    Hash(CommitNo),
    /// The state that a commit names is not what its events lead to.
    #[error("commit {0} names another state than its events lead to")]
    State(CommitNo),
    /// A commit belongs to another call.
    #[error("commit {0} belongs to another call")]
    OtherCall(CommitNo),
    /// An event cannot be read.
    #[error(transparent)]
    Event(#[from] UnknownEvent),
    /// A command cannot be read.
    #[error(transparent)]
    Command(#[from] UnknownCommand),
    /// Something other than a placing stands first.
    #[error("the first event does not place the call")]
    NotPlaced,
}

impl Placed {
    /// The people who are called.
    pub fn callees(&self) -> impl Iterator<Item = Party> {
        self.terms.callees.iter().map(|callee| Party { kind: PartyKind::User, id: callee.id.clone() })
    }

    /// Whether `party` is one of those who are called.
    #[must_use]
    pub fn calls(&self, party: &Party) -> bool {
        party.kind == PartyKind::User && self.terms.callees.iter().any(|callee| callee.id == party.id)
    }

    /// Whether `party` is on either end.
    #[must_use]
    pub fn involves(&self, party: &Party) -> bool {
        self.terms.caller == *party || self.calls(party)
    }

    /// The person who answered.
    #[must_use]
    pub fn answerer(&self) -> Option<Party> {
        self.answer.as_ref()?.by.party()
    }

    /// The phone, or person, that answered, by name.
    #[must_use]
    pub fn answered_by(&self) -> Option<String> {
        self.answer.as_ref().map(|answer| answer.by.name())
    }

    /// The phone, party, `timer` or `system` that brought it where it stands, by name; none where nobody did.
    #[must_use]
    pub fn won_by(&self) -> Option<String> {
        self.winner.as_ref().map(Actor::name)
    }

    /// When it was answered.
    #[must_use]
    pub fn answered_at(&self) -> Option<Millis> {
        self.answer.as_ref().map(|answer| answer.at)
    }

    /// Whether `callee` takes no more part in the ringing: the person has rejected, or every client that they had when the
    /// call was placed has declined.
    #[must_use]
    pub fn is_out(&self, callee: &Callee) -> bool {
        let all_declined =
            || !callee.clients.is_empty() && callee.clients.iter().all(|client| self.declined.contains(client));
        self.rejected.contains_key(&callee.id) || all_declined()
    }

    /// Whether `party` may enter the call's room at `now`: either end while it rings within its deadline, the caller and
    /// the person who answered once it is answered.
    #[must_use]
    pub fn joinable(&self, party: &Party, now: Millis) -> bool {
        match self.state {
            CallState::Active => self.terms.caller == *party || self.answerer().as_ref() == Some(party),
            CallState::Ringing => {
                let takes_part =
                    self.terms.caller == *party || self.calls(party) && !self.rejected.contains_key(&party.id);
                now < self.terms.deadline && takes_part
            }
            _ => false,
        }
    }

    /// Whether a phone of `callee` that rings may look and listen at `now`, before anybody has answered.
    #[must_use]
    pub fn may_be_previewed(&self, callee: &PartyId, now: Millis) -> bool {
        let person = Party { kind: PartyKind::User, id: callee.clone() };
        self.state == CallState::Ringing && self.calls(&person) && self.joinable(&person, now)
    }

    /// Whether the phones of `callee` ring: the call rings, and neither the person nor their setting has taken them out of it.
    #[must_use]
    pub fn rings(&self, callee: &PartyId) -> bool {
        let called = self.terms.callees.iter().find(|called| called.id == *callee);
        self.state == CallState::Ringing
            && called.is_some_and(Callee::is_to_ring)
            && !self.rejected.contains_key(callee)
    }

    /// Whether `phone`, a phone of `callee`, rings: the phones of `callee` do, and this one has not declined.
    #[must_use]
    pub fn rings_on(&self, callee: &PartyId, phone: &ClientName) -> bool {
        self.rings(callee) && !self.declined.contains(phone)
    }

    /// For how many milliseconds after `now` it rings; 0 where it does not.
    #[must_use]
    pub fn remaining_ms(&self, now: Millis) -> i64 {
        if self.state == CallState::Ringing { self.terms.deadline.since(now).max(0) } else { 0 }
    }

    /// When an answered call has lasted for as long as it may; none before the answer.
    #[must_use]
    pub fn ends_by(&self) -> Option<Millis> {
        let answer = self.answer.as_ref()?;
        Some(answer.at.plus(i64::from(self.terms.max_call_seconds) * 1000))
    }

    fn apply(&mut self, event: &CallEvent, actor: &Actor, at: Millis) {
        let ringing = self.state == CallState::Ringing;
        match event {
            CallEvent::CallAlerted(alerted) if ringing => {
                self.alerted.get_or_insert_with(|| alerted.clone());
            }
            CallEvent::CallDeclined(declined) if ringing => {
                self.declined.insert(declined.client_id.clone());
                self.end_unless_somebody_may_answer(Some(actor), Reason::Declined);
            }
            CallEvent::CallRejected(rejected) if ringing => {
                // The commit that places a call is its caller's, who rejects nothing.
                let by = Some(actor).filter(|actor| actor.party().as_ref() != Some(&self.terms.caller));
                self.rejected.entry(rejected.callee.clone()).or_insert_with(|| by.cloned());
                self.end_unless_somebody_may_answer(by, rejected.reason);
            }
            CallEvent::CallAccepted(_) if ringing => {
                self.answer = Some(Answer { by: actor.clone(), at });
                self.state = CallState::Active;
                self.winner = Some(actor.clone());
            }
            CallEvent::CallCancelled(_) if ringing => self.end(CallState::Cancelled, Some(actor), Reason::Cancelled),
            CallEvent::CallMissed(_) if ringing => self.end(CallState::Missed, Some(actor), Reason::Timeout),
            CallEvent::CallEnded(ended) if self.state == CallState::Active => {
                self.end(CallState::Ended, Some(actor), ended.reason);
            }
            CallEvent::CallFailed(_) if !self.state.is_final() => {
                self.end(CallState::Failed, Some(actor), Reason::Failed);
            }
            // A second placing, and what else does not fit the state, changes nothing.
            _ => {}
        }
    }

    fn end_unless_somebody_may_answer(&mut self, by: Option<&Actor>, reason: Reason) {
        if self.terms.callees.iter().all(|callee| self.is_out(callee)) {
            self.end(CallState::Rejected, by, reason);
        }
    }

    fn end(&mut self, state: CallState, by: Option<&Actor>, reason: Reason) {
        self.state = state;
        self.winner = by.cloned();
        self.reason = Some(reason);
    }
}

impl Call {
    /// A call of which nothing is known.
    #[must_use]
    pub fn new(id: CallId) -> Self {
        Self { id, placed: None, head: None, done: BTreeMap::new() }
    }

    /// The number that the next commit takes.
    #[must_use]
    pub fn next(&self) -> CommitNo {
        self.head.as_ref().map_or(CommitNo::FIRST, |(n, _)| n.next())
    }

    /// Where the call stands; none before it was placed.
    #[must_use]
    pub fn state(&self) -> Option<CallState> {
        self.placed.as_ref().map(|placed| placed.state)
    }

    /// What the same actor asked under the same key before, where it led to a commit.
    #[must_use]
    pub fn done(&self, actor: &Actor, key: &CommandId) -> Option<&Act> {
        self.done.get(key)?.get(actor)
    }

    /// Takes in what followed from `command` at `at`. An event that does not fit the state changes nothing: `decide` makes
    /// none such, and an auditor finds them by deciding again.
    pub fn apply(&mut self, event: &CallEvent, command: &Command, at: Millis, tenant: &TenantId) {
        take_in(&mut self.placed, event, command, at, tenant);
    }

    /// Takes in the next commit: checks its place, its chain and the state that it names, then applies its events.
    /// The content's own hash is checked by the log, which can compute it.
    ///
    /// # Errors
    /// [`BrokenLog`]; the call is then unchanged.
    pub fn fold(&mut self, commit: &Commit) -> Result<(), BrokenLog> {
        if commit.call_id != self.id {
            return Err(BrokenLog::OtherCall(commit.n));
        }
        if commit.n != self.next() {
            return Err(BrokenLog::Gap { expected: self.next(), found: commit.n });
        }
        if self.head.as_ref().is_some_and(|(_, hash)| *hash != commit.prev) {
            return Err(BrokenLog::Chain(commit.n));
        }
        let command = Command::read(&commit.cmd, commit.actor.clone())?;
        let mut placed = self.placed.clone();
        for event in &commit.events {
            take_in(&mut placed, &CallEvent::read(event)?, &command, commit.at, &commit.tenant);
        }
        let Some(state) = placed.as_ref().map(|placed| placed.state) else { return Err(BrokenLog::NotPlaced) };
        if state != commit.state {
            return Err(BrokenLog::State(commit.n));
        }
        self.placed = placed;
        self.committed(command, (commit.n, commit.hash.clone()));
        Ok(())
    }

    /// Notes that `command` has led to the commit `head`, whose events have been applied. Checks nothing: for an
    /// auditor, who has decided it again.
    pub fn committed(&mut self, command: Command, head: (CommitNo, Hash)) {
        self.done.entry(command.id).or_default().insert(command.actor, command.act);
        self.head = Some(head);
    }
}

/// What is known once `event` has followed from `command`.
fn take_in(known: &mut Option<Placed>, event: &CallEvent, command: &Command, at: Millis, tenant: &TenantId) {
    match (known, event) {
        (Some(placed), event) => placed.apply(event, &command.actor, at),
        (none, CallEvent::CallPlaced(terms)) => {
            *none = Some(Placed {
                tenant: tenant.clone(),
                terms: terms.clone(),
                request: command.id.clone(),
                at,
                state: CallState::Ringing,
                winner: Some(command.actor.clone()),
                answer: None,
                reason: None,
                alerted: None,
                rejected: BTreeMap::new(),
                declined: BTreeSet::new(),
            });
        }
        (None, _) => {}
    }
}
