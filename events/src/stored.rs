//! What the log keeps, item by item. These types *are* the storage format.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::party::{Party, PartyKind};
use crate::{CallId, ClientName, CommandId, CommitNo, Day, Millis, Nonce, PartyId, TenantId};

/// SHA-256, as 64 lower-case hexadecimal digits.
pub type Hash = String;

/// Where a call stands after a commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CallState {
    /// Placed, not answered; at most until the deadline.
    Ringing,
    /// Answered by exactly one client.
    Active,
    /// Final: nobody who was called took it.
    Rejected,
    /// Final: the caller gave up before an answer.
    Cancelled,
    /// Final: nobody answered in time.
    Missed,
    /// Final: somebody hung up an answered call.
    Ended,
    /// Final; reserved, nothing leads to it yet: the backend could not carry the call on.
    Failed,
}

impl CallState {
    /// Whether nothing can follow.
    #[must_use]
    pub const fn is_final(self) -> bool {
        !matches!(self, Self::Ringing | Self::Active)
    }

    /// The word that stands in JSON.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Ringing => "ringing",
            Self::Active => "active",
            Self::Rejected => "rejected",
            Self::Cancelled => "cancelled",
            Self::Missed => "missed",
            Self::Ended => "ended",
            Self::Failed => "failed",
        }
    }
}

/// Who a command came from.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Actor {
    /// A person, by one of their phones when it said which.
    User {
        /// Who.
        id: PartyId,
        /// Which phone.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        client: Option<ClientName>,
    },
    /// A door station.
    Device {
        /// Which.
        id: PartyId,
    },
    /// The ring timer.
    Timer,
    /// The backend itself.
    System,
}

impl Actor {
    /// The party that acts; none for timer and system.
    #[must_use]
    pub fn party(&self) -> Option<Party> {
        match self {
            Self::User { id, .. } => Some(Party { kind: PartyKind::User, id: id.clone() }),
            Self::Device { id } => Some(Party { kind: PartyKind::Device, id: id.clone() }),
            Self::Timer | Self::System => None,
        }
    }

    /// The phone that acts, when it said which it is.
    #[must_use]
    pub const fn client(&self) -> Option<&ClientName> {
        match self {
            Self::User { client, .. } => client.as_ref(),
            Self::Device { .. } | Self::Timer | Self::System => None,
        }
    }

    /// The name that a loser is told: the phone, else the party, else `timer` or `system`.
    #[must_use]
    pub fn name(&self) -> String {
        match self {
            Self::User { client: Some(client), .. } => client.to_string(),
            Self::User { id, .. } | Self::Device { id } => id.to_string(),
            Self::Timer => "timer".into(),
            Self::System => "system".into(),
        }
    }
}

/// How it is known which client acted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ClientProof {
    /// The login session of the access token is the one that registered this client.
    Proved,
    /// The person says so: the token is theirs, but of another login session, or of one that has no name.
    Claimed,
}

impl ClientProof {
    /// The word that stands in JSON.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Proved => "proved",
            Self::Claimed => "claimed",
        }
    }
}

/// A command as stored; [`crate::Command`] is its typed form.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct StoredCommand {
    /// The idempotency key it came under.
    pub id: CommandId,
    /// Which request it was: two under one key have two.
    pub nonce: Nonce,
    /// How it is known that it came from the client that the actor names; where the actor names one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_is: Option<ClientProof>,
    /// Its kind, in words: `place`, `accept` …
    pub kind: String,
    /// What it said.
    #[serde(default, skip_serializing_if = "serde_json::Map::is_empty")]
    pub args: serde_json::Map<String, Value>,
}

/// An event as stored; [`crate::CallEvent`] is its typed form.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct StoredEvent {
    /// Its name: `CallPlaced` …
    #[serde(rename = "type")]
    pub name: String,
    /// The version of its form; older ones are read by upcasting.
    pub v: u32,
    /// What it says.
    #[serde(default, skip_serializing_if = "serde_json::Map::is_empty")]
    pub data: serde_json::Map<String, Value>,
}

/// One immutable step of one call.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Commit {
    /// The call.
    pub call_id: CallId,
    /// Its place in the call's log.
    pub n: CommitNo,
    /// The hash of the commit before; of the call id for the first.
    #[schemars(regex(pattern = "^[0-9a-f]{64}$"))]
    pub prev: Hash,
    /// Whose call it is.
    pub tenant: TenantId,
    /// What was asked.
    pub cmd: StoredCommand,
    /// What followed from it.
    pub events: Vec<StoredEvent>,
    /// Where the call stands after it.
    pub state: CallState,
    /// Who asked.
    pub actor: Actor,
    /// When it was decided.
    pub at: Millis,
    /// The last day on which the personal text beside it is kept; where there is such text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub personal_until: Option<Day>,
    /// SHA-256 over the RFC 8785 form of all fields above.
    #[schemars(regex(pattern = "^[0-9a-f]{64}$"))]
    pub hash: Hash,
}

