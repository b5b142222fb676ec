//! Messages as they arrive: read leniently, so that a field or a word of a later backend never silences a phone.

use ilock_events::{CallState, Direction};
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

use crate::output::{Room, Secret};

/// What a `calls/incoming`, `calls/control` or `devices/sync` message has in it.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Message {
    /// None in `client_added`, which is about no call.
    #[serde(default)]
    pub call_id: Option<String>,
    #[serde(default, rename = "message_id")]
    pub id: Option<String>,
    #[serde(default)]
    pub seq: Option<u32>,
    /// None where it is missing, or a word of a later backend.
    #[serde(default, deserialize_with = "known")]
    pub state: Option<CallState>,
    #[serde(default)]
    pub expires_at: Option<i64>,
    /// When the message was handed over.
    #[serde(default)]
    pub sent_at: Option<i64>,
    /// How much ringing was left then.
    #[serde(default)]
    pub remaining_ms: Option<i64>,
    #[serde(default)]
    pub timestamp: Option<i64>,
    /// None in `calls/incoming`, or a word of a later backend.
    #[serde(default, deserialize_with = "known")]
    pub action: Option<Action>,
    #[serde(default)]
    pub reason: Option<String>,
    /// The client that acted.
    #[serde(default)]
    pub device_id: Option<String>,
    /// To the caller: the press's `Idempotency-Key`.
    #[serde(default)]
    pub request_id: Option<String>,
    #[serde(default)]
    pub caller_id: Option<String>,
    #[serde(default)]
    pub caller_info: Option<Map<String, Value>>,
    #[serde(default)]
    pub invitation_data: Option<Map<String, Value>>,
    #[serde(default)]
    pub waiting: Option<bool>,
    /// The person's phone that is to sound first.
    #[serde(default)]
    pub primary: Option<String>,
    #[serde(default)]
    pub room_info: Option<RoomInfo>,
}

/// The words that a client acts on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Action {
    Ringing,
    Alerted,
    Unreachable,
    Accepted,
    Rejected,
    Declined,
    Cancelled,
    Timeout,
    Hangup,
    ClientAdded,
}

/// The way into a room, as messages and answers have it.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct RoomInfo {
    pub room_id: String,
    pub sdk_app_id: u32,
    pub user_id: String,
    #[serde(default)]
    pub user_sig: Option<String>,
    #[serde(default)]
    pub private_map_key: Option<String>,
    #[serde(default)]
    pub receive_only: bool,
}

impl RoomInfo {
    /// The room, when it can be entered with what stands here, to be seen and heard.
    pub fn room(self) -> Option<Room> {
        if self.receive_only { None } else { self.any_room() }
    }

    /// The room, when it can be entered with what stands here, to look and listen.
    pub fn preview(self) -> Option<Room> {
        if self.receive_only { self.any_room() } else { None }
    }

    fn any_room(self) -> Option<Room> {
        Some(Room {
            room_id: self.room_id.parse().ok()?,
            sdk_app_id: self.sdk_app_id,
            user_id: self.user_id,
            user_sig: Secret(self.user_sig?),
            private_map_key: self.private_map_key.map(Secret),
        })
    }
}

/// A call, as an answer has it.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct View {
    pub call_id: String,
    #[serde(default, deserialize_with = "known")]
    pub state: Option<CallState>,
    pub seq: u32,
    #[serde(default)]
    pub caller_id: String,
    #[serde(default)]
    pub caller_info: Option<Map<String, Value>>,
    #[serde(default)]
    pub invitation_data: Option<Map<String, Value>>,
    pub expires_at: i64,
    #[serde(default)]
    pub remaining_ms: Option<i64>,
    #[serde(default)]
    pub primary: Option<String>,
    #[serde(default)]
    pub answered_by: Option<String>,
    /// By the backend's clock.
    #[serde(default)]
    pub answered_at: Option<i64>,
    #[serde(default)]
    pub reason: Option<String>,
    #[serde(default)]
    pub room_info: Option<RoomInfo>,
}

/// The calls of a person, as far as it matters here.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Listed {
    pub calls: Vec<ListedCall>,
}

/// One of them.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct ListedCall {
    pub call_id: String,
    #[serde(default, deserialize_with = "known")]
    pub direction: Option<Direction>,
    #[serde(default, deserialize_with = "known")]
    pub state: Option<CallState>,
    /// For how long it still rings this person.
    #[serde(default)]
    pub remaining_ms: Option<i64>,
}

/// A word that is known, or none.
pub(crate) fn known<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: serde::de::DeserializeOwned,
{
    let value = Value::deserialize(deserializer)?;
    Ok(serde_json::from_value(value).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn samples(prefix: &str) -> Vec<(String, Value)> {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../events/samples");
        let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap());
        let named = entries.filter(|entry| entry.file_name().to_string_lossy().starts_with(prefix));
        let read = |entry: std::fs::DirEntry| {
            let text = std::fs::read_to_string(entry.path()).unwrap();
            (entry.file_name().to_string_lossy().into_owned(), serde_json::from_str(&text).unwrap())
        };
        named.map(read).collect()
    }

    #[test]
    fn every_sample_of_a_message_is_understood() {
        let samples = samples("message.");
        assert!(samples.len() >= 10);
        for (name, sample) in samples {
            let message: Message = serde_json::from_value(sample.clone()).unwrap();
            assert!(message.id.is_some(), "{name}");
            // Incoming calls have none, and that another client was put out is passed over.
            let none = name.contains(".incoming") || name.contains(".client.removed");
            assert_eq!(message.action.is_none(), none, "{name}: its action is not known");
            assert_eq!(message.state.is_some(), sample.get("state").is_some(), "{name}: its state is not known");
        }
    }

    #[test]
    fn every_sample_of_an_answered_call_is_understood() {
        let samples = samples("http.reply.CallView.");
        assert!(samples.len() >= 5);
        for (name, sample) in samples {
            let view: View = serde_json::from_value(sample["data"].clone()).unwrap();
            assert!(view.state.is_some(), "{name}");
        }
    }

    #[test]
    fn a_word_of_a_later_backend_spoils_nothing_else() {
        let message: Message =
            serde_json::from_str(r#"{"call_id":"c","action":"teleported","state":"odd","more":[1],"seq":3}"#).unwrap();
        assert_eq!((message.action, message.state, message.seq), (None, None, Some(3)));
    }
}
