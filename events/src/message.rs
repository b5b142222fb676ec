//! What a phone or a door station is told over MQTT.
//!
//! The fields are those that the apps have always read, and four that every message has: `message_id`, `seq`, `state`,
//! `expires_at`. A client drops a message whose `expires_at` has passed, whose `message_id` it has seen, or whose
//! `seq` is lower than one that it has seen of the same call.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::caller_info::CallerInfo;
use crate::{CallId, CallState, ClientName, CommitNo, Millis, PartyId, TrtcUser};

/// `{call_id}:{n}:{i}`: the i-th notice of commit n. The same on every retry.
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
    /// The credential for exactly this room. Over HTTP only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub private_map_key: Option<String>,
}

/// On `users/{callee}/calls/incoming`: somebody calls.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Incoming {
    /// The call.
    pub call_id: CallId,
    /// Who calls.
    pub caller_id: PartyId,
    /// How the caller shows itself; empty when it said nothing.
    pub caller_info: CallerInfo,
    /// When the call was placed.
    pub timestamp: Millis,
    /// The way in.
    pub room_info: RoomInfo,
    /// The same on every retry.
    pub message_id: MessageId,
    /// The commit that this tells of.
    pub seq: CommitNo,
    /// The state after it.
    pub state: CallState,
    /// Until when it is worth acting on.
    pub expires_at: Millis,
}

/// What a control or sync message says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ControlAction {
    /// To the caller: the broker has the call for the callee's phones.
    Ringing,
    /// One of the callee's phones answered.
    Accepted,
    /// The callee refused.
    Rejected,
    /// The caller gave up.
    Cancelled,
    /// Nobody answered in time.
    Timeout,
    /// The call is over.
    Hangup,
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
    /// Why, in the words of whoever did it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The same on every retry.
    pub message_id: MessageId,
    /// The commit that this tells of.
    pub seq: CommitNo,
    /// The state after it.
    pub state: CallState,
    /// Until when it is worth acting on.
    pub expires_at: Millis,
}

/// On `users/{callee}/devices/sync`: another phone of the same person has answered or refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DeviceSync {
    /// `accepted` or `rejected`.
    #[schemars(with = "String", extend("enum" = ["accepted", "rejected"]))]
    pub action: ControlAction,
    /// The phone that did it; the person's id when it did not say which it is.
    pub device_id: String,
    /// Which call.
    pub call_id: CallId,
    /// When.
    pub timestamp: Millis,
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
