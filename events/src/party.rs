//! The parties of a call: a person or a door station.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::PartyId;

/// What a party is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PartyKind {
    /// A person, with any number of phones.
    User,
    /// A door station.
    Device,
}

impl PartyKind {
    /// The word that stands in JSON, and in what addresses are derived from.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Device => "device",
        }
    }
}

/// A user or a door station.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
pub struct Party {
    /// User or device.
    pub kind: PartyKind,
    /// Its id.
    pub id: PartyId,
}
