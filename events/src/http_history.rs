//! A party's own calls, as they are listed over HTTP.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{CallId, CallState, CallerInfo, EARLIEST_REPORT, Millis, PartyId, Reason};

/// From which end somebody sees a call in their history.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Direction {
    /// They were called.
    Incoming,
    /// They called.
    Outgoing,
}

/// One line of a history.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct HistoryEntry {
    /// The call.
    pub call_id: CallId,
    /// Incoming or outgoing.
    pub direction: Direction,
    /// The other end's id: of several who were called the one who answered, else the first.
    pub peer_id: PartyId,
    /// How the caller shows itself; empty when it said nothing, or it was forgotten.
    #[serde(default)]
    pub caller_info: CallerInfo,
    /// Where it stands.
    pub state: CallState,
    /// When it was placed.
    pub timestamp: Millis,
    /// While `state` is `ringing`: for how many milliseconds it still rings; to one who is called, on their phones. 0 once they
    /// have rejected it, and where their setting refused it: others who are called may still be rung.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remaining_ms: Option<i64>,
    /// The phone, or person, that answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answered_by: Option<String>,
    /// When it was answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answered_at: Option<Millis>,
    /// When it was over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<Millis>,
    /// How many milliseconds it lasted from the answer to the end; of a call that was answered and is over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration_ms: Option<i64>,
    /// Why it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
    /// Whether the asker was called, nobody answered, and they neither rejected nor declined it. A call that their setting
    /// refused counts as missed.
    #[serde(default)]
    pub missed: bool,
    /// Whether it was missed and ended after all that the asker has seen.
    #[serde(default)]
    pub unseen: bool,
}

/// `GET /api/calls`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct History {
    /// Newest first. A page that is filtered may be short, or empty, and not be the last.
    pub calls: Vec<HistoryEntry>,
    /// Once a person has looked at the page, the app sends this to `PUT /api/calls/seen`. It is when the last of the missed calls on
    /// the page ended, or until when the person had seen their calls before, whichever is later; 100000000000, which is earlier
    /// than any call, where there is neither. So no call counts as seen because of a page that does not show it, or a later one.
    pub read_at: Millis,
    /// On the first page: how many calls are unseen, of the last 100. 100 means that there may be more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unseen: Option<u32>,
    /// For the next page: `?cursor=…`. None on the last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
}

/// `PUT /api/calls/seen`, and its answer: until when a person has seen their history.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CallsSeen {
    /// `read_at` of the page that the person looked at: all missed calls that had ended by then are seen. An earlier time than one
    /// that stands changes nothing, and a later one than now counts as now. In milliseconds since 1970; less than
    /// 100000000000 are seconds by mistake, and refused.
    #[schemars(extend("minimum" = EARLIEST_REPORT.0))]
    pub until: Millis,
}