/// Text that a person may ask to have forgotten. It lies beside the commit, which holds only [`Personal::digest`].
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PersonalText {
    /// How the caller shows itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub caller_info: Option<crate::CallerInfo>,
    /// What the app of the caller wants the app of the callee to have.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub invitation_data: Option<serde_json::Map<String, Value>>,
    /// Why somebody rejected, cancelled or hung up, in their words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

impl PersonalText {
    /// Whether there is nothing to keep.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self == &Self::default()
    }
}

/// Personal text as stored beside the commit whose event names `digest`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Personal {
    /// Random, so that a short text cannot be guessed from its digest; 32 hexadecimal digits.
    #[schemars(regex(pattern = "^[0-9a-f]{32}$"))]
    pub salt: String,
    /// The text, as one JSON text in the form of RFC 8785: an object with `caller_info`, `invitation_data` and `reason`,
    /// each where there is one.
    #[serde(with = "crate::json_text")]
    #[schemars(with = "String", extend("contentMediaType" = "application/json"))]
    pub text: PersonalText,
    /// SHA-256 over `salt` and `text`, byte by byte; what the commit's event names.
    #[schemars(regex(pattern = "^[0-9a-f]{64}$"))]
    pub digest: Hash,
}

/// That personal text was deleted because a person asked to be forgotten. It stands where the text stood.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Forgotten {
    /// The digest of the text that was deleted; what the commit's event names.
    #[schemars(regex(pattern = "^[0-9a-f]{64}$"))]
    pub digest: Hash,
    /// Who asked to be forgotten.
    pub person: Party,
    /// When it was done.
    pub at: Millis,
}

/// That a call is in the archive of the day on which it was placed. It stands beside the commits, and stays when they are moved
/// out of the log: then it is all that the log has of the call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Archived {
    /// Whose call it is.
    pub tenant: TenantId,
    /// When the call was placed: the day index lists it by this. The archive is that of the day of this moment.
    pub at: Millis,
    /// How many commits the call has.
    pub commits: u32,
    /// SHA-256 of the archive's text: an export of the whole day, uncompressed.
    #[schemars(regex(pattern = "^[0-9a-f]{64}$"))]
    pub digest: Hash,
    /// When this was written.
    pub archived_at: Millis,
}

impl Archived {
    /// A call is archived, and what stands of it may be deleted, no earlier than so many days after it was placed.
    pub const AFTER_DAYS: u32 = 90;
    /// The same, in milliseconds.
    pub const AFTER_MS: i64 = Self::AFTER_DAYS as i64 * 24 * 60 * 60 * 1000;

    /// The day whose archive has the call.
    #[must_use]
    pub fn day(&self) -> Day {
        Day::of(self.at)
    }
}

/// That one more phone confirmed that it is ringing, after the first, whose word is a commit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Alert {
    /// Whose phone.
    pub callee: PartyId,
    /// Which, when it said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_id: Option<ClientName>,
    /// How it is known that it was this one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_is: Option<ClientProof>,
    /// Whether it was given the way into the room to look and listen, which it then has until the deadline.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub preview: bool,
    /// When.
    pub at: Millis,
}

/// What hands a notice over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Carrier {
    /// The MQTT broker.
    Mqtt,
    /// The push services.
    Push,
}

impl Carrier {
    /// The carrier's stored name.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Mqtt => "mqtt",
            Self::Push => "push",
        }
    }
}

/// Who delivers a commit's notices.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum DeliveryPath {
    /// The function that appended the commit.
    Fast,
    /// The projector.
    Projector,
}

impl DeliveryPath {
    /// The path's stored name.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Fast => "fast",
            Self::Projector => "projector",
        }
    }
}

/// What became of one notice.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DeliveryOutcome {
    /// Topic; of a push, whose phones or which push service.
    pub target: String,
    /// What it was handed to.
    pub carrier: Carrier,
    /// The carrier's own id of it, where it gives one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub carrier_id: Option<String>,
    /// Milliseconds from the commit to the moment the carrier had it, or it was given up on.
    pub ms: i64,
    /// Why it was given up on; none when it was handed over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// The evidence of one delivery round of one commit's notices.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Receipt {
    /// The commit whose notices these are.
    pub n: CommitNo,
    /// Who delivered.
    pub path: DeliveryPath,
    /// When the round ended.
    pub at: Millis,
    /// By the notice's index in its commit. A push stands here once every phone is settled.
    pub notices: BTreeMap<u32, DeliveryOutcome>,
    /// The phones to which the commit's push was handed over, or for which it was given up on.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub phones: BTreeMap<ClientName, DeliveryOutcome>,
}
