//! Names of things, checked where they come in. An id that exists is a good id.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What a text without control characters is like, as a regular expression that every dialect reads alike.
pub(crate) const NO_CONTROLS: &str = r"^[^\x00-\x1f\x7f-\x9f]*$";

/// The same of printable ASCII without spaces.
pub(crate) const PRINTABLE: &str = "^[!-~]*$";

/// Why a text is not an id: `what` it was to be, and `rule` it broke.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what} must be {rule}")]
pub struct BadId {
    /// The kind of id, in words: "a user or device id".
    pub what: &'static str,
    /// What would have been right.
    pub rule: &'static str,
}

fn is_plain(text: &str, longest: usize) -> bool {
    !text.is_empty()
        && text.len() <= longest
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-')
}

macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident, $what:literal, $rule:literal, $pattern:literal, $check:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
        #[serde(try_from = "String", into = "String")]
        #[schemars(extend("pattern" = $pattern))]
        pub struct $name(pub(crate) String);

        impl $name {
            /// Checks `text`.
            ///
            /// # Errors
            /// [`BadId`] when the rule is broken.
            pub fn new(text: impl Into<String>) -> Result<Self, BadId> {
                let text = text.into();
                let check: fn(&str) -> bool = $check;
                if check(&text) { Ok(Self(text)) } else { Err(BadId { what: $what, rule: $rule }) }
            }

            /// The id as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl TryFrom<String> for $name {
            type Error = BadId;
            fn try_from(text: String) -> Result<Self, BadId> {
                Self::new(text)
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.0
            }
        }

        impl std::str::FromStr for $name {
            type Err = BadId;
            fn from_str(text: &str) -> Result<Self, BadId> {
                Self::new(text)
            }
        }
    };
}

text_id!(
    /// Under which name somebody enters TRTC rooms: Tencent takes 1 to 32 bytes of `[A-Za-z0-9_-]`.
    TrtcUser,
    "a TRTC user",
    "1 to 32 of A-Z a-z 0-9 _ -",
    "^[A-Za-z0-9_-]{1,32}$",
    |text| is_plain(text, 32)
);

text_id!(
    /// A call: `call_{caller}_{callee}_{ms}_{random}`. Opaque: never parsed back.
    CallId,
    "a call id",
    "1 to 170 of A-Z a-z 0-9 _ -",
    "^[A-Za-z0-9_-]{1,170}$",
    |text| is_plain(text, 170)
);

text_id!(
    /// An operator's customer. Nothing of one tenant is visible to another.
    TenantId,
    "a tenant",
    "1 to 64 of A-Z a-z 0-9 _ -",
    "^[A-Za-z0-9_-]{1,64}$",
    |text| is_plain(text, 64)
);

text_id!(
    /// What makes a repeated command recognisable: the request's `Idempotency-Key`, or a fresh random one.
    CommandId,
    "an idempotency key",
    "1 to 64 printable ASCII characters without spaces",
    "^[!-~]{1,64}$",
    |text| (1..=64).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic())
);

text_id!(
    /// What tells one request from another under the same idempotency key: 8 random bytes, in hexadecimal digits.
    Nonce,
    "a nonce",
    "16 of 0-9 a-f",
    "^[0-9a-f]{16}$",
    |text| text.len() == 16 && text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
);

impl Nonce {
    /// That of a new request.
    #[must_use]
    pub fn of(random: [u8; 8]) -> Self {
        Self(format!("{:016x}", u64::from_be_bytes(random)))
    }
}

/// A moment: milliseconds since 1970-01-01T00:00:00Z.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Millis(pub i64);

impl Millis {
    /// This moment and `ms` milliseconds.
    #[must_use]
    pub const fn plus(self, ms: i64) -> Self {
        Self(self.0.saturating_add(ms))
    }

    /// Milliseconds from `earlier` to this moment; negative when `earlier` is later.
    #[must_use]
    pub const fn since(self, earlier: Self) -> i64 {
        self.0.saturating_sub(earlier.0)
    }
}

impl fmt::Display for Millis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The place of a commit in its call's log, from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
#[schemars(extend("minimum" = 1))]
pub struct CommitNo(pub u32);

impl CommitNo {
    /// The commit that places the call.
    pub const FIRST: Self = Self(1);

    /// The number after this one.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

impl fmt::Display for CommitNo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A TRTC room: 1 to 2147483647, because apps read it as a signed 32-bit integer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "u32", into = "u32")]
#[schemars(with = "u32", extend("minimum" = 1, "maximum" = 2_147_483_647))]
pub struct RoomId(u32);

impl RoomId {
    /// Checks `number`.
    ///
    /// # Errors
    /// [`BadId`] outside 1 to 2147483647.
    pub const fn new(number: u32) -> Result<Self, BadId> {
        if number >= 1 && number <= i32::MAX.unsigned_abs() {
            Ok(Self(number))
        } else {
            Err(BadId { what: "a room id", rule: "1 to 2147483647" })
        }
    }

    /// A room id out of any 32 bits, all rooms equally likely but for one part in two thousand million.
    #[must_use]
    pub const fn from_bits(bits: u32) -> Self {
        Self(bits % i32::MAX.unsigned_abs() + 1)
    }

    /// The number.
    #[must_use]
    pub const fn number(self) -> u32 {
        self.0
    }
}

impl TryFrom<u32> for RoomId {
    type Error = BadId;
    fn try_from(number: u32) -> Result<Self, BadId> {
        Self::new(number)
    }
}

impl From<RoomId> for u32 {
    fn from(room: RoomId) -> Self {
        room.0
    }
}

impl fmt::Display for RoomId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_tencent_would_not_take_are_refused() {
        for bad in ["", "a/b", "a+b", "a#", "a\0b", "é", " a", &"x".repeat(33)] {
            assert!(TrtcUser::new(bad).is_err(), "{bad:?} was taken");
        }
        assert!(TrtcUser::new("x".repeat(32)).is_ok());
    }

    #[test]
    fn a_room_fits_a_signed_integer() {
        assert!(RoomId::new(0).is_err());
        assert!(RoomId::new(2_147_483_648).is_err());
        for bits in [0, 1, u32::MAX, 2_147_483_646, 2_147_483_647] {
            assert!(RoomId::new(RoomId::from_bits(bits).number()).is_ok());
        }
    }
}
