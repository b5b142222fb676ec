//! What a phone or a door station is told over MQTT.
//!
//! The fields are those that the apps have always read, and four that every message has: `message_id`, `seq`, `state`,
//! `expires_at`. A client drops a message whose `expires_at` has passed, whose `message_id` it has seen, or whose
//! `seq` is lower than one that it has seen of the same call.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::caller_info::CallerInfo;
use crate::{CallId, CallState, ClientName, CommandId, CommitNo, Generation, Millis, PartyId, Reason, TrtcUser};

/// `{call_id}:{n}:{i}`: the i-th notice of commit n; of what is told of a client, its own. The same on every retry.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
#[schemars(extend("pattern" = "^[A-Za-z0-9_-]{1,170}:[0-9]+:[0-9]+$"))]
pub struct MessageId(String);

impl MessageId {
    /// The id of notice `index` of commit `n`.
    #[must_use]
    pub fn compose(call_id: &CallId, n: CommitNo, index: u32) -> Self {
        Self(format!("{call_id}:{n}:{index}"))
    }

    /// The id of what is told of a registration of a client, as its `action`: the `index`th of that kind.
    #[must_use]
    pub fn of_registration(action: &str, registration: &Generation, index: usize) -> Self {
        Self(format!("{action}_{}:0:{index}", registration.as_str()))
    }

    /// As text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What a party needs to enter the call's TRTC room.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RoomInfo {
    /// The room, as decimal digits: 1 to 2147483647.
    #[schemars(regex(pattern = "^[1-9][0-9]{0,9}$"))]
    pub room_id: String,
    /// The operator's TRTC application.
    pub sdk_app_id: u32,
    /// Under which name to enter.
    pub user_id: TrtcUser,
    /// The credential. Over HTTP a plain `UserSig`; in an MQTT message, by the operator's choice, a compact JWE of it (the
    /// default), plain, or absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_sig: Option<String>,
    /// The credential for exactly this room. Over HTTP; in an MQTT message only where `user_sig` is plain there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub private_map_key: Option<String>,
    /// Whether `private_map_key` lets its owner look and listen only: what a phone has before it has answered, until the
    /// ring's deadline. The answer to `accepted` has another, to be seen and heard with.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub receive_only: bool,
}

/// On `users/{callee}/calls/incoming`: somebody calls. Whether a phone still rings for it does not hang on the phone's clock:
/// it rings for `remaining_ms` from the moment in which the message came, or asks for the call.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Incoming {
    /// The call.
    pub call_id: CallId,
    /// Who calls.
    pub caller_id: PartyId,
    /// How the caller shows itself. It always has a name: the caller's id where it gave none.
    pub caller_info: CallerInfo,
    /// What the caller's app sent along.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub invitation_data: Option<serde_json::Map<String, serde_json::Value>>,
    /// When the call was placed.
    pub timestamp: Millis,
    /// The way in.
    pub room_info: RoomInfo,
    /// Whether the person is in another call.
    pub waiting: bool,
    /// Of the person's clients that can be reached, the one with the highest priority, where one reported any: the others may let
    /// it sound first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub primary: Option<ClientName>,
    /// The same on every retry.
    pub message_id: MessageId,
    /// The commit that this tells of.
    pub seq: CommitNo,
    /// The state after it.
    pub state: CallState,
    /// Until when the call rings.
    pub expires_at: Millis,
    /// When this message was handed over.
    pub sent_at: Millis,
    /// For how many milliseconds the call still rang at `sent_at`.
    pub remaining_ms: i64,
}

/// What a control or sync message says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ControlAction {
    /// To the caller: the broker has the call for the phones.
    Ringing,
    /// To the caller: no phone of those who are called can be reached now. One may come back until the deadline.
    Unreachable,
    /// To the caller: a phone rings.
    Alerted,
    /// A phone answered.
    Accepted,
    /// One phone does not take the call; the others ring on.
    Declined,
    /// A person does not take the call; to the caller: nobody does.
    Rejected,
    /// The call rings no more: the caller gave up, or, with state `missed`, nobody answered in time.
    Cancelled,
    /// To the caller: nobody answered in time.
    Timeout,
    /// The call is over.
    Hangup,
}

impl ControlAction {
    /// As it stands in JSON.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Ringing => "ringing",
            Self::Unreachable => "unreachable",
            Self::Alerted => "alerted",
            Self::Accepted => "accepted",
            Self::Declined => "declined",
            Self::Rejected => "rejected",
            Self::Cancelled => "cancelled",
            Self::Timeout => "timeout",
            Self::Hangup => "hangup",
        }
    }
}

/// On `…/calls/control`: what became of a call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Control {
    /// What.
    pub action: ControlAction,
    /// Which call.
    pub call_id: CallId,
    /// When.
    pub timestamp: Millis,
    /// Why, in the words of whoever did it; the word of `reason_code` where nobody said, and of `action` where the call goes on.
    pub reason: String,
    /// Why the call ended, where it did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason_code: Option<Reason>,
    /// To the caller: the `Idempotency-Key` of the request that placed the call, because this message may be quicker than
    /// the answer to that; one made here where the request had none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<CommandId>,
    /// When this message was handed over, while the call rings.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sent_at: Option<Millis>,
    /// For how many milliseconds the call still rang at `sent_at`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remaining_ms: Option<i64>,
    /// The same on every retry.
    pub message_id: MessageId,
    /// The commit that this tells of.
    pub seq: CommitNo,
    /// The state after it.
    pub state: CallState,
    /// Until when it is worth acting on.
    pub expires_at: Millis,
}

/// On `users/{person}/devices/sync`: another phone has done something with the call: one of the same person, or, where the
/// call is answered, of anybody who was called. The phone that `device_id` names did it itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DeviceSync {
    /// What: `accepted`, `declined`, `rejected`, `cancelled` or `hangup`.
    #[schemars(with = "String", extend("enum" = ["accepted", "declined", "rejected", "cancelled", "hangup"]))]
    pub action: ControlAction,
    /// The phone that did it; the person's id when it did not say which it is.
    pub device_id: String,
    /// Which call.
    pub call_id: CallId,
    /// When.
    pub timestamp: Millis,
    /// When this message was handed over, while the call rings.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sent_at: Option<Millis>,
    /// For how many milliseconds the call still rang at `sent_at` on the person's phones: 0 once the person has rejected it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remaining_ms: Option<i64>,
    /// The same on every retry.
    pub message_id: MessageId,
    /// The commit that this tells of.
    pub seq: CommitNo,
    /// The state after it.
    pub state: CallState,
    /// Until when it is worth acting on.
    pub expires_at: Millis,
}

impl DeviceSync {
    /// The name under which a phone, or a person without a named phone, stands in `device_id`.
    #[must_use]
    pub fn device(client: Option<&ClientName>, user: &PartyId) -> String {
        client.map_or_else(|| user.to_string(), ToString::to_string)
    }
}
