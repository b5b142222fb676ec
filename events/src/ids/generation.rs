//! Which registration of a client a password comes from.

use serde::{Deserialize, Serialize};

use super::base32;
use crate::BadId;

/// Random, and new with each registration of a client: 13 base32 characters. The client's MQTT password carries its own.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Generation(String);

impl Generation {
    /// One made of eight random bytes.
    #[must_use]
    pub fn of_bytes(bytes: [u8; 8]) -> Self {
        Self(base32::encode(&bytes))
    }

    /// The generation as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Generation {
    type Error = BadId;
    fn try_from(text: String) -> Result<Self, BadId> {
        let good = text.len() == 13 && base32::is_base32(&text);
        if good { Ok(Self(text)) } else { Err(BadId { what: "a generation", rule: "13 of a-z 2-7" }) }
    }
}

impl std::str::FromStr for Generation {
    type Err = BadId;
    fn from_str(text: &str) -> Result<Self, BadId> {
        Self::try_from(text.to_owned())
    }
}

impl From<Generation> for String {
    fn from(generation: Generation) -> Self {
        generation.0
    }
}
