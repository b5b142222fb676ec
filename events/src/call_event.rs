//! What can happen to a call.
//!
//! These forms *are* the storage format. Never rename, remove or add a field: give the event a new version in `VERSIONS`,
//! read the old one by an entry in `UPCASTS`, and let `tests/versions.rs` tell what else there is to do.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::upcast::{Upcast, lifted};
use crate::{ClientName, Hash, Millis, Party, PartyId, RoomId, StoredEvent};

/// A caller rings a callee until `deadline`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CallPlaced {
    /// The door station or person who calls.
    pub caller: Party,
    /// The person who is called.
    pub callee: PartyId,
    /// The TRTC room reserved for the call.
    pub room_id: RoomId,
    /// How long it rings: 5 to 120 seconds.
    pub ring_seconds: u32,
    /// From this moment on nobody can answer.
    pub deadline: Millis,
    /// The digest of the personal text beside the commit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = "^[0-9a-f]{64}$"))]
    pub personal: Option<Hash>,
}

/// A phone confirmed that it is ringing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CallAlerted {
    /// Which, when it said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_id: Option<ClientName>,
}

/// One phone answered; the call is active.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CallAccepted {
    /// Which, when it said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_id: Option<ClientName>,
}

/// The callee refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CallRejected {
    /// By which phone, when it said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_id: Option<ClientName>,
    /// The digest of the reason beside the commit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = "^[0-9a-f]{64}$"))]
    pub personal: Option<Hash>,
}

/// The caller gave up before an answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CallCancelled {
    /// The digest of the reason beside the commit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = "^[0-9a-f]{64}$"))]
    pub personal: Option<Hash>,
}

/// Nobody answered before the deadline.
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
    /// The digest of the reason beside the commit.
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
