//! Who is told what, and until when. A table, written as a function.

use std::collections::BTreeSet;

use ilock_call::Placed;
use ilock_events::{
    Address, Busy, CallEvent, CallId, CallState, Callee, CallerInfo, Carrier, ClientName, Commit, Control,
    ControlAction, DeviceSync, Incoming, MessageId, Millis, Party, PartyAddress, PartyId, PartyKind, PersonalText,
    Reason, RoomInfo, Seat, Side, TrtcIdentity, UnknownEvent, readable, topics,
};

use crate::push::{Push, PushKind};

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

/// The content of an MQTT message.
#[derive(Debug, Clone, PartialEq)]
pub enum Message {
    /// Somebody calls. The `user_sig` in `room_info` is put in on delivery.
    Incoming {
        /// What it says.
        incoming: Box<Incoming>,
        /// Whose key the `user_sig` is encrypted under.
        to: Address,
    },
    /// What became of a call.
    Control(Control),
    /// What another phone of the same person did.
    Sync(DeviceSync),
}

/// How a notice is delivered.
#[derive(Debug, Clone, PartialEq)]
pub enum Channel {
    /// By MQTT, to one topic.
    Mqtt {
        /// The topic.
        topic: String,
        /// The message.
        message: Message,
    },
    /// By mobile push, to the phones of one person. Which those are stands in the directory.
    Push(Box<Push>),
}

/// One message to one party, by one carrier.
#[derive(Debug, Clone, PartialEq)]
pub struct Notice {
    /// Its place among the notices of its commit.
    pub index: u32,
    /// How it is delivered, and what it says.
    pub channel: Channel,
    /// From then on it is not delivered.
    pub expires_at: Millis,
    /// Only once one of these other notices has been handed over; at once where there is none.
    pub after: Vec<u32>,
}

impl Notice {
    /// The recipient, as the receipt names it.
    #[must_use]
    pub fn target(&self) -> String {
        match &self.channel {
            Channel::Mqtt { topic, .. } => topic.clone(),
            Channel::Push(push) => format!("users/{}/push", push.callee.address),
        }
    }

    /// The carrier, as the receipt names it.
    #[must_use]
    pub const fn carrier(&self) -> Carrier {
        match self.channel {
            Channel::Mqtt { .. } => Carrier::Mqtt,
            Channel::Push(_) => Carrier::Push,
        }
    }

    /// Whether it is the push that may wake `phone`, whose name begins with its owner's address.
    #[must_use]
    pub fn wakes(&self, phone: &ClientName) -> bool {
        match &self.channel {
            Channel::Mqtt { .. } => false,
            Channel::Push(push) => phone.owner().is_some_and(|(_, owner)| owner == push.callee),
        }
    }

    /// Whether it tells of a call that rings: once that is answered or over, it is not told any more.
    #[must_use]
    pub fn rings(&self) -> bool {
        match &self.channel {
            Channel::Mqtt { message, .. } => matches!(message, Message::Incoming { .. }),
            Channel::Push(push) => matches!(push.kind, PushKind::Rings { .. }),
        }
    }
}

/// The notices of one commit.
struct NoticeBuilder<'a> {
    call_id: &'a CallId,
    call: &'a Placed,
    commit: &'a Commit,
    reason: Option<&'a String>,
    notices: Vec<Notice>,
}

/// What is to be told because of `commit`. `call` is the call as of exactly that commit, so that every try makes the same
/// notices. `text` is how the caller shows itself, and the reason given with the commit.
///
/// # Errors
/// [`UnknownEvent`] when the commit was written by a newer version.
pub fn notices(commit: &Commit, call: &Placed, text: Option<&PersonalText>) -> Result<Vec<Notice>, UnknownEvent> {
    let events = commit.events.iter().map(CallEvent::read).collect::<Result<Vec<_>, _>>()?;
    Ok(notices_of(&events, commit, call, text))
}

