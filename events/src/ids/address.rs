//! Where a party is found: what stands for it in topics, MQTT client ids and call ids.

use std::fmt;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{PartyId, base32};
use crate::{BadId, Party, PartyKind, TenantId};

/// The tenant of a deployment that has only one.
const ONLY_TENANT: &str = "default";

/// How many base32 characters of the digest stand in a derived name: 130 bits.
const DERIVED: usize = 26;

/// A party's address: 1 to 64 letters, digits and `-`.
///
/// In the tenant `default` an id of this form is its own address, so that UUIDs and the ids of existing apps keep theirs.
/// Everything else is `x` and 26 base32 characters of a digest. No two parties of one kind share an address; a person
/// and a door station may, and whatever does not carry the kind by itself (`users/…`, `devices/…`) has to.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Address(String);

impl Address {
    /// The address of the `kind` called `id` in `tenant`.
    #[must_use]
    pub fn of(tenant: &TenantId, kind: PartyKind, id: &PartyId) -> Self {
        if is_own_address(tenant, id) { Self(id.to_string()) } else { Self(derived(tenant, kind, id)) }
    }

    /// `text`, where it may stand as an address. Says nothing about whose it is.
    pub(super) fn read(text: &str) -> Option<Self> {
        is_address(text).then(|| Self(text.to_owned()))
    }

    /// The address as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Where a party is found: its kind and its address. What tenant and id it has is said no more, nor needed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct PartyAddress {
    /// A person or a door station.
    pub kind: PartyKind,
    /// Its address.
    pub address: Address,
}

impl PartyAddress {
    /// Where `party` of `tenant` is found.
    #[must_use]
    pub fn of(tenant: &TenantId, party: &Party) -> Self {
        Self { kind: party.kind, address: Address::of(tenant, party.kind, &party.id) }
    }
}

impl fmt::Display for PartyAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.kind.word(), self.address)
    }
}

impl TryFrom<String> for Address {
    type Error = BadId;
    fn try_from(text: String) -> Result<Self, BadId> {
        Self::read(&text).ok_or(BadId { what: "an address", rule: "1 to 64 of A-Z a-z 0-9 -" })
    }
}

impl From<Address> for String {
    fn from(address: Address) -> Self {
        address.0
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Whether `id` stands for itself. What looks derived does not: else somebody could be named as somebody else's address.
pub(super) fn is_own_address(tenant: &TenantId, id: &PartyId) -> bool {
    tenant.as_str() == ONLY_TENANT && is_address(id.as_str()) && !looks_derived(id.as_str())
}

/// `x` and the first 26 base32 characters of SHA-256 over tenant, kind and id, each preceded by its length in bytes
/// (4 bytes, big-endian).
pub(super) fn derived(tenant: &TenantId, kind: PartyKind, id: &PartyId) -> String {
    let mut named = Vec::new();
    for part in [tenant.as_str(), kind.word(), id.as_str()] {
        named.extend(u32::try_from(part.len()).unwrap_or(u32::MAX).to_be_bytes());
        named.extend(part.as_bytes());
    }
    // 17 bytes are enough for 26 characters of 5 bits.
    let mut name = base32::encode(&Sha256::digest(&named)[..17]);
    name.truncate(DERIVED);
    name.insert(0, 'x');
    name
}

pub(super) fn is_address(text: &str) -> bool {
    (1..=64).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
}

fn looks_derived(text: &str) -> bool {
    text.strip_prefix('x').is_some_and(|rest| rest.len() == DERIVED && base32::is_base32(rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(tenant: &str, kind: PartyKind, id: &str) -> String {
        Address::of(&TenantId::new(tenant).unwrap(), kind, &PartyId::new(id).unwrap()).to_string()
    }

    #[test]
    fn ids_of_existing_apps_are_their_own_addresses() {
        let longest = "a".repeat(64);
        for id in ["user456", "device123", "3f2b8c1e-9d57-4c0a-8a55-0d0f6f9d2a11", "42", "-", "X", longest.as_str()] {
            assert_eq!(address("default", PartyKind::User, id), id);
            assert_eq!(address("default", PartyKind::Device, id), id);
        }
    }

    #[test]
    fn everything_else_is_derived() {
        let too_long = "a".repeat(65);
        let forged = format!("x{}", "a".repeat(26));
        for id in ["a_b", "a/b", "a b", "é", "anna@example.com", too_long.as_str(), forged.as_str()] {
            let found = address("default", PartyKind::User, id);
            assert!(looks_derived(&found) && found != id, "{id} became {found}");
        }
        assert!(looks_derived(&address("acme", PartyKind::User, "user456")));
    }

    /// Computed with Python's `hashlib` and `base64`.
    #[test]
    fn the_derivation_is_this_one() {
        assert_eq!(address("acme", PartyKind::User, "user456"), "xfeq2gwyarsvrgzwtntc7sbuie5");
        assert_eq!(address("default", PartyKind::Device, "门口机 1"), "xjsccyl5vv3mio3f2vhayilmddd");
    }

    #[test]
    fn tenant_kind_and_id_are_told_apart() {
        let all = [
            address("acme", PartyKind::User, "a"),
            address("acme", PartyKind::Device, "a"),
            address("acm", PartyKind::User, "ea"),
            address("acme", PartyKind::User, "A"),
            address("acme", PartyKind::User, "a "),
            address("Acme", PartyKind::User, "a"),
        ];
        let distinct: std::collections::BTreeSet<&String> = all.iter().collect();
        assert_eq!(distinct.len(), all.len());
    }
}
