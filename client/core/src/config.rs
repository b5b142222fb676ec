//! Who the client is.

use serde::{Deserialize, Serialize};

/// What kind of client this is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// A person's phone, panel or browser: it rings, and can call.
    Phone,
    /// A door station: it calls.
    Door,
}

/// What the client says of itself when it registers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Config {
    /// Phone or door station.
    pub role: Role,
    /// The name of this installation: 1 to 52 of `A-Z a-z 0-9 _ -`. Choose it once and keep it.
    pub client_id: String,
    /// `android`, `ios`, `web`, `linux`, or another word.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub platform: Option<String>,
    /// The app's version, at most 64 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub app_version: Option<String>,
    /// The language of what a push shows: `zh-CN`, `en`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub language: Option<String>,
}

impl Config {
    /// A client with this role and name, which says nothing else of itself.
    #[must_use]
    pub fn new(role: Role, client_id: String) -> Self {
        Self { role, client_id, platform: None, app_version: None, language: None }
    }
}
