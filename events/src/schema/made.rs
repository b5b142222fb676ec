//! How a type's schema is made, and the envelopes of answers.

use schemars::generate::{Contract, SchemaSettings};
use schemars::{JsonSchema, Schema};
use serde_json::{Map, json};

use super::plain;
use crate::Envelope;

/// What we write: an optional field is there or not, and never null.
pub(super) fn given<T: JsonSchema>(name: &str) -> (String, Schema) {
    (name.into(), root::<T>(Contract::Serialize))
}

/// [`given`], under a title of its own: for a type whose name does not tell its forms apart.
pub(super) fn named<T: JsonSchema>(name: &str, title: &str) -> (String, Schema) {
    let mut schema = root::<T>(Contract::Serialize);
    schema.insert("title".into(), json!(title));
    (name.into(), schema)
}

/// What others write: an optional field may also be null.
pub(super) fn asked<T: JsonSchema>(name: &str) -> (String, Schema) {
    (name.into(), root::<T>(Contract::Deserialize))
}

pub(super) fn root<T: JsonSchema>(contract: Contract) -> Schema {
    let strict = contract == Contract::Serialize;
    let mut settings = SchemaSettings::draft2020_12();
    settings.contract = contract;
    let mut schema = settings.into_generator().into_root_schema_for::<T>();
    plain::plain(&mut schema, strict);
    // What it is stands first.
    let mut ordered = Map::new();
    for key in ["$schema", "title", "description"] {
        ordered.extend(schema.remove(key).map(|value| (key.to_owned(), value)));
    }
    ordered.extend(std::mem::take(schema.ensure_object()));
    ordered.into()
}

/// The envelope of a good answer.
pub(super) fn reply<T: JsonSchema>(name: &str) -> (String, Schema) {
    let mut schema = root::<Envelope<T>>(Contract::Serialize);
    schema.insert("title".into(), json!(format!("{name}Reply")));
    schema.insert("description".into(), json!("A good answer."));
    if let Some(code) = schema.pointer_mut("/properties/code") {
        *code = json!({ "type": "integer", "const": 0 });
    }
    (format!("http.reply.{name}"), schema)
}

/// The envelope of a good answer that has nothing to say. `data` has no type: what generators make of a value that can
/// only be null does not compile everywhere.
pub(super) fn nothing() -> (String, Schema) {
    let (name, mut schema) = reply::<()>("Nothing");
    if let Some(data) = schema.pointer_mut("/properties/data") {
        *data = json!({ "description": "Always null." });
    }
    (name, schema)
}
