//! The id that a login service gives a person or a door station.

use std::fmt;

use schemars::JsonSchema;
use serde::de::{Error, Unexpected, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

use crate::BadId;
use crate::id::NO_CONTROLS;

/// The longest id, in characters. `sub` in OpenID Connect Core, 5.1, has at most 255; no service is known to use more
/// than half.
const LONGEST: usize = 128;

/// Integers up to here are the same in every JSON reader (RFC 8259, 6).
const LAST_EXACT: f64 = 9_007_199_254_740_991.0;

const RULE: &str = "1 to 128 characters without control characters";

fn is_id(text: &str) -> bool {
    // Most ids are short and of printable ASCII; no character has less than a byte.
    let short = text.len() <= LONGEST || text.chars().nth(LONGEST).is_none();
    let plain = text.bytes().all(|b| (b' '..=b'~').contains(&b)) || !text.contains(char::is_control);
    !text.is_empty() && short && plain
}

/// A user or a door station, as its login service names it: UUID, e-mail address, `auth0|…`, phone number. Compared
/// character by character, without case folding or normalisation.
///
/// Lengths count characters (Unicode scalar values), because that is what JSON Schema's `maxLength` counts.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, JsonSchema)]
#[serde(transparent)]
pub struct PartyId(#[schemars(length(min = 1, max = 128), regex(pattern = NO_CONTROLS))] String);

impl PartyId {
    /// Checks `text`.
    ///
    /// # Errors
    /// [`BadId`] when it is empty, too long, or has a control character.
    pub fn new(text: impl Into<String>) -> Result<Self, BadId> {
        let text = text.into();
        if is_id(&text) { Ok(Self(text)) } else { Err(BadId { what: "a user or device id", rule: RULE }) }
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for PartyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::str::FromStr for PartyId {
    type Err = BadId;
    fn from_str(text: &str) -> Result<Self, BadId> {
        Self::new(text)
    }
}

/// Apps whose users have numbers send numbers: a JSON integer counts as its decimal digits.
impl<'de> Deserialize<'de> for PartyId {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct TextOrInteger;

        impl Visitor<'_> for TextOrInteger {
            type Value = PartyId;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "a user or device id: {RULE}, or an integer")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<PartyId, E> {
                PartyId::new(text).map_err(E::custom)
            }

            fn visit_string<E: Error>(self, text: String) -> Result<PartyId, E> {
                PartyId::new(text).map_err(E::custom)
            }

            fn visit_u64<E: Error>(self, number: u64) -> Result<PartyId, E> {
                Ok(PartyId(number.to_string()))
            }

            fn visit_i64<E: Error>(self, number: i64) -> Result<PartyId, E> {
                Ok(PartyId(number.to_string()))
            }

            /// `42.0` is an integer in JSON Schema, and what some languages write for 42.
            fn visit_f64<E: Error>(self, number: f64) -> Result<PartyId, E> {
                if number.fract() == 0.0 && number.abs() <= LAST_EXACT {
                    // `-0.0` is zero.
                    Ok(PartyId(format!("{:.0}", number + 0.0)))
                } else {
                    Err(E::invalid_value(Unexpected::Float(number), &self))
                }
            }
        }

        from.deserialize_any(TextOrInteger)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_login_services_send_is_an_id() {
        let longest = "门".repeat(128);
        for good in [
            "user456",
            "3f2b8c1e-9d57-4c0a-8a55-0d0f6f9d2a11",
            "Anna.Smith+door@example.com",
            "auth0|5f7c8ec7c33c6c004bbafe82",
            "+8613800138000",
            "42",
            "a/b#c?d e",
            "张三",
            "😀",
            longest.as_str(),
        ] {
            assert_eq!(PartyId::new(good).unwrap().as_str(), good);
        }
    }

    #[test]
    fn empty_endless_and_invisible_ids_are_refused() {
        for bad in ["", "a\0", "a\n", "\u{7f}", "a\u{85}b", "x".repeat(129).as_str(), "门".repeat(129).as_str()] {
            assert!(PartyId::new(bad).is_err(), "{bad:?} was taken");
        }
    }

    #[test]
    fn an_integer_counts_as_its_digits_and_is_written_as_text() {
        for (number, text) in [
            (json!(42), "42"),
            (json!(-7), "-7"),
            (json!(u64::MAX), "18446744073709551615"),
            (json!(42.0), "42"),
            (json!(-0.0), "0"),
        ] {
            let id: PartyId = serde_json::from_value(number).unwrap();
            assert_eq!(serde_json::to_value(&id).unwrap(), json!(text));
        }
        for bad in [json!(1.5), json!(1e300), json!(true), json!(null), json!(["a"]), json!({"id": "a"})] {
            assert!(serde_json::from_value::<PartyId>(bad.clone()).is_err(), "{bad}");
        }
    }
}
