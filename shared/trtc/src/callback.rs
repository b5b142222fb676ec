//! What Tencent reports of rooms ("Room & Media Webhooks"): whether it is Tencent's, and what it says. Pure.
//!
//! Tencent asks again until it is answered 200 (at once, then every 10 seconds for a minute), and its signature covers
//! the body alone: so the same report may come any number of times, late and out of order.

use base64::{Engine, engine::general_purpose::STANDARD};
use hmac::{Hmac, KeyInit, Mac};
use ilock_events::{Millis, RoomId};
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};
use sha2::Sha256;

/// A report that Tencent did not sign with the operator's key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the report is not signed with the callback key")]
pub struct BadSignature;

/// Whether `sign` (the header `Sign`) is what `key` signs for `raw_body`, byte by byte as it came; compared in constant
/// time. An empty key signs nothing: whoever sets none believes nobody.
///
/// # Errors
/// [`BadSignature`].
pub fn verify(key: &str, raw_body: &[u8], sign: &str) -> Result<(), BadSignature> {
    if key.is_empty() {
        return Err(BadSignature);
    }
    let sign = STANDARD.decode(sign).map_err(|_| BadSignature)?;
    let mut mac = Hmac::<Sha256>::new_from_slice(key.as_bytes()).map_err(|_| BadSignature)?;
    mac.update(raw_body);
    mac.verify_slice(&sign).map_err(|_| BadSignature)
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CallbackEvent {
    /// Something happened in a room.
    InRoom(InRoom),
    /// Something that is not in Tencent's table of room and media events: a recording's, or one still to come.
    Unknown {
        /// `EventGroupId`.
        group: u32,
        /// `EventType`.
        event_type: u32,
        /// `CallbackTs`: when it was reported.
        sent_at: Millis,
    },
}

/// What happened in a room.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InRoom {
    /// What it was: `EventGroupId` and `EventType`.
    pub kind: RoomEventKind,
    /// `RoomId`: which room.
    pub room: CallbackRoom,
    /// `EventMsTs`, or without it `EventTs`, which counts whole seconds: when it happened.
    pub at: Millis,
    /// `CallbackTs`: when it was reported.
    pub sent_at: Millis,
    /// `UserId`: who did it. Always there when somebody entered or left; a party's id, unless the room is somebody else's.
    pub user: Option<String>,
    /// `Role`: 20 anchor, 21 audience. Only of who enters, leaves or changes role.
    pub role: Option<i64>,
    /// `Reason`. Of who enters: 1 of their own will, 2 another network, 3 tried again after a time-out, 4 from another
    /// room. Of who leaves: 1 of their own will, 2 timed out, 3 removed, 4 back from another room, 5 the app was ended.
    pub reason: Option<i64>,
}

/// The `Reason` of somebody whose connection was lost.
const TIMED_OUT: i64 = 2;

/// The `Reason` of somebody whom Tencent put out.
const REMOVED: i64 = 3;

impl InRoom {
    /// Whether somebody left because their connection was lost: they may be back in a moment.
    #[must_use]
    pub fn is_time_out(&self) -> bool {
        self.kind == RoomEventKind::Left && self.reason == Some(TIMED_OUT)
    }

    /// Whether somebody was put out: the room API did it, or the same name entered once more, as after a restart of the app.
    /// Of the second Tencent reports the leaving of the earlier connection behind the entrance of the later, so it does not say
    /// that nobody of this name is in the room.
    #[must_use]
    pub fn is_removal(&self) -> bool {
        self.kind == RoomEventKind::Left && self.reason == Some(REMOVED)
    }
}

/// The kinds of [`InRoom`]; with each its `EventType`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RoomEventKind {
    /// 101: the first one came in.
    RoomCreated,
    /// 102: it is no more.
    RoomDismissed,
    /// 103.
    Entered,
    /// 104.
    Left,
    /// 105.
    RoleChanged,
    /// 201.
    VideoStarted,
    /// 202: switched off; not sent for who leaves.
    VideoStopped,
    /// 203.
    AudioStarted,
    /// 204: switched off; not sent for who leaves.
    AudioStopped,
    /// 205: the substream, mostly a shared screen.
    ScreenStarted,
    /// 206.
    ScreenStopped,
}

impl RoomEventKind {
    const fn of(group: u32, event_type: u32) -> Option<Self> {
        Some(match (group, event_type) {
            (1, 101) => Self::RoomCreated,
            (1, 102) => Self::RoomDismissed,
            (1, 103) => Self::Entered,
            (1, 104) => Self::Left,
            (1, 105) => Self::RoleChanged,
            (2, 201) => Self::VideoStarted,
            (2, 202) => Self::VideoStopped,
            (2, 203) => Self::AudioStarted,
            (2, 204) => Self::AudioStopped,
            (2, 205) => Self::ScreenStarted,
            (2, 206) => Self::ScreenStopped,
            _ => return None,
        })
    }

    const fn has_user(self) -> bool {
        matches!(self, Self::Entered | Self::Left)
    }
}

