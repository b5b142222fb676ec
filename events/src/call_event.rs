//! What can happen to a call.
//!
//! These forms *are* the storage format. Never rename, remove or add a field: give the event a new version in `VERSIONS`,
//! read the old one by an entry in `UPCASTS`, and let `tests/versions.rs` tell what else there is to do.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::upcast::{Upcast, lifted};
use crate::{ClientName, Hash, Millis, Party, PartyId, Reason, RoomId, StoredEvent};

/// Somebody who is called, as the directory knew them when the call was placed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Callee {
    /// The person.
    pub id: PartyId,
    /// The clients that they had registered. Once all of these have declined, the person is out of the call.
    pub clients: Vec<ClientName>,
    /// Of the clients that could be reached, the one with the highest priority, by the apps' own reports: the others may let it
    /// sound first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub primary: Option<ClientName>,
    /// Whether one of the clients has a push token or stands in a live MQTT session.
    pub reachable: bool,
    /// That the person is in another call, and what their setting makes of it; or that they have blocked the caller.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub busy: Option<Busy>,
}

impl Callee {
    /// Whether the phones of this callee are to ring: neither has the callee blocked the caller, nor do they refuse a second
    /// call.
    #[must_use]
    pub fn is_to_ring(&self) -> bool {
        matches!(self.busy, None | Some(Busy::Waiting))
    }

    /// Whether this callee has blocked the caller, who must not learn of it.
    #[must_use]
    pub fn has_blocked(&self) -> bool {
        self.busy == Some(Busy::Blocked)
    }
}

/// What becomes of a call to somebody who is in another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Busy {
    /// Their phones ring, and are told that it is a second call.
    Waiting,
    /// The person does not want to be rung then.
    Refused,
    /// The person has blocked the caller: their phones are told nothing, and the caller is not told so.
    Blocked,
}

/// A caller rings one person or a household until `deadline`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CallPlaced {
    /// The door station or person who calls.
    pub caller: Party,
    /// The people who are called: 1 to 20.
    #[schemars(length(min = 1, max = 20))]
    pub callees: Vec<Callee>,
    /// The TRTC room reserved for the call.
    pub room_id: RoomId,
    /// How long it rings: 5 to 120 seconds.
    pub ring_seconds: u32,
    /// Until when phones ring. An answer counts for two seconds more.
    pub deadline: Millis,
    /// How long the call may last once it is answered, in seconds.
    pub max_call_seconds: u32,
    /// The digest of the personal text beside the commit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = "^[0-9a-f]{64}$"))]
    pub personal: Option<Hash>,
}

/// The first phone confirmed that it is ringing. Later ones are kept beside the commits, as [`crate::Alert`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CallAlerted {
    /// Whose phone.
    pub callee: PartyId,
    /// Which, when it said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_id: Option<ClientName>,
    /// Whether it was given the way into the room to look and listen, which it then has until the deadline.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub preview: bool,
}

/// One phone does not take the call; its person's others still may, and so may the phone itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CallDeclined {
    /// Whose phone.
    pub callee: PartyId,
    /// Which.
    pub client_id: ClientName,
}

/// One phone answered; the call is active.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CallAccepted {
    /// Whose phone.
    pub callee: PartyId,
    /// Which, when it said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_id: Option<ClientName>,
}

/// One of those who are called does not take the call, on none of their phones.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CallRejected {
    /// Who.
    pub callee: PartyId,
    /// By which phone, when it said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_id: Option<ClientName>,
    /// Why: `busy` or `declined`.
    pub reason: Reason,
    /// The digest of the reason's text beside the commit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = "^[0-9a-f]{64}$"))]
    pub personal: Option<Hash>,
}

/// The caller gave up before an answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CallCancelled {
    /// The digest of the reason's text beside the commit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = "^[0-9a-f]{64}$"))]
    pub personal: Option<Hash>,
}

/// Nobody answered in time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CallMissed {}

/// Which end of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Side {
    /// The one who placed it.
    Caller,
    /// The one who was rung.
    Callee,
    /// Neither: the backend.
    System,
}

