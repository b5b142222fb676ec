//! The one name of a client: an installed app of a person, or a door station's connection.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::address::is_address;
use super::topic_prefix::is_prefix;
use super::{Address, PartyAddress, PartyId, TopicPrefix};
use crate::{BadId, PartyKind};

/// The longest part of its own that a client's name has: with prefix, kind and address before it, the whole has at most
/// the 128 characters that IoT Core takes.
const LONGEST_OWN: usize = 52;

const WHAT: &str = "a client id";
const RULE: &str = "1 to 52 of A-Z a-z 0-9 _ -; your own id and _ may stand before";

/// `{prefix.}{address}_{own part}`, for a door station `{prefix.}d.{address}_{own part}`. It is the MQTT client id, and
/// what every message and answer calls the client.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(extend("pattern" = "^([a-z0-9]{1,8}\\.)?(d\\.)?[A-Za-z0-9-]{1,64}_[A-Za-z0-9_-]{1,52}$"))]
pub struct ClientName(String);

impl PartyAddress {
    /// What stands before the own part in the names of its clients.
    fn before(&self, prefix: &TopicPrefix) -> String {
        let door = match self.kind {
            PartyKind::User => "",
            PartyKind::Device => "d.",
        };
        format!("{}{door}{}_", prefix.before('.'), self.address)
    }
}

impl ClientName {
    /// Reads a whole name, as registering answers it.
    ///
    /// # Errors
    /// [`BadId`] when it is none.
    pub fn new(text: impl Into<String>) -> Result<Self, BadId> {
        Self::try_from(text.into())
    }

    /// The name of the client that `id`, who is `owner`, sent as `sent`: its own part, or that behind the owner's address
    /// or id and `_`, or the whole name. Apps have always put the user's id before what they add.
    ///
    /// # Errors
    /// [`BadId`] when the own part breaks its rule.
    pub fn of_sent(sent: &str, owner: &PartyAddress, id: &PartyId, prefix: &TopicPrefix) -> Result<Self, BadId> {
        let whole = owner.before(prefix);
        let of_id = |text| str::strip_prefix(text, id.as_str())?.strip_prefix('_');
        let of_address = |text| str::strip_prefix(text, owner.address.as_str())?.strip_prefix('_');
        let own = sent.strip_prefix(&whole).or_else(|| of_address(sent)).or_else(|| of_id(sent)).unwrap_or(sent);
        if is_own_part(own) { Ok(Self(format!("{whole}{own}"))) } else { Err(BadId { what: WHAT, rule: RULE }) }
    }

    /// Whose client this is, and the stack's prefix before it. Every name says it, so none has to be looked up.
    #[must_use]
    pub fn owner(&self) -> Option<(TopicPrefix, PartyAddress)> {
        let Parts { prefix, kind, address } = Parts::of(&self.0)?;
        Some((TopicPrefix::new(prefix).ok()?, PartyAddress { kind, address: Address::read(address)? }))
    }

