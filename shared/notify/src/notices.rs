//! Who is told what, and until when it is worth telling. A table, written as a function.

use ilock_call::Placed;
use ilock_events::{
    CallAccepted, CallEvent, CallId, CallRejected, CallState, CallerInfo, ClientId, Commit, Control, ControlAction,
    DeviceSync, Incoming, MessageId, Millis, Party, PartyId, PartyKind, PersonalText, RoomInfo, Side, UnknownEvent,
};

use crate::push::{Push, Saying};

/// So long an outcome is worth telling to the one who waits for it: a door station that lost its connection for a
/// moment still learns how its call went.
const OUTCOME_MS: i64 = 60_000;

/// So long "time is up" is worth telling to phones. They know the deadline themselves; a phone that was away must not
/// hear of it when it returns. MQTT counts in seconds, so this is the least there is.
const TIME_IS_UP_MS: i64 = 1_000;

/// So long an end is worth telling to a phone that may still ring.
const OVER_MS: i64 = 5_000;

/// So long a push service keeps "missed" for a phone that is off.
const MISSED_KEPT_MS: i64 = 24 * 60 * 60 * 1000;

/// The carriers.
pub(crate) const MQTT: &str = "mqtt";
pub(crate) const PUSH: &str = "push";

/// What is said.
#[derive(Debug, Clone, PartialEq)]
pub enum Message {
    /// Somebody calls. The ticket in `room_info` is put in on delivery.
    Incoming(Box<Incoming>),
    /// What became of a call.
    Control(Control),
    /// What another phone of the same person did.
    Sync(DeviceSync),
}

/// Which way it is told.
#[derive(Debug, Clone, PartialEq)]
pub enum Via {
    /// By MQTT, to one topic.
    Mqtt {
        /// Where it is told.
        topic: String,
        /// What is told.
        message: Message,
    },
    /// By mobile push, to the phones of one person. Which those are stands in the directory.
    Push(Box<Push>),
}

/// One thing to be told.
#[derive(Debug, Clone, PartialEq)]
pub struct Notice {
    /// Its place among the notices of its commit.
    pub index: u32,
    /// How, where and what.
    pub via: Via,
    /// Until when.
    pub expires_at: Millis,
    /// Only once this other notice has been handed over.
    pub after: Option<u32>,
}

impl Notice {
    /// To whom, as its receipt says it.
    #[must_use]
    pub fn target(&self) -> String {
        match &self.via {
            Via::Mqtt { topic, .. } => topic.clone(),
            Via::Push(push) => format!("users/{}/push", push.callee),
        }
    }

    /// The carrier, as its receipt says it.
    #[must_use]
    pub const fn carrier(&self) -> &'static str {
        match self.via {
            Via::Mqtt { .. } => MQTT,
            Via::Push(_) => PUSH,
        }
    }

    /// Whether it tells of a call that rings: once that is answered or over, it is not told any more.
    #[must_use]
    pub fn rings(&self) -> bool {
        match &self.via {
            Via::Mqtt { message, .. } => matches!(message, Message::Incoming(_)),
            Via::Push(push) => matches!(push.saying, Saying::Rings { .. }),
        }
    }
}

/// The notices of one commit: one event leads to at most two by MQTT, and one by push behind them.
struct Table<'a> {
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
    let mut table = Table {
        call_id: &commit.call_id,
        call,
        commit,
        reason: text.and_then(|text| text.reason.as_ref()),
        notices: vec![],
    };
    for event in events {
        table.tell(event, text);
    }
    table.notices
}

fn calls_topic(party: &Party, leaf: &str) -> String {
    let root = match party.kind {
        PartyKind::User => "users",
        PartyKind::Device => "devices",
    };
    format!("{root}/{}/{leaf}", party.id)
}

/// How the caller shows itself. Apps read the name without asking whether it is there, so there is always one.
fn shown(text: Option<&PersonalText>, caller: &PartyId) -> CallerInfo {
    let mut info = text.and_then(|text| text.caller_info.clone()).unwrap_or_default();
    info.name.get_or_insert_with(|| caller.to_string());
    info
}

impl Table<'_> {
    fn tell(&mut self, event: &CallEvent, text: Option<&PersonalText>) {
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
                let rings = Saying::Rings { room_id: self.call.terms.room_id, invitation };
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
                self.wake(Saying::Missed, text, outcome, at.plus(MISSED_KEPT_MS));
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
    fn silence(&mut self, client: Option<&ClientId>) {
        let until = self.call.terms.deadline.max(self.commit.at.plus(OVER_MS));
        self.wake(Saying::Over { by: client.cloned(), state: self.commit.state }, None, until, until);
    }

    fn wake(&mut self, saying: Saying, text: Option<&PersonalText>, expires_at: Millis, kept_until: Millis) {
        let terms = &self.call.terms;
        let push = Push {
            callee: terms.callee.clone(),
            call_id: self.call_id.clone(),
            caller_id: terms.caller.id.clone(),
            caller_name: shown(text, &terms.caller.id).name,
            placed_at: self.call.at,
            kept_until,
            message_id: self.message_id(),
            seq: self.commit.n,
            saying,
        };
        self.push(Via::Push(Box::new(push)), expires_at, None);
    }

    fn incoming(&mut self, text: Option<&PersonalText>) -> u32 {
        let terms = &self.call.terms;
        let callee = self.call.callee();
        let message = Message::Incoming(Box::new(Incoming {
            call_id: self.call_id.clone(),
            caller_id: terms.caller.id.clone(),
            caller_info: shown(text, &terms.caller.id),
            timestamp: self.commit.at,
            room_info: RoomInfo {
                room_id: terms.room_id.to_string(),
                sdk_app_id: 0,
                user_id: callee.id.clone(),
                user_sig: None,
                private_map_key: None,
            },
            message_id: self.message_id(),
            seq: self.commit.n,
            state: CallState::Ringing,
            expires_at: terms.deadline,
        }));
        self.publish(calls_topic(&callee, "calls/incoming"), message, terms.deadline, None)
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
        self.publish(calls_topic(to, "calls/control"), message, expires_at, after);
    }

    fn sync(&mut self, action: ControlAction, client: Option<&ClientId>, expires_at: Millis) {
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
        self.publish(calls_topic(&self.call.callee(), "devices/sync"), message, expires_at, None);
    }

    fn next_index(&self) -> u32 {
        u32::try_from(self.notices.len()).unwrap_or(u32::MAX)
    }

    fn message_id(&self) -> MessageId {
        MessageId::compose(self.call_id, self.commit.n, self.next_index())
    }

    fn publish(&mut self, topic: String, message: Message, expires_at: Millis, after: Option<u32>) -> u32 {
        self.push(Via::Mqtt { topic, message }, expires_at, after)
    }

    fn push(&mut self, via: Via, expires_at: Millis, after: Option<u32>) -> u32 {
        let index = self.next_index();
        self.notices.push(Notice { index, via, expires_at, after });
        index
    }
}

impl Message {
    /// The id that every message has.
    #[must_use]
    pub fn id(&self) -> &MessageId {
        match self {
            Self::Incoming(incoming) => &incoming.message_id,
            Self::Control(control) => &control.message_id,
            Self::Sync(sync) => &sync.message_id,
        }
    }
}