/// As [`notices`], for who has read the commit's events already.
#[must_use]
pub fn notices_of(events: &[CallEvent], commit: &Commit, call: &Placed, text: Option<&PersonalText>) -> Vec<Notice> {
    let mut builder = NoticeBuilder {
        call_id: &commit.call_id,
        call,
        commit,
        reason: text.and_then(|text| text.reason.as_ref()),
        notices: vec![],
    };
    for event in events {
        builder.on_event(event, text);
    }
    builder.notices
}

/// How the caller shows itself. Apps read the name without asking whether it is there, so there is always one.
fn shown(text: Option<&PersonalText>, caller: &PartyId) -> CallerInfo {
    let mut info = text.and_then(|text| text.caller_info.clone()).unwrap_or_default();
    let name = readable(info.name.as_deref().unwrap_or_default());
    info.name = Some(if name.trim().is_empty() { readable(caller.as_str()) } else { name });
    info
}

impl<'a> NoticeBuilder<'a> {
    fn on_event(&mut self, event: &CallEvent, text: Option<&PersonalText>) {
        let at = self.commit.at;
        let outcome = at.plus(OUTCOME_MS);
        match event {
            CallEvent::CallPlaced(_) => self.placed(text),
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
                for callee in self.rung() {
                    self.sync(&callee.id, ControlAction::Accepted, self.while_it_rang());
                    self.silence(&callee.id);
                }
            }
            CallEvent::CallCancelled(_) => {
                self.own_side(ControlAction::Cancelled, outcome);
                for callee in self.rung() {
                    self.control(&person(&callee.id), ControlAction::Cancelled, self.while_it_rang());
                    self.silence_as_missed(&callee.id, text);
                }
            }
            CallEvent::CallMissed(_) => {
                self.tell_caller(ControlAction::Timeout, outcome, vec![]);
                for callee in self.rung() {
                    self.control(&person(&callee.id), ControlAction::Cancelled, at.plus(A_MOMENT_MS));
                    self.wake(&callee.id, PushKind::Missed, text, outcome, at.plus(MISSED_KEPT_MS));
                }
            }
            CallEvent::CallEnded(ended) => self.ended(ended.by, outcome),
            CallEvent::CallFailed(_) => {
                self.tell_caller(ControlAction::Hangup, outcome, vec![]);
                for callee in self.rung() {
                    self.control(&person(&callee.id), ControlAction::Hangup, self.while_it_rang());
                    self.silence(&callee.id);
                }
            }
        }
    }

    fn placed(&mut self, text: Option<&PersonalText>) {
        let deadline = self.call.terms.deadline;
        let rung: Vec<&Callee> = self.rung();
        let incoming: Vec<u32> = rung.iter().map(|callee| self.incoming(callee, text)).collect();
        // A blocked caller is told what a caller of somebody out of reach is.
        let blocked = self.call.terms.callees.iter().any(|callee| callee.busy == Some(Busy::Blocked));
        if rung.is_empty() && !blocked {
            return;
        }
        self.tell_caller(ControlAction::Ringing, deadline, incoming);
        if !rung.iter().any(|callee| callee.reachable) {
            self.tell_caller(ControlAction::Unreachable, deadline, vec![]);
        }
        for callee in rung {
            let invitation = text.and_then(|text| text.invitation_data.clone()).unwrap_or_default();
            let waiting = callee.busy == Some(Busy::Waiting);
            let rings = PushKind::Rings { room_id: self.call.terms.room_id, invitation, waiting };
            self.wake(&callee.id, rings, text, deadline, deadline);
        }
    }

    fn ended(&mut self, by: Side, outcome: Millis) {
        if by != Side::Caller {
            self.tell_caller(ControlAction::Hangup, outcome, vec![]);
        }
        let Some(answerer) = self.call.answerer() else { return };
        if by == Side::Callee {
            self.sync(&answerer.id, ControlAction::Hangup, outcome);
        } else {
            self.control(&answerer, ControlAction::Hangup, outcome);
        }
        if by == Side::Caller {
            self.own_side(ControlAction::Hangup, outcome);
        }
    }

    /// Whoever was called and has not been left out by their own setting or word.
    fn rung(&self) -> Vec<&'a Callee> {
        let call = self.call;
        let called = call.terms.callees.iter().filter(|callee| callee.busy != Some(Busy::Blocked));
        called.filter(|callee| !call.rejected.contains_key(&callee.id)).collect()
    }

    fn by_caller(&self) -> bool {
        self.commit.actor.party().as_ref() == Some(&self.call.terms.caller)
    }

    /// Where nobody who was called takes the call any more, the caller is told, and so is every phone of those whose
    /// phones only declined: one may have come after the call was placed, and still ring.
    fn nobody_takes_it(&mut self) {
        if self.commit.state != CallState::Rejected || self.has_told_the_caller() {
            return;
        }
        self.tell_caller(ControlAction::Rejected, self.commit.at.plus(OUTCOME_MS), vec![]);
        for callee in self.rung() {
            self.sync(&callee.id, ControlAction::Rejected, self.while_it_rang());
            self.silence(&callee.id);
        }
    }

    fn has_told_the_caller(&self) -> bool {
        let outcome = |notice: &Notice| match &notice.channel {
            Channel::Mqtt { message: Message::Control(control), .. } => control.action == ControlAction::Rejected,
            _ => false,
        };
        self.notices.iter().any(outcome)
    }

    /// Until when a phone that may ring is told by MQTT that it need not: no longer than it would have rung.
    fn while_it_rang(&self) -> Millis {
        self.call.terms.deadline.max(self.commit.at.plus(A_MOMENT_MS))
    }

    /// The phones of `callee` that may still ring fall silent; the one that acted knows.
    fn silence(&mut self, callee: &PartyId) {
        let until = self.call.terms.deadline.max(self.commit.at.plus(OVER_MS));
        let by = self.commit.actor.client().cloned();
        let kind = PushKind::Over { by, state: self.commit.state, missed: false };
        self.wake(callee, kind, None, until, until);
    }

    /// The same where the caller gave up: the phones also show that somebody had called.
    fn silence_as_missed(&mut self, callee: &PartyId, text: Option<&PersonalText>) {
        let kept = self.commit.at.plus(MISSED_KEPT_MS);
        let kind = PushKind::Over { by: None, state: self.commit.state, missed: true };
        self.wake(callee, kind, text, self.commit.at.plus(OUTCOME_MS), kept);
    }

    fn wake(
        &mut self,
        callee: &PartyId,
        kind: PushKind,
        text: Option<&PersonalText>,
        expires_at: Millis,
        kept_until: Millis,
    ) {
        let terms = &self.call.terms;
        let push = Push {
            callee: self.found(&person(callee)),
            call_id: self.call_id.clone(),
            caller_id: terms.caller.id.clone(),
            caller_name: shown(text, &terms.caller.id).name,
            placed_at: self.call.at,
            deadline: terms.deadline,
            kept_until,
            message_id: self.message_id(),
            seq: self.commit.n,
            skip: self.skipped(callee, &kind),
            kind,
        };
        self.push(Channel::Push(Box::new(push)), expires_at, vec![]);
    }

    /// The phones that need no telling: those that declined are silent, and know of the call.
    fn skipped(&self, callee: &PartyId, kind: &PushKind) -> BTreeSet<ClientName> {
        let by = match kind {
            PushKind::Rings { .. } => return BTreeSet::new(),
            PushKind::Over { by, .. } => by.as_ref(),
            PushKind::Missed => None,
        };
        let own = self.found(&person(callee));
        let of_callee = |client: &&ClientName| client.owner().is_some_and(|(_, owner)| owner == own);
        self.call.declined.iter().chain(by).filter(of_callee).cloned().collect()
    }

    fn incoming(&mut self, callee: &Callee, text: Option<&PersonalText>) -> u32 {
        let terms = &self.call.terms;
        let party = person(&callee.id);
        let found = self.found(&party);
        let incoming = Box::new(Incoming {
            call_id: self.call_id.clone(),
            caller_id: terms.caller.id.clone(),
            caller_info: shown(text, &terms.caller.id),
            invitation_data: text.and_then(|text| text.invitation_data.clone()),
            timestamp: self.commit.at,
            room_info: RoomInfo {
                room_id: terms.room_id.to_string(),
                sdk_app_id: 0,
                user_id: TrtcIdentity::of(&self.call.tenant, party.kind, &party.id).at(Seat::Party),
                user_sig: None,
                private_map_key: None,
                receive_only: false,
            },
            waiting: callee.busy == Some(Busy::Waiting),
            primary: callee.primary.clone(),
            message_id: self.message_id(),
            seq: self.commit.n,
            state: CallState::Ringing,
            expires_at: terms.deadline,
            sent_at: self.commit.at,
            remaining_ms: 0,
        });
        let topic = topics::incoming(&found);
        self.publish(topic, Message::Incoming { incoming, to: found.address }, terms.deadline, vec![])
    }

    fn tell_caller(&mut self, action: ControlAction, expires_at: Millis, after: Vec<u32>) {
        let caller = self.call.terms.caller.clone();
        let mut message = self.control_message(action, expires_at);
        message.request_id = Some(self.call.request.clone());
        let topic = topics::control(&self.found(&caller));
        self.publish(topic, Message::Control(message), expires_at, after);
    }

    fn control(&mut self, to: &Party, action: ControlAction, expires_at: Millis) {
        let message = self.control_message(action, expires_at);
        self.publish(topics::control(&self.found(to)), Message::Control(message), expires_at, vec![]);
    }

    fn control_message(&self, action: ControlAction, expires_at: Millis) -> Control {
        let reason_code = self.call.reason;
        let reason = self.reason.cloned().filter(|reason| !reason.trim().is_empty());
        Control {
            action,
            call_id: self.call_id.clone(),
            timestamp: self.commit.at,
            reason: reason.unwrap_or_else(|| reason_code.map_or(action.word(), Reason::word).to_owned()),
            reason_code,
            request_id: None,
            sent_at: None,
            remaining_ms: None,
            message_id: self.message_id(),
            seq: self.commit.n,
            state: self.commit.state,
            expires_at,
        }
    }

    /// The caller's own other phones, where the caller is a person: one of them gave up or hung up.
    fn own_side(&mut self, action: ControlAction, expires_at: Millis) {
        let caller = &self.call.terms.caller;
        if caller.kind == PartyKind::User {
            let caller = caller.id.clone();
            self.sync(&caller, action, expires_at);
        }
    }

    fn sync(&mut self, to: &PartyId, action: ControlAction, expires_at: Millis) {
        let actor = &self.commit.actor;
        let own = actor.party().map_or_else(|| to.clone(), |party| party.id);
        let message = Message::Sync(DeviceSync {
            action,
            device_id: DeviceSync::device(actor.client(), &own),
            call_id: self.call_id.clone(),
            timestamp: self.commit.at,
            message_id: self.message_id(),
            seq: self.commit.n,
            state: self.commit.state,
            expires_at,
        });
        self.publish(topics::sync(&self.found(&person(to))), message, expires_at, vec![]);
    }

    fn found(&self, party: &Party) -> PartyAddress {
        PartyAddress::of(&self.call.tenant, party)
    }

    fn next_index(&self) -> u32 {
        u32::try_from(self.notices.len()).unwrap_or(u32::MAX)
    }

    fn message_id(&self) -> MessageId {
        MessageId::compose(self.call_id, self.commit.n, self.next_index())
    }

    fn publish(&mut self, topic: String, message: Message, expires_at: Millis, after: Vec<u32>) -> u32 {
        self.push(Channel::Mqtt { topic, message }, expires_at, after)
    }

    fn push(&mut self, channel: Channel, expires_at: Millis, after: Vec<u32>) -> u32 {
        let index = self.next_index();
        self.notices.push(Notice { index, channel, expires_at, after });
        index
    }
}

fn person(id: &PartyId) -> Party {
    Party { kind: PartyKind::User, id: id.clone() }
}

impl Message {
    /// The id that every message has.
    #[must_use]
    pub fn id(&self) -> &MessageId {
        match self {
            Self::Incoming { incoming, .. } => &incoming.message_id,
            Self::Control(control) => &control.message_id,
            Self::Sync(sync) => &sync.message_id,
        }
    }
}
