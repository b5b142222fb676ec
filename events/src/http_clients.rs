//! What is asked and answered over HTTP about one's clients, logins, blocked callers and settings.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::lenient::Platform;
use crate::{ClientName, Millis, PartyId};

/// `GET /api/mqtt/clients`: where the asker is logged in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct KnownClients {
    /// The one heard of last is first.
    pub clients: Vec<KnownClient>,
}

/// A registered client as its owner sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct KnownClient {
    /// Its name.
    pub client_id: ClientName,
    /// The system that it runs on, where it said so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub platform: Option<Platform>,
    /// What it says it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device_type: Option<String>,
    /// The app's version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub app_version: Option<String>,
    /// When it registered last.
    pub registered_at: Millis,
    /// When it was last heard of: by a registration, or by a report of its status.
    pub last_active: Millis,
    /// Whether its MQTT connection stands.
    pub online: bool,
    /// Whether it was registered by the login that asks.
    pub current: bool,
}

/// What a logout answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ClientRemoved {
    /// The clients that were logged out: the one that was meant, and others of the same login session.
    pub removed: Vec<ClientName>,
    /// Until when an access token of theirs still works. Absent where none does: where the login service names the login
    /// session, its tokens have ended too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub access_token_until: Option<Millis>,
}

/// `POST /api/admin/revocations`: who is logged out everywhere. Exactly one of the two.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Revocation {
    /// A person of the operator's tenant; auditors and operators are persons.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_id: Option<PartyId>,
    /// A door station of the operator's tenant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device_id: Option<PartyId>,
}

/// What a revocation answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Revoked {
    /// Logins from before then have ended, in whole seconds.
    pub not_before: Millis,
    /// The clients that were logged out.
    pub removed: Vec<ClientName>,
}

/// `GET /api/blocks`: whom the asker has blocked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct BlockList {
    /// The one blocked last is first.
    pub blocks: Vec<BlockedCaller>,
}

/// A caller who does not reach the person who blocked them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct BlockedCaller {
    /// The caller's id; a person and a door station of the same id are blocked together.
    pub caller_id: PartyId,
    /// When they were blocked.
    pub since: Millis,
}

/// `/api/settings`: what a person has set.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PersonSettings {
    /// What becomes of a call to the person while they are in another one.
    #[serde(deserialize_with = "crate::lenient::word")]
    pub when_busy: WhenBusy,
}

/// What becomes of a call to somebody who is in another one.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum WhenBusy {
    /// Their phones ring, and are told that it is a second call.
    #[default]
    Ring,
    /// It is refused at once, with the reason `busy`; their phones do not ring.
    Refuse,
}

/// `POST /api/v1/devices/confirm`: what arrived by a silent push of type `PUSH_CONFIRM`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ConfirmPushToken {
    /// As it came.
    #[schemars(length(min = 1, max = 64))]
    pub nonce: String,
}

/// What becomes of a push token that was confirmed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PushTokenConfirmed {
    /// The client that the token belongs to now.
    pub client_id: ClientName,
}