/// Which room is meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CallbackRoom {
    /// A room with a number that a call may have. Tencent writes the same room as `12345` in one report and as
    /// `"12345"` in the next.
    Number(RoomId),
    /// A room with a name, or with a number past what apps can read: never a call's.
    Other(String),
}

impl CallbackRoom {
    /// The room, when it may be a call's.
    #[must_use]
    pub const fn id(&self) -> Option<RoomId> {
        match self {
            Self::Number(room) => Some(*room),
            Self::Other(_) => None,
        }
    }
}

/// Why a body is no report.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {problem}")]
pub struct BadCallback {
    /// Where: `EventInfo.RoomId`, or `body` when it is no JSON object.
    pub field: String,
    /// What is wrong there.
    pub problem: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Head {
    event_group_id: u32,
    event_type: u32,
    callback_ts: i64,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Rest {
    event_info: Map<String, Value>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct EventInfo {
    room_id: WrittenRoom,
    event_ts: i64,
    event_ms_ts: Option<i64>,
    user_id: Option<String>,
    role: Option<i64>,
    reason: Option<i64>,
}

#[derive(Deserialize)]
#[serde(untagged, expecting = "must be a whole number or a text")]
enum WrittenRoom {
    Number(u64),
    Text(String),
}

/// Reads a report; [`verify`] comes first. The fields of a report that is not known are not looked at.
///
/// # Errors
/// [`BadCallback`] names the field.
pub fn parse(raw: &[u8]) -> Result<CallbackEvent, BadCallback> {
    // serde would take an array for an object whose fields have no names.
    if !raw.trim_ascii_start().starts_with(b"{") {
        return Err(bad("body", "must be a JSON object"));
    }
    let Head { event_group_id: group, event_type, callback_ts } = read_text(raw)?;
    let sent_at = Millis(callback_ts);
    let Some(kind) = RoomEventKind::of(group, event_type) else {
        return Ok(CallbackEvent::Unknown { group, event_type, sent_at });
    };
    let info: EventInfo = read("EventInfo.", Value::Object(read_text::<Rest>(raw)?.event_info))?;
    if kind.has_user() && info.user_id.as_deref().is_none_or(str::is_empty) {
        return Err(bad("EventInfo.UserId", "must say who it was"));
    }
    Ok(CallbackEvent::InRoom(InRoom {
        kind,
        room: room(info.room_id)?,
        at: Millis(info.event_ms_ts.unwrap_or_else(|| info.event_ts.saturating_mul(1000))),
        sent_at,
        user: info.user_id,
        role: info.role,
        reason: info.reason,
    }))
}

fn room(written: WrittenRoom) -> Result<CallbackRoom, BadCallback> {
    let text = match written {
        WrittenRoom::Number(number) => number.to_string(),
        WrittenRoom::Text(text) if text.is_empty() => return Err(bad("EventInfo.RoomId", "must not be empty")),
        WrittenRoom::Text(text) => text,
    };
    // "007" and "+7" are names: room 7 is never written so.
    let number = text.parse::<u32>().ok().filter(|number| number.to_string() == text);
    let room = number.and_then(|number| RoomId::new(number).ok());
    Ok(room.map_or(CallbackRoom::Other(text), CallbackRoom::Number))
}

fn read_text<'de, T: Deserialize<'de>>(raw: &'de [u8]) -> Result<T, BadCallback> {
    let mut json = serde_json::Deserializer::from_slice(raw);
    let read = read("", &mut json)?;
    json.end().map_err(|_| bad("body", "must be one JSON object"))?;
    Ok(read)
}

/// What is wrong is named by its path, behind `at`.
fn read<'de, T: Deserialize<'de>>(
    at: &str,
    from: impl Deserializer<'de, Error = serde_json::Error>,
) -> Result<T, BadCallback> {
    serde_path_to_error::deserialize(from).map_err(|error| {
        let (path, said) = (error.path().to_string(), error.inner().to_string());
        let below = |name: &str| format!("{at}{name}");
        if !error.inner().is_data() {
            return bad("body", "must be JSON");
        }
        for (start, problem) in [("missing field `", "is missing"), ("duplicate field `", "must be there only once")] {
            if let Some((name, _)) = said.strip_prefix(start).and_then(|rest| rest.split_once('`')) {
                return bad(&below(name), problem);
            }
        }
        let expected = said.rfind(", expected ").map(|at| &said[at + ", expected ".len()..]);
        let kind = expected.map(|kind| kind.rfind(" at line ").map_or(kind, |end| &kind[..end]));
        let problem = match kind {
            Some("a string") => "must be a text",
            Some("a map") => "must be an object",
            Some(kind) if kind.starts_with(['u', 'i']) => "must be a whole number",
            _ => "must be a whole number or a text",
        };
        bad(&below(if path == "." { "body" } else { &path }), problem)
    })
}

fn bad(field: &str, problem: impl Into<String>) -> BadCallback {
    BadCallback { field: field.into(), problem: problem.into() }
}
