//! What auditors ask for and are answered, and the record that is kept of each time they looked.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{Alert, CallId, CallState, Commit, CommitNo, Day, Millis, PartyId, Personal, Receipt};

/// One call of a day, as its log has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FoundCall {
    /// The call.
    pub call_id: CallId,
    /// When it was placed.
    pub timestamp: Millis,
    /// Who called.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub caller_id: Option<PartyId>,
    /// Who was called.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub callee_ids: Vec<PartyId>,
    /// Where it stands.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<CallState>,
    /// The last commit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seq: Option<CommitNo>,
    /// The phone, or person, that answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answered_by: Option<String>,
    /// When it was over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<Millis>,
    /// What is wrong with its log, where it does not add up. Such a call has none of the other fields, and passes every
    /// filter: nobody hides a call by breaking it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub broken: Option<String>,
    /// The day in whose archive the call is, where it was moved there. Such a call has none of the other fields, and passes every
    /// filter.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub archived: Option<Day>,
}

/// `GET /api/audit/calls`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CallsOfDay {
    /// In the order in which they were placed. A page that is filtered may be short, or empty, and not be the last.
    pub calls: Vec<FoundCall>,
    /// For the next page: `?cursor=…`. None on the last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
}

/// `GET /api/audit/calls/{call_id}/events`: all that is stored of a call, unchecked. What was tampered with may have
/// another form than these.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CallEvents {
    /// The call.
    pub call_id: CallId,
    /// Its commits, in order: commands, events, states, hashes.
    #[schemars(with = "Vec<Commit>")]
    pub commits: Vec<Value>,
    /// Which phones confirmed that they ring, after the first, whose word is a commit.
    #[schemars(with = "Vec<Alert>")]
    pub alerts: Vec<Value>,
    /// Who was told, round by round.
    #[schemars(with = "Vec<Receipt>")]
    pub receipts: Vec<Value>,
    /// Personal text that was not forgotten. Only there when it was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<Vec<Personal>>")]
    pub personal: Option<Vec<Value>>,
}

/// What an auditor looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LookedAt {
    /// The calls of a day.
    Calls,
    /// The commits of one call.
    Events,
    /// The proof of one call.
    Proof,
    /// Who looked at what.
    Accesses,
}

/// An auditor looked at something. Written before the answer was given, and never changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Access {
    /// When.
    pub at: Millis,
    /// Who: the `sub` of the token.
    pub auditor: PartyId,
    /// At what.
    pub looked_at: LookedAt,
    /// At which call. That it was asked for says not that it exists.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub call_id: Option<CallId>,
    /// What the question said: `day`, filters, `limit`, `cursor`, `personal`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub asked: BTreeMap<String, String>,
}

/// An item among the accesses of a day that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct UnreadableAccess {
    /// Its sort key in the log's table.
    pub item: String,
    /// Why it cannot be read.
    pub why: String,
}

/// `GET /api/audit/accesses`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AccessesOfDay {
    /// In the order in which they looked.
    pub accesses: Vec<Access>,
    /// What stands among them in the log and is no access that can be read: somebody changed it, or a newer version wrote it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unreadable: Vec<UnreadableAccess>,
    /// For the next page: `?cursor=…`. None on the last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
}
