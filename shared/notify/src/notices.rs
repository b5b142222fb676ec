//! What is due because of a commit, put into words: messages and pushes, ready to be handed over.

use std::collections::BTreeSet;

use ilock_call::Placed;
use ilock_events::{
    Address, Busy, CallEvent, CallState, Callee, CallerInfo, Carrier, ClientName, Commit, Control, ControlAction,
    DeviceSync, Incoming, MessageId, Millis, PartyAddress, PartyId, PersonalText, Reason, RoomId, RoomInfo, Seat,
    TrtcIdentity, UnknownEvent, readable, readable_if_any, topics,
};

use crate::due::{Due, Step, Target, What, WhyPush, due};
use crate::push::{Push, PushKind};

/// The content of an MQTT message.
#[derive(Debug, Clone, PartialEq)]
pub enum Message {
    /// Somebody calls. The credentials in `room_info` are put in on delivery.
    Incoming {
        /// What it says.
        incoming: Box<Incoming>,
        /// Who is called.
        callee: PartyId,
        /// Whose key the `user_sig` is encrypted under.
        to: Address,
        /// The room that they are for.
        room: RoomId,
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
    Mqtt { topic: String, message: Message },
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
            Channel::Push(push) => Target::push(&push.callee.address).to_string(),
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
        self.rung().is_some()
    }

    /// Whose phones it makes ring, where it does: it is not told any more once the call does not ring these.
    #[must_use]
    pub fn rung(&self) -> Option<&PartyId> {
        match &self.channel {
            Channel::Mqtt { message: Message::Incoming { callee, .. }, .. } => Some(callee),
            Channel::Push(push) if matches!(push.kind, PushKind::Rings { .. }) => Some(&push.callee_id),
            Channel::Mqtt { .. } | Channel::Push(_) => None,
        }
    }
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
fn notices_of(events: &[CallEvent], commit: &Commit, call: &Placed, text: Option<&PersonalText>) -> Vec<Notice> {
    let step = Step { at: commit.at, state: commit.state, actor: &commit.actor };
    let words = Words { call, commit, text };
    due(events, step, call).into_iter().map(|due| words.notice(due)).collect()
}

/// How the caller shows itself. Apps read the name without asking whether it is there, so there is always one.
fn shown(text: Option<&PersonalText>, caller: &PartyId) -> CallerInfo {
    let mut info = text.and_then(|text| text.caller_info.clone()).unwrap_or_default().shown();
    info.name.get_or_insert_with(|| readable(caller.as_str()));
    info
}

/// Puts into words what is due because of one commit.
struct Words<'a> {
    call: &'a Placed,
    commit: &'a Commit,
    text: Option<&'a PersonalText>,
}

