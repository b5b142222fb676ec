//! What stands behind the `?` of an address, read strictly: percent-encoded UTF-8, each parameter once.
//!
//! A reader that takes what it can makes another id of one that is badly encoded, and answers 200 for somebody who does not exist.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use serde::de::value::MapDeserializer;
use serde::de::{self, DeserializeOwned, Deserializer, IntoDeserializer, Visitor};
use serde::forward_to_deserialize_any;

use crate::error::ApiError;

/// The parameters of type `T`, which has an `Option<String>` for each. Those that it does not know are not looked at.
#[derive(Debug)]
pub struct Query<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Query<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        read(parts.uri.query().unwrap_or_default()).map(Self)
    }
}

fn read<T: DeserializeOwned>(query: &str) -> Result<T, ApiError> {
    let pairs = query.split('&').map(|pair| pair.split_once('=').unwrap_or((pair, "")));
    // A name that cannot be decoded is none of ours.
    let sent = pairs.filter_map(|(name, text)| decoded(name).map(|name| (name.clone(), Sent { name, text })));
    T::deserialize(MapDeserializer::new(sent)).map_err(|BadQuery { field, rule }| ApiError::field(field, rule))
}

/// The value of a parameter, as it was sent.
struct Sent<'a> {
    name: String,
    text: &'a str,
}

impl Sent<'_> {
    fn value(self) -> Result<String, BadQuery> {
        // In form text a `+` is a space. At the beginning it is a phone number that was not encoded.
        let rule = if self.text.starts_with('+') {
            Err("must be percent-encoded: + is sent as %2B, a space as %20")
        } else {
            decoded(self.text).ok_or("must be UTF-8, percent-encoded")
        };
        rule.map_err(|rule| BadQuery { field: self.name, rule: rule.into() })
    }
}

impl IntoDeserializer<'_, BadQuery> for Sent<'_> {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

impl<'de> Deserializer<'de> for Sent<'_> {
    type Error = BadQuery;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, BadQuery> {
        visitor.visit_string(self.value()?)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, BadQuery> {
        visitor.visit_some(self)
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, BadQuery> {
        visitor.visit_unit()
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 u8 u16 u32 u64 f32 f64 char str string bytes byte_buf unit unit_struct newtype_struct seq tuple
        tuple_struct map struct enum identifier
    }
}

/// A parameter that is not what it must be.
#[derive(Debug, thiserror::Error)]
#[error("{field} {rule}")]
struct BadQuery {
    field: String,
    rule: String,
}

impl de::Error for BadQuery {
    fn custom<M: std::fmt::Display>(message: M) -> Self {
        Self { field: "query".into(), rule: message.to_string() }
    }

    fn duplicate_field(field: &'static str) -> Self {
        Self { field: field.into(), rule: "must be there once".into() }
    }
}

/// `text` with every `+` and `%` read; none where that is no UTF-8, or a `%` stands before anything but two digits.
fn decoded(text: &str) -> Option<String> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let mut sent = text.bytes();
    let mut read = Vec::with_capacity(text.len());
    while let Some(byte) = sent.next() {
        read.push(match byte {
            b'+' => b' ',
            b'%' => digit(sent.next()?)? * 16 + digit(sent.next()?)?,
            other => other,
        });
    }
    String::from_utf8(read).ok()
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, PartialEq, Eq, Deserialize)]
    struct Asked {
        limit: Option<String>,
        caller_id: Option<String>,
    }

    fn asked(query: &str) -> (Option<String>, Option<String>) {
        let Asked { limit, caller_id } = read(query).unwrap();
        (limit, caller_id)
    }

    fn refused(query: &str) -> (String, String) {
        match read::<Asked>(query) {
            Err(ApiError::Field { field, rule }) => (field, rule),
            other => panic!("{query}: {other:?}"),
        }
    }

    #[test]
    fn a_parameter_is_read_as_forms_and_browsers_write_it() {
        let caller = |id: &str| (None, Some(id.to_owned()));
        for (query, id) in [
            ("caller_id=device123", "device123"),
            ("caller_id=%E9%97%A8%E5%8F%A3", "门口"),
            ("caller_id=门口", "门口"),
            ("caller_id=%2B8613800", "+8613800"),
            ("caller_id=a+b%20c", "a b c"),
            ("caller_id=%20a", " a"),
            ("c%61ller_id=auth0%7c7", "auth0|7"),
            ("caller_id=a=b", "a=b"),
            ("caller_id=", ""),
            ("caller_id", ""),
            ("&&caller_id=a&", "a"),
        ] {
            assert_eq!(asked(query), caller(id), "{query}");
        }
        assert_eq!(asked("limit=5&caller_id=a"), (Some("5".into()), Some("a".into())));
        for none in ["", "&", "=", "x", "limi%t=5"] {
            assert_eq!(asked(none), (None, None), "{none}");
        }
    }

    #[test]
    fn a_value_that_is_badly_encoded_is_refused_by_the_parameters_name() {
        for value in ["%C3%C5%BF%DA", "%zz", "a%2", "a%", "%", "%ff", "%u95E8", "%+1", "%ed%a0%80"] {
            let rule = "must be UTF-8, percent-encoded".to_owned();
            assert_eq!(refused(&format!("limit=1&caller_id={value}")), ("caller_id".to_owned(), rule), "{value}");
        }
        let rule = "must be percent-encoded: + is sent as %2B, a space as %20".to_owned();
        assert_eq!(refused("caller_id=+8613800"), ("caller_id".to_owned(), rule));
    }

    #[test]
    fn of_parameters_that_stand_twice_the_known_one_is_blamed() {
        for query in ["x=1&x=2&limit=1&limit=1", "limit=1&lim%69t=2", "limit=1&caller_id=a&limit=&x=%ff&x=%ff"] {
            assert_eq!(refused(query), ("limit".to_owned(), "must be there once".to_owned()), "{query}");
        }
    }

    #[test]
    fn what_is_not_known_is_not_looked_at() {
        for query in ["x=1&x=2", "x=%ff", "%ff=1", "limit%zz=1", "x=+1"] {
            assert_eq!(asked(query), (None, None), "{query}");
        }
    }
}
