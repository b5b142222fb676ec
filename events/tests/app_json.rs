//! Whatever an app sends, what it means is what is read.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that cannot go on has failed")]

use ilock_events::app_json::normalize;
use proptest::prelude::*;
use serde_json::{Value, json};

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>()
            .prop_filter_map("JSON has no infinity", |number| serde_json::Number::from_f64(number).map(Value::from)),
        "\\PC{0,12}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 40, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::btree_map("\\PC{0,6}", inner, 0..6)
                .prop_map(|fields| fields.into_iter().collect::<serde_json::Map<_, _>>().into()),
        ]
    })
}

/// The same JSON as it has to be read: integers by value, and those that would be rounded as text.
fn expected(value: &Value) -> Value {
    const LAST_EXACT: u64 = (1 << 53) - 1;
    match value {
        Value::Number(number) => match (number.as_i64(), number.as_f64()) {
            (Some(whole), _) if whole.unsigned_abs() > LAST_EXACT => json!(whole.to_string()),
            (None, Some(float)) if float.fract() == 0.0 && float.abs() <= 9_007_199_254_740_991.0 => {
                json!(format!("{:.0}", float + 0.0).parse::<i64>().unwrap())
            }
            _ => value.clone(),
        },
        Value::Array(items) => items.iter().map(expected).collect(),
        Value::Object(fields) => {
            fields.iter().map(|(name, value)| (name.clone(), expected(value))).collect::<serde_json::Map<_, _>>().into()
        }
        other => other.clone(),
    }
}

proptest! {
    #[test]
    fn json_means_the_same_afterwards(value in any_json(), pretty in any::<bool>()) {
        let text = if pretty { format!("{value:#}") } else { value.to_string() };
        let read: Value = serde_json::from_str(&normalize(text.as_bytes()).unwrap()).unwrap();
        prop_assert_eq!(&read, &expected(&value));
        // And nothing is left to do.
        let again = normalize(read.to_string().as_bytes()).unwrap().into_owned();
        prop_assert_eq!(serde_json::from_str::<Value>(&again).unwrap(), read);
    }

    #[test]
    fn no_bytes_make_it_fall(bytes in prop::collection::vec(any::<u8>(), 0..200), text in "[\\[\\]{}\",:\\\\uUdD8-9cCeE+.0-9-]{0,60}") {
        let _ = normalize(&bytes);
        let once = normalize(text.as_bytes()).unwrap().into_owned();
        // What was JSON still is. What was none is made into some in one way only: half an emoji has a whole character now.
        if serde_json::from_str::<Value>(&text).is_ok() {
            prop_assert!(serde_json::from_str::<Value>(&once).is_ok(), "{} became {}", text, once);
        }
    }

    /// Text of UTF-16 that is cut anywhere, as a language writes it that escapes everything.
    #[test]
    fn a_text_that_is_cut_anywhere_is_read(text in "\\PC{0,20}", from in 0..20_usize, to in 0..40_usize) {
        let units: Vec<u16> = text.encode_utf16().skip(from).take(to).collect();
        let escapes: Vec<String> = units.iter().map(|unit| format!("\\u{unit:04x}")).collect();
        let body = format!("\"{}\"", escapes.concat());
        let read: String = serde_json::from_str(&normalize(body.as_bytes()).unwrap()).unwrap();
        prop_assert_eq!(read, String::from_utf16_lossy(&units));
    }
}
