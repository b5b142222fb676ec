//! DynamoDB's own export to S3, in its form `DYNAMODB_JSON`: one item a line, in no order.
//!
//! ```text
//! {"Item":{"pk":{"S":"call#…"},"sk":{"S":"commit#000001"},"n":{"N":"1"},…}}
//! ```

use serde_json::{Map, Value};

use crate::NotALine;

/// An item of a call.
#[derive(Debug, Clone, PartialEq)]
pub struct Exported {
    pub call_id: String,
    /// Its sort key.
    pub sk: String,
    /// What it holds, but for its keys.
    pub body: Value,
}

/// The item that `text` is, a line without its newline; none when it is no call's.
///
/// # Errors
/// [`NotALine`].
pub fn item(text: &str) -> Result<Option<Exported>, NotALine> {
    let no = |why: &str| NotALine(why.to_owned());
    let mut line: Map<String, Value> = serde_json::from_str(text).map_err(|error| NotALine(error.to_string()))?;
    let Some(Value::Object(item)) = line.remove("Item") else {
        return Err(no("it has no Item: it is no line of a full export in the form DYNAMODB_JSON"));
    };
    let mut body = fields(item)?;
    let (Some(Value::String(pk)), Some(Value::String(sk))) = (body.remove("pk"), body.remove("sk")) else {
        return Err(no("it has not the keys pk and sk"));
    };
    // A key of the index, and when DynamoDB deletes the item: no part of what is proven.
    body.remove("day");
    body.remove("ttl");
    let call_id = pk.strip_prefix("call#").map(str::to_owned);
    Ok(call_id.map(|call_id| Exported { call_id, sk, body: body.into() }))
}

fn fields(item: Map<String, Value>) -> Result<Map<String, Value>, NotALine> {
    item.into_iter().map(|(name, typed)| Ok((name.clone(), plain(&name, typed)?))).collect()
}

/// `{"N":"1"}` → `1`.
fn plain(name: &str, typed: Value) -> Result<Value, NotALine> {
    let bad = || NotALine(format!("{name} is of no type that the log has"));
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
            (r#"{"Item":{"pk":"call#a"}}"#, "pk is of no type"),
            (r#"{"Item":{"n":{"N":"true"}}}"#, "n is of no type"),
            (r#"{"Item":{"n":{"N":"1","S":"1"}}}"#, "n is of no type"),
            (r#"{"Item":{"salt":{"B":"AA=="}}}"#, "salt is of no type"),
        ] {
            let refused = item(bad).unwrap_err();
            assert!(refused.0.contains(why), "{bad}: {refused}");
        }
    }
}
