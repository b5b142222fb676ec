//! Under which names a party enters TRTC rooms.
//!
//! Tencent puts out the earlier of two that enter under one name, so every client has a name of its own.

use serde::{Deserialize, Serialize};

use super::{PartyId, address};
use crate::{BadId, PartyKind, TenantId, TrtcUser};

/// An id that stands for itself in a room is at most this long, which leaves room for what a client adds.
const LONGEST_OWN: usize = 24;

/// The place of a client among its party's, given at registration and kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "u8", into = "u8")]
pub struct Slot(u8);

impl Slot {
    /// How many clients one party may have.
    pub const COUNT: u8 = 64;

    /// Checks `number`.
    ///
    /// # Errors
    /// [`BadId`] above 63.
    pub const fn new(number: u8) -> Result<Self, BadId> {
        if number < Self::COUNT { Ok(Self(number)) } else { Err(BadId { what: "a slot", rule: "0 to 63" }) }
    }

    /// The number: 0 to 63.
    #[must_use]
    pub const fn number(self) -> u8 {
        self.0
    }
}

impl TryFrom<u8> for Slot {
    type Error = BadId;
    fn try_from(number: u8) -> Result<Self, BadId> {
        Self::new(number)
    }
}

impl From<Slot> for u8 {
    fn from(slot: Slot) -> Self {
        slot.0
    }
}

/// Where in a party somebody enters a room.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Seat {
    /// The party as a whole: what all of a person's phones are told at once.
    Party,
    /// One of its registered clients.
    Client(Slot),
    /// Somebody of it that named no registered client.
    Unnamed,
}

/// A party's name in TRTC. With what its clients add: at most 32 of `[A-Za-z0-9_-]`, and never digits only.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct TrtcIdentity {
    base: String,
    kind: PartyKind,
}

impl TrtcIdentity {
    /// The identity of the `kind` called `id` in `tenant`. No two parties share one, of whatever kind.
    #[must_use]
    pub fn of(tenant: &TenantId, kind: PartyKind, id: &PartyId) -> Self {
        let text = id.as_str();
        let own = kind == PartyKind::User
            && text.len() <= LONGEST_OWN
            && text.contains(|c: char| c.is_ascii_alphabetic())
            && address::is_own_address(tenant, id);
        let base = if own { text.to_owned() } else { address::derived(tenant, kind, id) };
        Self { base, kind }
    }

    /// The name under which `seat` of this party enters a room.
    #[must_use]
    pub fn at(&self, seat: Seat) -> TrtcUser {
        let Self { base, kind } = self;
        let door = match kind {
            PartyKind::User => "",
            PartyKind::Device => "d",
        };
        TrtcUser(match seat {
            Seat::Party => base.clone(),
            Seat::Client(slot) => format!("{base}_{door}{}", slot.0),
            Seat::Unnamed => format!("{base}_{door}n"),
        })
    }

    /// Which seat of this party `name` is; none when it is somebody else's.
    #[must_use]
    pub fn seat_of(&self, name: &str) -> Option<Seat> {
        let rest = name.strip_prefix(self.base.as_str())?;
        if rest.is_empty() {
            return Some(Seat::Party);
        }
        let seat = match self.kind {
            PartyKind::User => rest.strip_prefix('_')?,
            PartyKind::Device => rest.strip_prefix("_d")?,
        };
        let seat = match seat {
            "n" => Seat::Unnamed,
            number => Seat::Client(Slot::new(number.parse().ok()?).ok()?),
        };
        // `_07` and `_+7` are nobody's: one seat has one name.
        (self.at(seat).as_str() == name).then_some(seat)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn identity(tenant: &str, kind: PartyKind, id: &str) -> TrtcIdentity {
        TrtcIdentity::of(&TenantId::new(tenant).unwrap(), kind, &PartyId::new(id).unwrap())
    }

    fn slot(number: u8) -> Slot {
        Slot::new(number).unwrap()
    }

    #[test]
    fn a_person_with_a_plain_short_id_keeps_it() {
        let anna = identity("default", PartyKind::User, "user456");
        assert_eq!(anna.at(Seat::Party).to_string(), "user456");
        assert_eq!(anna.at(Seat::Client(slot(0))).to_string(), "user456_0");
        assert_eq!(anna.at(Seat::Client(slot(63))).to_string(), "user456_63");
        assert_eq!(anna.at(Seat::Unnamed).to_string(), "user456_n");
    }

    #[test]
    fn digits_long_ids_other_tenants_and_door_stations_are_derived() {
        let uuid = "3f2b8c1e-9d57-4c0a-8a55-0d0f6f9d2a11";
        for other in [
            identity("default", PartyKind::User, "8613800138000"),
            identity("default", PartyKind::User, "-1"),
            identity("default", PartyKind::User, uuid),
            identity("default", PartyKind::User, &"a".repeat(25)),
            identity("default", PartyKind::User, "a_b"),
            identity("acme", PartyKind::User, "user456"),
            identity("default", PartyKind::Device, "device123"),
        ] {
            let name = other.at(Seat::Party).to_string();
            assert!(name.len() == 27 && name.starts_with('x'), "{name}");
        }
        assert_eq!(identity("default", PartyKind::User, &"a".repeat(24)).at(Seat::Party).as_str(), "a".repeat(24));
    }

    #[test]
    fn a_door_station_has_a_seat_of_its_own_kind() {
        let door = identity("default", PartyKind::Device, "device123");
        let base = door.at(Seat::Party).to_string();
        assert_eq!(door.at(Seat::Client(slot(7))).to_string(), format!("{base}_d7"));
        assert_eq!(door.at(Seat::Unnamed).to_string(), format!("{base}_dn"));
    }

    #[test]
    fn every_seat_is_found_again_and_nothing_else_is() {
        let door = identity("default", PartyKind::Device, "device123");
        let anna = identity("default", PartyKind::User, "user4");
        for party in [&door, &anna] {
            for seat in (0..Slot::COUNT).map(|n| Seat::Client(slot(n))).chain([Seat::Party, Seat::Unnamed]) {
                assert_eq!(party.seat_of(party.at(seat).as_str()), Some(seat));
            }
        }
        for other in
            ["user45", "user4_", "user4_64", "user4_07", "user4_+7", "user4_d1", "user4_dn", "user", "user4_1_2"]
        {
            assert_eq!(anna.seat_of(other), None, "{other}");
        }
    }
}
