//! What is known of a call: the sum of its commits.

use std::collections::{BTreeMap, BTreeSet};

use ilock_events::{
    Act, Actor, CallEvent, CallId, CallPlaced, CallState, ClientName, Command, CommandId, Commit, CommitNo, Hash,
    Millis, Party, PartyKind, TenantId, UnknownCommand, UnknownEvent,
};

/// A call, as far as its commits have been read.
#[derive(Debug, Clone, PartialEq)]
pub struct Call {
    /// Its id.
    pub id: CallId,
    /// What is known once it was placed.
    pub placed: Option<Placed>,
    /// The last commit read; none before the first.
    pub head: Option<(CommitNo, Hash)>,
    /// Every command that led to a commit, by who gave it under which key.
    done: BTreeMap<(Actor, CommandId), Act>,
}

/// A placed call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Placed {
    /// Whose call it is.
    pub tenant: TenantId,
    /// The terms on which it was placed: who, whom, which room, until when.
    pub terms: CallPlaced,
    /// When it was placed.
    pub at: Millis,
    /// Where it stands.
    pub state: CallState,
    /// Who brought it there.
    pub winner: Actor,
    /// The actor that answered it.
    pub answered_by: Option<Actor>,
    /// Which phones confirmed that they ring; `None` stands for one that did not say which it is.
    pub alerted: BTreeSet<Option<ClientName>>,
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
    /// The person who is called.
    #[must_use]
    pub fn callee(&self) -> Party {
        Party { kind: PartyKind::User, id: self.terms.callee.clone() }
    }

    /// Whether `party` is on either end.
    #[must_use]
    pub fn involves(&self, party: &Party) -> bool {
        self.terms.caller == *party || self.callee() == *party
    }

    /// Whether the call may be entered at `now`: answered, or ringing within its deadline.
    #[must_use]
    pub fn joinable(&self, now: Millis) -> bool {
        match self.state {
            CallState::Active => true,
            CallState::Ringing => now < self.terms.deadline,
            _ => false,
        }
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
        self.done.get(&(actor.clone(), key.clone()))
    }

    /// Takes in one event, said by `actor` at `at`. An event that does not fit the state changes nothing: `decide`
    /// makes none such, and an auditor finds them by deciding again.
    pub fn apply(&mut self, event: &CallEvent, actor: &Actor, at: Millis, tenant: &TenantId) {
        if let CallEvent::CallPlaced(terms) = event {
            self.placed.get_or_insert_with(|| Placed {
                tenant: tenant.clone(),
                terms: terms.clone(),
                at,
                state: CallState::Ringing,
                winner: actor.clone(),
                answered_by: None,
                alerted: BTreeSet::new(),
            });
            return;
        }
        let Some(placed) = &mut self.placed else { return };
        let next = match event {
            CallEvent::CallPlaced(_) => return,
            CallEvent::CallAlerted(alerted) => {
                placed.alerted.insert(alerted.client_id.clone());
                return;
            }
            CallEvent::CallAccepted(_) => CallState::Active,
            CallEvent::CallRejected(_) => CallState::Rejected,
            CallEvent::CallCancelled(_) => CallState::Cancelled,
            CallEvent::CallMissed(_) => CallState::Missed,
            CallEvent::CallEnded(_) => CallState::Ended,
            CallEvent::CallFailed(_) => CallState::Failed,
        };
        let leads_there = match placed.state {
            CallState::Ringing => next != CallState::Ended,
            CallState::Active => matches!(next, CallState::Ended | CallState::Failed),
            _ => false,
        };
        if leads_there {
            if next == CallState::Active {
                placed.answered_by = Some(actor.clone());
            }
            placed.state = next;
            placed.winner = actor.clone();
        }
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
        let mut next = self.clone();
        for event in &commit.events {
            let event = CallEvent::read(event)?;
            next.apply(&event, &commit.actor, commit.at, &commit.tenant);
        }
        let Some(state) = next.state() else { return Err(BrokenLog::NotPlaced) };
        if state != commit.state {
            return Err(BrokenLog::State(commit.n));
        }
        next.committed(command, (commit.n, commit.hash.clone()));
        *self = next;
        Ok(())
    }

    /// Notes that `command` has led to the commit `head`, whose events have been applied. Checks nothing: for an
    /// auditor, who has decided it again.
    pub fn committed(&mut self, command: Command, head: (CommitNo, Hash)) {
        self.done.insert((command.actor, command.id), command.act);
        self.head = Some(head);
    }
}