impl Words<'_> {
    fn notice(&self, due: Due<'_>) -> Notice {
        let to = due.to.address(&self.call.tenant);
        let channel = match due.what {
            What::Push { push, kept_until } => Channel::Push(Box::new(self.push(&due, to, push, kept_until))),
            What::Incoming(callee) => {
                let topic = topics::incoming(&to);
                let incoming = Box::new(self.incoming(&due, callee));
                let (callee, room) = (callee.id.clone(), self.call.terms.room_id);
                Channel::Mqtt { topic, message: Message::Incoming { incoming, callee, to: to.address, room } }
            }
            What::Outcome(action) => {
                let request_id = Some(self.call.request.clone());
                let message = Message::Control(Control { request_id, ..self.control(&due, action) });
                Channel::Mqtt { topic: topics::control(&to), message }
            }
            What::Control(action) => {
                Channel::Mqtt { topic: topics::control(&to), message: Message::Control(self.control(&due, action)) }
            }
            What::Sync(action) => {
                Channel::Mqtt { topic: topics::sync(&to), message: Message::Sync(self.sync(&due, action)) }
            }
        };
        Notice { index: due.index, channel, expires_at: due.expires_at, after: due.after }
    }

    fn push(&self, due: &Due<'_>, callee: PartyAddress, why: WhyPush<'_>, kept_until: Millis) -> Push {
        let terms = &self.call.terms;
        let text = self.text.filter(|_| why.shows_caller());
        let (skip, kind) = match why {
            WhyPush::Rings { waiting } => {
                let invitation = text.and_then(|text| text.invitation_data.clone()).unwrap_or_default();
                let called = terms.callees.iter().find(|callee| callee.id == *due.to.id);
                let primary = called.and_then(|callee| callee.primary.clone());
                (BTreeSet::new(), PushKind::Rings { room_id: terms.room_id, invitation, waiting, primary })
            }
            WhyPush::Over { by, missed } => {
                let kind = PushKind::Over { by: by.cloned(), state: self.commit.state, missed };
                (self.silent_already(&callee, by), kind)
            }
            WhyPush::Missed => (self.silent_already(&callee, None), PushKind::Missed),
        };
        Push {
            callee,
            callee_id: due.to.id.clone(),
            call_id: self.commit.call_id.clone(),
            caller_id: terms.caller.id.clone(),
            caller_name: shown(text, &terms.caller.id).name,
            placed_at: self.call.at,
            deadline: terms.deadline,
            kept_until,
            message_id: self.message_id(due),
            seq: self.commit.n,
            skip,
            kind,
        }
    }

    /// The phones that need not be told: those that declined are silent, and know of the call.
    fn silent_already(&self, own: &PartyAddress, by: Option<&ClientName>) -> BTreeSet<ClientName> {
        let of_callee = |client: &&ClientName| client.owner().is_some_and(|(_, owner)| owner == *own);
        self.call.declined.iter().chain(by).filter(of_callee).cloned().collect()
    }

    fn incoming(&self, due: &Due<'_>, callee: &Callee) -> Incoming {
        let terms = &self.call.terms;
        Incoming {
            call_id: self.commit.call_id.clone(),
            caller_id: terms.caller.id.clone(),
            caller_info: shown(self.text, &terms.caller.id),
            invitation_data: self.text.and_then(|text| text.invitation_data.clone()),
            timestamp: self.commit.at,
            room_info: RoomInfo {
                room_id: terms.room_id.to_string(),
                sdk_app_id: 0,
                user_id: TrtcIdentity::of(&self.call.tenant, due.to.kind, due.to.id).at(Seat::Party),
                user_sig: None,
                private_map_key: None,
                receive_only: false,
            },
            waiting: callee.busy == Some(Busy::Waiting),
            primary: callee.primary.clone(),
            message_id: self.message_id(due),
            seq: self.commit.n,
            state: CallState::Ringing,
            expires_at: due.expires_at,
            sent_at: self.commit.at,
            remaining_ms: 0,
        }
    }

    fn control(&self, due: &Due<'_>, action: ControlAction) -> Control {
        let reason_code = self.call.reason;
        let reason = self.text.and_then(|text| text.reason.as_deref()).and_then(readable_if_any);
        Control {
            action,
            call_id: self.commit.call_id.clone(),
            timestamp: self.commit.at,
            reason: reason.unwrap_or_else(|| reason_code.map_or(action.word(), Reason::word).to_owned()),
            reason_code,
            request_id: None,
            sent_at: None,
            remaining_ms: None,
            message_id: self.message_id(due),
            seq: self.commit.n,
            state: self.commit.state,
            expires_at: due.expires_at,
        }
    }

    fn sync(&self, due: &Due<'_>, action: ControlAction) -> DeviceSync {
        let actor = &self.commit.actor;
        let own = actor.party().map_or_else(|| due.to.id.clone(), |party| party.id);
        let at = self.commit.at;
        let ringing = self.commit.state == CallState::Ringing;
        // A person who has rejected is rung no more, whoever else is.
        let rejected = action == ControlAction::Rejected;
        let left = if rejected { 0 } else { self.call.terms.deadline.since(at).max(0) };
        DeviceSync {
            action,
            device_id: DeviceSync::device(actor.client(), &own),
            call_id: self.commit.call_id.clone(),
            timestamp: at,
            sent_at: ringing.then_some(at),
            remaining_ms: ringing.then_some(left),
            message_id: self.message_id(due),
            seq: self.commit.n,
            state: self.commit.state,
            expires_at: due.expires_at,
        }
    }

    fn message_id(&self, due: &Due<'_>) -> MessageId {
        MessageId::compose(&self.commit.call_id, self.commit.n, due.index)
    }
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