    /// Whether it is a client of `owner` in the stack with this prefix.
    #[must_use]
    pub fn belongs_to(&self, owner: &PartyAddress, prefix: &TopicPrefix) -> bool {
        self.owner().is_some_and(|(own_prefix, own)| own == *owner && own_prefix == *prefix)
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What a client's name says before its own part.
struct Parts<'a> {
    prefix: &'a str,
    kind: PartyKind,
    address: &'a str,
}

impl<'a> Parts<'a> {
    fn of(name: &'a str) -> Option<Self> {
        let (before, own) = name.split_once('_')?;
        let mut before = before.split('.');
        // No prefix is `d`, so what stands before the first dot says which of the two it is.
        let (prefix, kind, address) = match (before.next()?, before.next(), before.next(), before.next()) {
            (address, None, ..) => ("", PartyKind::User, address),
            ("d", Some(address), None, _) => ("", PartyKind::Device, address),
            ("", ..) => return None,
            (prefix, Some(address), None, _) => (prefix, PartyKind::User, address),
            (prefix, Some("d"), Some(address), None) => (prefix, PartyKind::Device, address),
            _ => return None,
        };
        let good = is_prefix(prefix) && is_address(address) && is_own_part(own);
        good.then_some(Self { prefix, kind, address })
    }
}

fn is_own_part(text: &str) -> bool {
    (1..=LONGEST_OWN).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'))
}

impl fmt::Display for ClientName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for ClientName {
    type Error = BadId;
    fn try_from(text: String) -> Result<Self, BadId> {
        if Parts::of(&text).is_some() {
            Ok(Self(text))
        } else {
            Err(BadId { what: WHAT, rule: "as registering answered it" })
        }
    }
}

impl std::str::FromStr for ClientName {
    type Err = BadId;
    fn from_str(text: &str) -> Result<Self, BadId> {
        Self::new(text)
    }
}

impl From<ClientName> for String {
    fn from(name: ClientName) -> Self {
        name.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::TenantId;

    fn owner(kind: PartyKind, id: &str) -> (PartyAddress, PartyId) {
        let id = PartyId::new(id).unwrap();
        (PartyAddress { kind, address: Address::of(&TenantId::new("default").unwrap(), kind, &id) }, id)
    }

    fn name(sent: &str, kind: PartyKind, id: &str, prefix: &str) -> Result<String, BadId> {
        let (owner, id) = owner(kind, id);
        ClientName::of_sent(sent, &owner, &id, &TopicPrefix::new(prefix).unwrap()).map(String::from)
    }

    #[test]
    fn the_own_part_the_address_before_it_and_the_whole_name_are_the_same_client() {
        use PartyKind::{Device, User};
        for (kind, prefix, whole) in [
            (User, "", "user456_phone"),
            (User, "blue", "blue.user456_phone"),
            (Device, "", "d.user456_phone"),
            (Device, "blue", "blue.d.user456_phone"),
        ] {
            for sent in ["phone", "user456_phone", whole] {
                assert_eq!(name(sent, kind, "user456", prefix).unwrap(), whole, "{sent}");
            }
        }
        assert_eq!(
            name("user456_android_uuid1234", User, "user456", "").unwrap(),
            "user456_android_uuid1234",
            "the name of existing apps"
        );
    }

    #[test]
    fn an_app_that_puts_the_users_id_before_its_own_part_may_whatever_the_id() {
        let id = "anna+home@example.com";
        let whole = name("android_1", PartyKind::User, id, "").unwrap();
        assert_eq!(name("anna+home@example.com_android_1", PartyKind::User, id, "").unwrap(), whole);
        assert_eq!(name(&whole, PartyKind::User, id, "").unwrap(), whole);
        assert!(whole.starts_with('x') && whole.ends_with("_android_1"), "{whole}");
    }

    #[test]
    fn a_name_that_has_been_answered_is_taken_as_it_is() {
        // Its own part looks as if the address stood before it.
        let whole = name("user456_user456_a", PartyKind::User, "user456", "").unwrap();
        assert_eq!(whole, "user456_user456_a");
        assert_eq!(name(&whole, PartyKind::User, "user456", "").unwrap(), whole);
    }

    #[test]
    fn own_parts_that_would_bend_a_topic_or_are_too_long_are_refused() {
        let (longest, too_long) = ("a".repeat(52), "a".repeat(53));
        assert!(name(&longest, PartyKind::User, "user456", "").is_ok());
        for bad in ["", "user456_", "a b", "a/b", "a.b", "a+", "#", "é", too_long.as_str()] {
            assert!(name(bad, PartyKind::User, "user456", "").is_err(), "{bad:?} was taken");
        }
    }

    #[test]
    fn a_name_says_whose_client_it_is() {
        for (kind, prefix) in
            [(PartyKind::User, ""), (PartyKind::User, "dd"), (PartyKind::Device, ""), (PartyKind::Device, "d1")]
        {
            let (owner, id) = owner(kind, "d");
            let prefix = TopicPrefix::new(prefix).unwrap();
            let name = ClientName::of_sent("a_b", &owner, &id, &prefix).unwrap();
            assert_eq!(name.owner(), Some((prefix.clone(), owner.clone())), "{name}");
            assert!(name.belongs_to(&owner, &prefix));
            let other = PartyAddress {
                kind: if kind == PartyKind::User { PartyKind::Device } else { PartyKind::User },
                ..owner
            };
            assert!(!name.belongs_to(&other, &prefix));
            assert!(!name.belongs_to(&other, &TopicPrefix::new("other").unwrap()));
        }
    }

    #[test]
    fn what_no_registration_answered_is_no_name() {
        for bad in ["", "a", "_a", "a_", "a.b.c_d", ".a_b", "d._b", "d.d.a_b", "UP.a_b", "ninechars.a_b", "a/b_c"] {
            assert!(ClientName::try_from(bad.to_owned()).is_err(), "{bad:?} was taken");
        }
    }
}
