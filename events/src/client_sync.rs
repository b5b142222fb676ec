//! On `users/{person}/devices/sync`: what happened to the person's own clients.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::lenient::Platform;
use crate::message::MessageId;
use crate::{ClientName, Millis};

/// What happened to a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ClientChange {
    /// It registered, and was not there before, or by another login: somebody logged in on a phone.
    ClientAdded,
    /// It was dropped, because there were too many: one that had not been heard of for longest.
    ClientRemoved,
}

/// On `users/{person}/devices/sync`: the person has another client than before. There is no call, so no `call_id`, `seq` or
/// `state`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ClientSync {
    pub action: ClientChange,
    /// Which client. A phone that finds itself here ignores it.
    pub device_id: ClientName,
    /// The system that it runs on, where it said so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub platform: Option<Platform>,
    /// What it says it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device_type: Option<String>,
    pub timestamp: Millis,
    /// The same on every retry.
    pub message_id: MessageId,
    /// Until when it is worth showing.
    pub expires_at: Millis,
}
