//! Who is to be told what because of an event, as the docs have it. It stands here once more: not taken from `notices`, which
//! is what is judged.

use ilock_events::{Busy, CallEvent, CallState, Callee, Commit, CommitNo, PartyId, PartyKind, Side, topics};

use super::record::Record;

/// What is due because of one event.
#[derive(Debug, Default)]
pub struct Due {
    /// By MQTT: on which topic, and which action; none for an incoming call.
    pub messages: Vec<(String, Option<&'static str>)>,
    /// By push: whose phones.
    pub pushes: Vec<PartyId>,
}

pub fn due(record: &Record, commit: &Commit, event: &CallEvent) -> Due {
    let mut due = Due::default();
    let rung = record.rung(commit.n);
    match event {
        CallEvent::CallPlaced(placed) => {
            // Whoever refuses because they are in another call is told nothing.
            let told: Vec<&Callee> =
                placed.callees.iter().filter(|callee| callee.busy != Some(Busy::Refused)).collect();
            let callees: Vec<PartyId> = told.iter().map(|callee| callee.id.clone()).collect();
            due.messages.extend(callees.iter().map(|callee| (topics::incoming(&record.person(callee)), None)));
            if !told.is_empty() {
                due.caller(record, "ringing");
                if !told.iter().any(|callee| callee.reachable) {
                    due.caller(record, "unreachable");
                }
            }
            due.pushes = callees;
        }
        CallEvent::CallAlerted(_) => due.caller(record, "alerted"),
        CallEvent::CallDeclined(declined) => {
            due.sync(record, &declined.callee, "declined");
            due.nobody(record, commit, &rung);
        }
        CallEvent::CallRejected(_) if commit.n == CommitNo::FIRST => due.nobody(record, commit, &rung),
        CallEvent::CallRejected(rejected) => {
            due.sync(record, &rejected.callee, "rejected");
            due.pushes.push(rejected.callee.clone());
            due.nobody(record, commit, &rung);
        }
        CallEvent::CallAccepted(_) => {
            due.caller(record, "accepted");
            due.others(record, rung, "accepted");
        }
        CallEvent::CallCancelled(_) => {
            due.own_side(record, "cancelled");
            due.phones(record, rung);
        }
        CallEvent::CallMissed(_) => {
            due.caller(record, "timeout");
            due.phones(record, rung);
        }
        CallEvent::CallEnded(ended) => due.ended(record, ended.by),
        CallEvent::CallFailed(_) => due.caller(record, "hangup"),
    }
    due
}

impl Due {
    fn caller(&mut self, record: &Record, action: &'static str) {
        self.messages.push((topics::control(&record.address(&record.placed.caller)), Some(action)));
    }

    fn sync(&mut self, record: &Record, person: &PartyId, action: &'static str) {
        self.messages.push((topics::sync(&record.person(person)), Some(action)));
    }

    fn others(&mut self, record: &Record, rung: Vec<PartyId>, action: &'static str) {
        for callee in &rung {
            self.sync(record, callee, action);
        }
        self.pushes.extend(rung);
    }

    fn phones(&mut self, record: &Record, rung: Vec<PartyId>) {
        let silent = |callee: &PartyId| (topics::control(&record.person(callee)), Some("cancelled"));
        self.messages.extend(rung.iter().map(silent));
        self.pushes.extend(rung);
    }

    /// Nobody takes the call any more.
    fn nobody(&mut self, record: &Record, commit: &Commit, rung: &[PartyId]) {
        if commit.state == CallState::Rejected {
            self.caller(record, "rejected");
            self.others(record, rung.to_vec(), "rejected");
        }
    }

    /// The caller's other phones, where a person calls.
    fn own_side(&mut self, record: &Record, action: &'static str) {
        if record.placed.caller.kind == PartyKind::User {
            self.sync(record, &record.placed.caller.id, action);
        }
    }

    fn ended(&mut self, record: &Record, by: Side) {
        let answered = record.answered().unwrap();
        if by == Side::Callee {
            self.sync(record, &answered, "hangup");
        } else {
            self.messages.push((topics::control(&record.person(&answered)), Some("hangup")));
        }
        if by == Side::Caller {
            self.own_side(record, "hangup");
        } else {
            self.caller(record, "hangup");
        }
    }
}
