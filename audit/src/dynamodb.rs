//! DynamoDB's own export to S3, in its form `DYNAMODB_JSON`: one item a line, in no order.
//!
//! ```text
//! {"Item":{"pk":{"S":"call#…"},"sk":{"S":"commit#000001"},"n":{"N":"1"},…}}
//! ```

use std::fmt;

use ilock_proof::UnreadableItem;
use serde_json::{Map, Value};

use crate::json_error::said;

/// An item of a call.
#[derive(Debug, Clone, PartialEq)]
pub struct Exported {
    pub call_id: String,
    /// Its sort key.
    pub sk: String,
    /// What it holds, but for its keys.
    pub body: Value,
}

/// Why a line is no item of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NotAnItem {
    /// It is no line of such an export.
    Line(String),
    /// It is an item, of a call where one is named, of a type that the log has not.
    Item(Option<String>, UnreadableItem),
}

impl fmt::Display for NotAnItem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Line(why) => f.write_str(why),
            Self::Item(_, item) => item.fmt(f),
        }
    }
}

impl std::error::Error for NotAnItem {}

/// The item that `text` is, a line without its newline; none when it is no call's.
///
/// # Errors
/// [`NotAnItem`].
pub fn item(text: &str) -> Result<Option<Exported>, NotAnItem> {
    let no = |why: &str| NotAnItem::Line(why.to_owned());
    let mut line: Map<String, Value> = serde_json::from_str(text).map_err(|error| NotAnItem::Line(said(&error)))?;
    let Some(Value::Object(mut item)) = line.remove("Item") else {
        return Err(no("it has no Item: it is no line of a full export in the form DYNAMODB_JSON"));
    };
    let mut key = |name: &str| match plain(name, item.remove(name)?) {
        Ok(Value::String(key)) => Some(key),
        _ => None,
    };
    let (Some(pk), Some(sk)) = (key("pk"), key("sk")) else { return Err(no("it has not the keys pk and sk")) };
    // A key of the index, and when DynamoDB deletes the item: no part of what is proven.
    item.remove("day");
    item.remove("ttl");
    let call_id = pk.strip_prefix("call#").map(str::to_owned);
    match (fields(item), call_id) {
        (Ok(body), Some(call_id)) => Ok(Some(Exported { call_id, sk, body: body.into() })),
        (Ok(_), None) => Ok(None),
        (Err(why), call_id) => Err(NotAnItem::Item(call_id, UnreadableItem { sk, why })),
    }
}

fn fields(item: Map<String, Value>) -> Result<Map<String, Value>, String> {
    item.into_iter().map(|(name, typed)| Ok((name.clone(), plain(&name, typed)?))).collect()
}

/// `{"N":"1"}` → `1`.
fn plain(name: &str, typed: Value) -> Result<Value, String> {
    let bad = || format!("{name} is of no type that the log has");
    let Value::Object(typed) = typed else { return Err(bad()) };
    let mut typed = typed.into_iter();
    let (Some((kind, value)), None) = (typed.next(), typed.next()) else { return Err(bad()) };
    match (kind.as_str(), value) {
        ("S", Value::String(text)) => Ok(text.into()),
        ("N", Value::String(number)) => {
            let number: Value = serde_json::from_str(&number).map_err(|_| bad())?;
            if number.is_number() { Ok(number) } else { Err(bad()) }
        }
        ("BOOL", truth @ Value::Bool(_)) => Ok(truth),
        ("NULL", Value::Bool(true)) => Ok(Value::Null),
        ("M", Value::Object(item)) => Ok(fields(item)?.into()),
        ("L", Value::Array(items)) => {
            Ok(Value::Array(items.into_iter().map(|item| plain(name, item)).collect::<Result<_, _>>()?))
        }
        _ => Err(bad()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_item_is_read_as_it_was_stored() {
        let line = json!({"Item": {
            "pk": {"S": "call#call_a_b_1"}, "sk": {"S": "commit#000001"}, "day": {"S": "default#2026-11-22#3"},
            "n": {"N": "1"}, "at": {"N": "1795305600000"}, "events": {"L": [{"M": {"v": {"N": "1"}}}]},
            "yes": {"BOOL": true}, "nothing": {"NULL": true},
        }});
        let read = item(&line.to_string()).unwrap().unwrap();
        assert_eq!((read.call_id.as_str(), read.sk.as_str()), ("call_a_b_1", "commit#000001"));
        let body = json!({"n": 1, "at": 1_795_305_600_000_i64, "events": [{"v": 1}], "yes": true, "nothing": null});
        assert_eq!(read.body, body);
    }

    #[test]
    fn what_is_no_calls_is_passed_over_and_what_is_no_item_says_why() {
        let other = json!({"Item": {"pk": {"S": "inbox#default#user#a"}, "sk": {"S": "1"}}});
        assert_eq!(item(&other.to_string()), Ok(None));
        for (bad, why) in [
            ("{\"Ite", "EOF"),
            ("[]", "invalid type"),
            (r#"{"Metadata":{},"Keys":{},"NewImage":{}}"#, "no Item"),
            (r#"{"Item":{"pk":{"S":"call#a"}}}"#, "the keys"),
            (r#"{"Item":{"pk":"call#a","sk":{"S":"1"}}}"#, "the keys"),
        ] {
            let refused = item(bad).unwrap_err();
            assert!(refused.to_string().contains(why), "{bad}: {refused}");
        }
    }

    #[test]
    fn an_item_of_another_type_names_its_call_and_its_key() {
        for (pk, call_id) in [("call#call_a_b_1", Some("call_a_b_1")), ("audit#default#2026-11-22", None)] {
            for (name, value) in [
                ("n", json!({"N": "true"})),
                ("n", json!({"N": "1", "S": "1"})),
                ("salt", json!({"B": "AA=="})),
                ("notices", json!({"M": {"0": {"BS": ["AA=="]}}})),
            ] {
                let line = json!({"Item": {"pk": {"S": pk}, "sk": {"S": "note#1"}, name: value}});
                let why = format!("{} is of no type that the log has", if name == "notices" { "0" } else { name });
                let unreadable = UnreadableItem { sk: "note#1".into(), why };
                assert_eq!(item(&line.to_string()), Err(NotAnItem::Item(call_id.map(str::to_owned), unreadable)));
            }
        }
    }
}