/// An answered call is over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CallEnded {
    /// Who hung up.
    pub by: Side,
    /// Why: `hangup`, or of the backend `limit` or `left`.
    pub reason: Reason,
    /// The digest of the reason's text beside the commit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = "^[0-9a-f]{64}$"))]
    pub personal: Option<Hash>,
}

/// Reserved: the backend could not carry the call on. Nothing issues it yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CallFailed {
    /// What failed, as a stable word.
    pub reason: String,
}

/// What happened to a call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", content = "data")]
pub enum CallEvent {
    /// See [`CallPlaced`].
    CallPlaced(CallPlaced),
    /// See [`CallAlerted`].
    CallAlerted(CallAlerted),
    /// See [`CallDeclined`].
    CallDeclined(CallDeclined),
    /// See [`CallAccepted`].
    CallAccepted(CallAccepted),
    /// See [`CallRejected`].
    CallRejected(CallRejected),
    /// See [`CallCancelled`].
    CallCancelled(CallCancelled),
    /// See [`CallMissed`].
    CallMissed(CallMissed),
    /// See [`CallEnded`].
    CallEnded(CallEnded),
    /// See [`CallFailed`].
    CallFailed(CallFailed),
}

/// A stored event that this code cannot read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("event {name} v{v} cannot be read: {why}")]
pub struct UnknownEvent {
    /// Its `type`.
    pub name: String,
    /// Its `v`.
    pub v: u32,
    /// What is wrong.
    pub why: String,
}

/// The version that is written today of each event that has been given a second form. Of all others it is 1.
const VERSIONS: &[(&str, u32)] = &[];

/// How the older forms of events are read. None has a second form yet.
const UPCASTS: &[Upcast] = &[];

impl CallEvent {
    /// The digest of the personal text that lies beside its commit.
    #[must_use]
    pub const fn personal(&self) -> Option<&Hash> {
        match self {
            Self::CallPlaced(event) => event.personal.as_ref(),
            Self::CallRejected(event) => event.personal.as_ref(),
            Self::CallCancelled(event) => event.personal.as_ref(),
            Self::CallEnded(event) => event.personal.as_ref(),
            Self::CallAlerted(_)
            | Self::CallDeclined(_)
            | Self::CallAccepted(_)
            | Self::CallMissed(_)
            | Self::CallFailed(_) => None,
        }
    }

    /// The version of the event `name` that is written today.
    #[must_use]
    pub fn version_of(name: &str) -> u32 {
        VERSIONS.iter().find(|(event, _)| *event == name).map_or(1, |(_, version)| *version)
    }

    /// The form that is stored.
    #[must_use]
    pub fn stored(&self) -> StoredEvent {
        let Ok(Value::Object(mut form)) = serde_json::to_value(self) else {
            unreachable!("an event is written as an object")
        };
        let Some(Value::String(name)) = form.remove("type") else { unreachable!("an event is tagged with its name") };
        let data = match form.remove("data") {
            Some(Value::Object(data)) => data,
            _ => serde_json::Map::new(),
        };
        StoredEvent { v: Self::version_of(&name), name, data }
    }

    /// Reads a stored event, of this version or any older.
    ///
    /// # Errors
    /// [`UnknownEvent`] when the name, the version or a field is not known.
    pub fn read(stored: &StoredEvent) -> Result<Self, UnknownEvent> {
        Self::read_by(UPCASTS, stored)
    }

    /// As [`CallEvent::read`], by these upcasts.
    ///
    /// # Errors
    /// As [`CallEvent::read`].
    pub fn read_by(upcasts: &[Upcast], stored: &StoredEvent) -> Result<Self, UnknownEvent> {
        let unknown = |why: String| UnknownEvent { name: stored.name.clone(), v: stored.v, why };
        let data = lifted(upcasts, stored, Self::version_of(&stored.name)).map_err(unknown)?;
        serde_json::from_value(serde_json::json!({ "type": stored.name, "data": data }))
            .map_err(|e| unknown(e.to_string()))
    }
}
