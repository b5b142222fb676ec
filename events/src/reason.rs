//! Why a call ended, in a word that programs read.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Why a call ended. What a person wrote about it stands beside it, as text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// Whoever was called is in another call.
    Busy,
    /// Whoever was called does not want to answer.
    Declined,
    /// The caller gave up.
    Cancelled,
    /// Nobody answered in time.
    Timeout,
    /// Somebody hung up.
    Hangup,
    /// The call had lasted for as long as a call may.
    Limit,
    /// Everybody had left the room.
    Left,
    /// Reserved, nothing produces it yet: the backend could not carry the call on.
    Failed,
}

impl Reason {
    /// As it stands in JSON.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Busy => "busy",
            Self::Declined => "declined",
            Self::Cancelled => "cancelled",
            Self::Timeout => "timeout",
            Self::Hangup => "hangup",
            Self::Limit => "limit",
            Self::Left => "left",
            Self::Failed => "failed",
        }
    }

    /// Why somebody rejects who gives `text` as their reason: the app of a person who is in another call says `busy`.
    #[must_use]
    pub fn of_rejection(text: Option<&str>) -> Self {
        if text == Some(Self::Busy.word()) { Self::Busy } else { Self::Declined }
    }
}
