//! Who is told what, and until when. A table, written as a function.

use ilock_call::Placed;
use ilock_events::{
    Address, CallAccepted, CallEvent, CallId, CallRejected, CallState, CallerInfo, Carrier, ClientName, Commit,
    Control, ControlAction, DeviceSync, Incoming, MessageId, Millis, Party, PartyAddress, PartyId, PersonalText,
    RoomInfo, Seat, Side, TrtcIdentity, UnknownEvent, topics,
};

use crate::push::{Push, PushKind};

/// How long the caller's outcome message stays valid: a door station that lost its connection for a moment still learns
/// how its call went.
const OUTCOME_MS: i64 = 60_000;

/// How long a phone may still receive `timeout`. Phones know the deadline themselves; a phone that was away must not hear
/// of it when it returns. MQTT counts in seconds, so this is the least there is.
const TIME_IS_UP_MS: i64 = 1_000;

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
    /// Only once this other notice has been handed over.
    pub after: Option<u32>,
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

    /// Whether it tells of a call that rings: once that is answered or over, it is not told any more.
    #[must_use]
    pub fn rings(&self) -> bool {
        match &self.channel {
            Channel::Mqtt { message, .. } => matches!(message, Message::Incoming { .. }),
            Channel::Push(push) => matches!(push.kind, PushKind::Rings { .. }),
        }
    }
}

/// The notices of one commit: one event leads to at most two by MQTT, and one by push behind them.
struct NoticeBuilder<'a> {
    call_id: &'a CallId,
    call: &'a Placed,
    commit: &'a Commit,
    reason: Option<&'a String>,
    notices: Vec<Notice>,
}

/// What is to be told because of `commit`. `call` is the call as of that commit or later; only what placing it fixed
/// is read. `text` is the personal text kept for the commit.
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
    info.name.get_or_insert_with(|| caller.to_string());
    info
}

impl NoticeBuilder<'_> {
    fn on_event(&mut self, event: &CallEvent, text: Option<&PersonalText>) {
        let at = self.commit.at;
        let deadline = self.call.terms.deadline;
        let ring_or_a_moment = deadline.max(at.plus(TIME_IS_UP_MS));
        let outcome = at.plus(OUTCOME_MS);
        let caller = self.call.terms.caller.clone();
        let callee = self.call.callee();
        match event {
            CallEvent::CallPlaced(_) => {
                let incoming = self.incoming(text);
                self.control(&caller, ControlAction::Ringing, deadline, Some(incoming));
                let invitation = text.and_then(|text| text.invitation_data.clone()).unwrap_or_default();
                let rings = PushKind::Rings { room_id: self.call.terms.room_id, invitation };
                self.wake(rings, text, deadline, deadline);
            }
            CallEvent::CallAlerted(_) => {}
            CallEvent::CallAccepted(CallAccepted { client_id }) => {
                self.control(&caller, ControlAction::Accepted, outcome, None);
                self.sync(ControlAction::Accepted, client_id.as_ref(), ring_or_a_moment);
                self.silence(client_id.as_ref());
            }
            CallEvent::CallRejected(CallRejected { client_id, .. }) => {
                self.control(&caller, ControlAction::Rejected, outcome, None);
                self.sync(ControlAction::Rejected, client_id.as_ref(), ring_or_a_moment);
                self.silence(client_id.as_ref());
            }
            CallEvent::CallCancelled(_) => {
                self.control(&callee, ControlAction::Cancelled, ring_or_a_moment, None);
                self.silence(None);
            }
            CallEvent::CallMissed(_) => {
                self.control(&caller, ControlAction::Timeout, outcome, None);
                self.control(&callee, ControlAction::Timeout, at.plus(TIME_IS_UP_MS), None);
                self.wake(PushKind::Missed, text, outcome, at.plus(MISSED_KEPT_MS));
            }
            CallEvent::CallEnded(ended) => {
                if ended.by != Side::Caller {
                    self.control(&caller, ControlAction::Hangup, outcome, None);
                }
                if ended.by != Side::Callee {
                    self.control(&callee, ControlAction::Hangup, outcome, None);
                }
            }
            CallEvent::CallFailed(_) => {
                self.control(&caller, ControlAction::Hangup, outcome, None);
                self.control(&callee, ControlAction::Hangup, ring_or_a_moment, None);
                self.silence(None);
            }
        }
    }

    /// The phones that may still ring fall silent; `client` itself knows.
    fn silence(&mut self, client: Option<&ClientName>) {
        let until = self.call.terms.deadline.max(self.commit.at.plus(OVER_MS));
        self.wake(PushKind::Over { by: client.cloned(), state: self.commit.state }, None, until, until);
    }

    fn wake(&mut self, kind: PushKind, text: Option<&PersonalText>, expires_at: Millis, kept_until: Millis) {
        let terms = &self.call.terms;
        let push = Push {
            callee: self.found(&self.call.callee()),
            call_id: self.call_id.clone(),
            caller_id: terms.caller.id.clone(),
            caller_name: shown(text, &terms.caller.id).name,
            placed_at: self.call.at,
            kept_until,
            message_id: self.message_id(),
            seq: self.commit.n,
            kind,
        };
        self.push(Channel::Push(Box::new(push)), expires_at, None);
    }

    fn incoming(&mut self, text: Option<&PersonalText>) -> u32 {
        let terms = &self.call.terms;
        let callee = self.call.callee();
        let found = self.found(&callee);
        let incoming = Box::new(Incoming {
            call_id: self.call_id.clone(),
            caller_id: terms.caller.id.clone(),
            caller_info: shown(text, &terms.caller.id),
            timestamp: self.commit.at,
            room_info: RoomInfo {
                room_id: terms.room_id.to_string(),
                sdk_app_id: 0,
                user_id: TrtcIdentity::of(&self.call.tenant, callee.kind, &callee.id).at(Seat::Party),
                user_sig: None,
                private_map_key: None,
            },
            message_id: self.message_id(),
            seq: self.commit.n,
            state: CallState::Ringing,
            expires_at: terms.deadline,
        });
        let topic = topics::incoming(&found);
        self.publish(topic, Message::Incoming { incoming, to: found.address }, terms.deadline, None)
    }

    fn control(&mut self, to: &Party, action: ControlAction, expires_at: Millis, after: Option<u32>) {
        let message = Message::Control(Control {
            action,
            call_id: self.call_id.clone(),
            timestamp: self.commit.at,
            reason: self.reason.cloned(),
            message_id: self.message_id(),
            seq: self.commit.n,
            state: self.commit.state,
            expires_at,
        });
        self.publish(topics::control(&self.found(to)), message, expires_at, after);
    }

    fn sync(&mut self, action: ControlAction, client: Option<&ClientName>, expires_at: Millis) {
        let callee: PartyId = self.call.terms.callee.clone();
        let message = Message::Sync(DeviceSync {
            action,
            device_id: DeviceSync::device(client, &callee),
            call_id: self.call_id.clone(),
            timestamp: self.commit.at,
            message_id: self.message_id(),
            seq: self.commit.n,
            state: self.commit.state,
            expires_at,
        });
        self.publish(topics::sync(&self.found(&self.call.callee())), message, expires_at, None);
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

    fn publish(&mut self, topic: String, message: Message, expires_at: Millis, after: Option<u32>) -> u32 {
        self.push(Channel::Mqtt { topic, message }, expires_at, after)
    }

    fn push(&mut self, channel: Channel, expires_at: Millis, after: Option<u32>) -> u32 {
        let index = self.next_index();
        self.notices.push(Notice { index, channel, expires_at, after });
        index
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
