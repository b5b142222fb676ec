//! A value that stands in JSON as one text: its own JSON in the form of RFC 8785.
//!
//! What apps send along may be any JSON, and the store has no place for all of it: `DynamoDB`'s numbers end at 1e126, its
//! documents at 32 levels, and it takes no empty name. In a text everything has a place, and what a digest was made of is
//! there byte by byte.

use serde::de::{DeserializeOwned, Error as _};
use serde::ser::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

pub(crate) fn serialize<T: Serialize, S: Serializer>(value: &T, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&serde_json_canonicalizer::to_string(value).map_err(S::Error::custom)?)
}

pub(crate) fn deserialize<'de, T: DeserializeOwned, D: Deserializer<'de>>(deserializer: D) -> Result<T, D::Error> {
    let text = String::deserialize(deserializer)?;
    serde_json::from_str(&text).map_err(D::Error::custom)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::{Personal, PersonalText};

    #[test]
    fn what_no_store_could_hold_is_one_text() {
        let deep = (0..60).fold(json!({ "": 1e300, "n": -1e-300 }), |inner, _| json!([inner]));
        let text = PersonalText {
            invitation_data: Some([(String::new(), deep), ("b".into(), json!("\u{fffd}"))].into_iter().collect()),
            ..PersonalText::default()
        };
        let personal = Personal { salt: "00".repeat(16), text, digest: "11".repeat(32) };
        let stored = serde_json::to_value(&personal).unwrap();
        let inside = stored["text"].as_str().unwrap();
        assert!(
            inside.starts_with(r#"{"invitation_data":{"":[["#) && inside.contains(r#"{"":1e+300,"n":-1e-300}"#),
            "{inside}"
        );
        assert_eq!(serde_json::from_value::<Personal>(stored).unwrap(), personal);
    }

    #[test]
    fn what_is_no_json_is_not_read() {
        for text in [json!("{"), json!({ "reason": "x" }), json!("7"), Value::Null] {
            let stored = json!({ "salt": "00", "text": text, "digest": "11" });
            assert!(serde_json::from_value::<Personal>(stored).is_err(), "{text}");
        }
    }
}
