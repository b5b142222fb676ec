//! Who somebody is, once a token has said so.

use ilock_events::{Party, PartyAddress, PartyId, PartyKind, TenantId};
use serde::{Deserialize, Serialize};

/// What somebody is here as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// A person with phones.
    User,
    /// A door station.
    Device,
    /// Reads and verifies histories; is no party to any call.
    Auditor,
    /// Runs the deployment: logs people out; is no party to any call.
    Operator,
}

impl Role {
    pub const ALL: [Self; 4] = [Self::User, Self::Device, Self::Auditor, Self::Operator];

    /// The word that stands in a token.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Device => "device",
            Self::Auditor => "auditor",
            Self::Operator => "operator",
        }
    }
}

/// A role by another name than `user`, `device`, `auditor` and `operator`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a role must be user, device, auditor or operator")]
pub struct BadRole;

impl std::str::FromStr for Role {
    type Err = BadRole;
    fn from_str(word: &str) -> Result<Self, BadRole> {
        Self::ALL.into_iter().find(|role| role.word() == word).ok_or(BadRole)
    }
}

/// Somebody who showed a good token.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Identity {
    /// The token's `sub`.
    pub id: PartyId,
    /// The token's `role`.
    pub role: Role,
    /// The token's `tenant`; `default` when it names none.
    pub tenant: TenantId,
}

impl Identity {
    /// The party that they are in calls; auditors and operators are none.
    #[must_use]
    pub fn party(&self) -> Option<Party> {
        let kind = match self.role {
            Role::User => PartyKind::User,
            Role::Device => PartyKind::Device,
            Role::Auditor | Role::Operator => return None,
        };
        Some(Party { kind, id: self.id.clone() })
    }

    /// Where that party is found; auditors and operators nowhere.
    #[must_use]
    pub fn address(&self) -> Option<PartyAddress> {
        self.party().map(|party| PartyAddress::of(&self.tenant, &party))
    }

    /// Where it stands who is logged out. An auditor or operator is a person: whoever logs out everywhere, or is logged out
    /// by an operator, is so in every role.
    #[must_use]
    pub fn logged_in_at(&self) -> PartyAddress {
        let kind = if self.role == Role::Device { PartyKind::Device } else { PartyKind::User };
        PartyAddress::of(&self.tenant, &Party { kind, id: self.id.clone() })
    }
}
