//! A DynamoDB item as JSON with attribute types, as in Lambda's stream events: `{"S":"…"}`.

use std::collections::HashMap;
use std::hash::BuildHasher;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

/// An attribute value of the DynamoDB SDK or the DynamoDB Streams SDK.
pub trait Attribute {
    fn json(&self) -> Value;
}

pub fn image<A: Attribute, S: BuildHasher>(item: &HashMap<String, A, S>) -> Value {
    Value::Object(item.iter().map(|(name, value)| (name.clone(), value.json())).collect::<Map<_, _>>())
}

macro_rules! attribute {
    ($value:path) => {
        impl Attribute for $value {
            fn json(&self) -> Value {
                use $value as Is;
                match self {
                    Is::S(text) => json!({ "S": text }),
                    Is::N(number) => json!({ "N": number }),
                    Is::Bool(yes) => json!({ "BOOL": yes }),
                    Is::Null(yes) => json!({ "NULL": yes }),
                    Is::B(bytes) => json!({ "B": STANDARD.encode(bytes) }),
                    Is::L(list) => json!({ "L": list.iter().map(Attribute::json).collect::<Vec<_>>() }),
                    Is::M(map) => json!({ "M": image(map) }),
                    Is::Ss(texts) => json!({ "SS": texts }),
                    Is::Ns(numbers) => json!({ "NS": numbers }),
                    Is::Bs(all) => json!({ "BS": all.iter().map(|bytes| STANDARD.encode(bytes)).collect::<Vec<_>>() }),
                    // A type that AWS adds later. The function reports that it cannot read the record.
                    _ => Value::Null,
                }
            }
        }
    };
}

attribute!(aws_sdk_dynamodbstreams::types::AttributeValue);
attribute!(aws_sdk_dynamodb::types::AttributeValue);

#[cfg(test)]
mod tests {
    use aws_sdk_dynamodb::primitives::Blob;
    use aws_sdk_dynamodb::types::AttributeValue as V;

    use super::*;

    #[test]
    fn every_kind_of_value_has_its_letter() {
        let map = HashMap::from([("m".to_owned(), V::L(vec![V::N("1".into()), V::Null(true)]))]);
        let item = HashMap::from([
            ("text".to_owned(), V::S("前门".into())),
            ("yes".to_owned(), V::Bool(true)),
            ("bytes".to_owned(), V::B(Blob::new([1, 2]))),
            ("map".to_owned(), V::M(map)),
            ("words".to_owned(), V::Ss(vec!["a".into()])),
        ]);
        let expected = json!({
            "text": { "S": "前门" }, "yes": { "BOOL": true }, "bytes": { "B": "AQI=" },
            "map": { "M": { "m": { "L": [{ "N": "1" }, { "NULL": true }] } } }, "words": { "SS": ["a"] },
        });
        assert_eq!(image(&item), expected);
    }
}
