//! The carriers, as the rest of the house sees them. On AWS: IoT Core and SQS; locally: an embedded broker and a timer.

use futures::future::BoxFuture;
use ilock_events::{CallId, Carrier, ClientName, MessageId, Millis, PartyId};
use serde::{Deserialize, Serialize};

/// What a receipt says of a notice that could not be told in time.
pub const TIME_PASSED: &str = "its time had passed";

/// What a receipt says of a notice that rings, where the call was answered, over, or rejected by the person before it could
/// be told.
pub const NO_LONGER_RANG: &str = "the call no longer rang";

/// For how many seconds a carrier may keep a message that is of use for `left_ms` more: rounded down, so that it never
/// outlives its moment, but at least 1. MQTT takes 0 for "drop at once", and push services for "now or never", where a blip
/// loses the call.
pub(crate) fn whole_seconds(left_ms: i64) -> u32 {
    u32::try_from(left_ms.max(0) / 1000).unwrap_or(u32::MAX).max(1)
}

/// A carrier did not take what it was given.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}: {why}", carrier.word())]
pub struct CarrierError {
    pub carrier: Carrier,
    /// What it reported.
    pub why: String,
}

/// A queue did not take what it was given.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("queue: {0}")]
pub struct QueueError(pub String);

/// One MQTT message, QoS 1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Publish {
    pub topic: String,
    /// The message, as JSON.
    pub payload: Vec<u8>,
    /// The broker drops it undelivered after so many seconds; at least 1.
    pub expiry_seconds: u32,
    /// Also a user property of the message, so that a subscriber can tell a repetition without reading it.
    pub message_id: MessageId,
}

/// The MQTT broker.
pub trait Mqtt: Send + Sync {
    /// Hands a message to the broker; answered when the broker is answerable for it. Returns the broker's own id of
    /// the message where it gives one.
    fn publish(&self, message: Publish) -> BoxFuture<'_, Result<Option<String>, CarrierError>>;

    /// Ends the session of `client`: its connection is closed and nothing is kept for it.
    fn end_session(&self, client: ClientName) -> BoxFuture<'_, Result<(), CarrierError>>;
}

/// Knows whether a call still rings, for a carrier that tries for so long that it may be over meanwhile.
pub trait StillRinging: Send + Sync {
    /// Whether it rings `phone`, a phone of `callee`, now; also where that cannot be read: better a ring too many than none.
    fn still_rings<'a>(&'a self, callee: &'a PartyId, phone: &'a ClientName) -> BoxFuture<'a, bool>;
}

/// What an alarm is for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AlarmKind {
    /// The call has rung, or lasted, for long enough.
    #[default]
    Deadline,
    /// Nobody was in the room of the answered call. Whoever was to come, or to come back, has had the time.
    RoomEmpty,
}

impl AlarmKind {
    /// Whether it is the one that every call has.
    #[must_use]
    pub fn is_deadline(&self) -> bool {
        *self == Self::Deadline
    }
}

/// What the ring timer carries.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Alarm {
    pub call_id: CallId,
    #[serde(default, skip_serializing_if = "AlarmKind::is_deadline")]
    pub kind: AlarmKind,
    /// How often it has gone off in vain: the log could not be read or written.
    #[serde(default)]
    pub failed: u32,
}

impl Alarm {
    /// The alarm of a call's deadline.
    #[must_use]
    pub fn of(call_id: CallId) -> Self {
        Self { call_id, kind: AlarmKind::Deadline, failed: 0 }
    }

    /// The alarm of a room that nobody is in.
    #[must_use]
    pub fn of_empty_room(call_id: CallId) -> Self {
        Self { call_id, kind: AlarmKind::RoomEmpty, failed: 0 }
    }
}

/// What goes off when a call has rung for long enough, or its room was empty for long enough.
pub trait RingTimer: Send + Sync {
    /// Has `expire-call` run for `alarm` at `deadline` or soon after. Never cancelled: on a call that is over, or was
    /// never placed, it does nothing.
    fn arm(&self, alarm: Alarm, deadline: Millis) -> BoxFuture<'_, Result<(), QueueError>>;
}
