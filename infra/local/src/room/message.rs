//! What goes over the WebSocket of a room, as JSON texts.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A description of what a party sends and receives: SDP, as WebRTC's `RTCSessionDescription` has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Description {
    /// `offer`, `answer`, `pranswer` or `rollback`.
    #[serde(rename = "type")]
    pub kind: String,
    #[serde(default)]
    pub sdp: String,
}

/// What one party tells another: a description, or a candidate for the way between them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Signal {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<Description>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub candidate: Option<Value>,
}

/// What a party sends first: its room and its credentials, as the backend gave them.
#[derive(Debug, Deserialize)]
pub(crate) struct Enter {
    pub sdk_app_id: u32,
    pub room_id: u32,
    pub user_id: String,
    pub user_sig: String,
    pub private_map_key: String,
}

/// What a party sends.
#[derive(Debug, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(crate) enum FromParty {
    Enter(Enter),
    Signal {
        to: String,
        #[serde(flatten)]
        signal: Signal,
    },
}

/// What a party is sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(crate) enum ToParty {
    /// The party is in the room, with these others, who were there before and wait for its offers.
    Entered {
        members: Vec<String>,
        may_send: MaySend,
    },
    /// Another one came in, who will offer.
    MemberEntered {
        user_id: String,
    },
    MemberLeft {
        user_id: String,
    },
    Signal {
        from: String,
        #[serde(flatten)]
        signal: Signal,
    },
    /// Somebody entered under the same name.
    PutOut,
    Refused(Refused),
}

/// Why a party is not let in, or is put out for what it tried.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Refused {
    /// A stable word.
    pub reason: &'static str,
    pub message: String,
}

impl Refused {
    pub(crate) const fn new(reason: &'static str, message: String) -> Self {
        Self { reason, message }
    }
}

/// What a party may send.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(crate) struct MaySend {
    pub audio: bool,
    pub video: bool,
}
