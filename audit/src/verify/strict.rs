//! Whether an item stands there exactly as it is written: RFC 8785, and no field that is not known.

use ilock_proof::canonical;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::json_error::said;

/// What was read of an item that is not in the form in which it is written, or why it cannot be.
pub(crate) struct Strict<T> {
    pub(crate) read: Result<T, String>,
    pub(crate) canonical: bool,
}

/// Whether `text` is in the form of RFC 8785. A name that stands twice, a number that no JSON reader holds exactly, a space:
/// what is hashed is not what stands there then.
pub(crate) fn is_canonical(text: &str) -> bool {
    let value: Result<Value, _> = serde_json::from_str(text);
    value.is_ok_and(|value| canonical(&value).is_ok_and(|form| form == text.as_bytes()))
}

/// Reads an item in whatever form it stands there.
pub(crate) fn read<T: Serialize + DeserializeOwned>(text: &str) -> Strict<T> {
    let value: Value = match serde_json::from_str(text) {
        Ok(value) => value,
        Err(error) => return Strict { read: Err(said(&error)), canonical: false },
    };
    let canonical = canonical(&value).is_ok_and(|form| form == text.as_bytes());
    let read = serde_json::from_value::<T>(value.clone()).map_err(|error| said(&error));
    let read = read.and_then(|read| match serde_json::to_value(&read) {
        Ok(written) if written == value => Ok(read),
        Ok(_) => Err("it has a field that is not known".into()),
        Err(error) => Err(said(&error)),
    });
    Strict { read, canonical }
}
