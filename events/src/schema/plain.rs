//! Schemas that say the same in simpler words, for those who make code of them: generators read `enum` better than a choice
//! of constants, and most stumble over a value that can only be null.

use std::collections::BTreeSet;

use schemars::Schema;
use schemars::transform::{RecursiveTransform, Transform};
use serde_json::{Map, Value, json};

/// Makes `schema`, and all that is in it, plain. `strict` is what we write: an optional field is there or not.
pub(super) fn plain(schema: &mut Schema, strict: bool) {
    RecursiveTransform(in_prose).transform(schema);
    if strict {
        RecursiveTransform(absent_not_null).transform(schema);
    }
    RecursiveTransform(plain_enum).transform(schema);
    RecursiveTransform(null_as_value).transform(schema);
    let Some(Value::Object(definitions)) = schema.get_mut("$defs") else { return };
    for (name, definition) in definitions {
        if let Value::Object(definition) = definition {
            *definition = titled(name, definition);
        }
    }
}

/// `schema` with `title` and its description in front.
pub(super) fn titled(title: &str, schema: &Map<String, Value>) -> Map<String, Value> {
    let mut whole = Map::from_iter([("title".to_owned(), json!(title))]);
    whole.extend(schema.get("description").map(|text| ("description".to_owned(), text.clone())));
    whole.extend(schema.iter().filter(|(key, _)| *key != "title").map(|(key, value)| (key.clone(), value.clone())));
    whole
}

/// Documentation is written for rustdoc: its line breaks and links mean nothing to a reader of a schema.
fn in_prose(schema: &mut Schema) {
    if let Some(Value::String(text)) = schema.get_mut("description") {
        *text = text.replace('\n', " ").replace("[`crate::", "`").replace("[`", "`").replace("`]", "`");
    }
}

fn absent_not_null(schema: &mut Schema) {
    let required: BTreeSet<String> = names(schema.get("required")).map(str::to_owned).collect();
    let Some(Value::Object(properties)) = schema.get_mut("properties") else { return };
    for (_, property) in properties.iter_mut().filter(|(name, _)| !required.contains(*name)) {
        let Value::Object(property) = property else { continue };
        if let Some(Value::Array(types)) = property.get_mut("type") {
            types.retain(|kind| kind != "null");
            if let [only] = types.as_slice() {
                let only = only.clone();
                property.insert("type".into(), only);
            }
        }
        if let Some(Value::Array(any)) = property.get_mut("anyOf") {
            any.retain(|kind| *kind != json!({ "type": "null" }));
            if let [Value::Object(only)] = any.as_slice() {
                let only = only.clone();
                property.remove("anyOf");
                property.extend(only);
            }
        }
    }
}

/// A choice of texts is an `enum`; what each means moves into the description.
fn plain_enum(schema: &mut Schema) {
    let Some(Value::Array(choices)) = schema.get("oneOf") else { return };
    let words: Option<Vec<&str>> = choices.iter().map(|choice| choice["const"].as_str()).collect();
    let Some(words) = words else { return };
    let meanings = choices.iter().zip(&words).filter_map(|(choice, word)| {
        let meaning = choice["description"].as_str()?.trim_end_matches('.');
        Some(format!("`{word}`: {meaning}."))
    });
    let about = schema.get("description").and_then(Value::as_str).map(str::to_owned);
    let description = about.into_iter().chain(meanings).collect::<Vec<_>>().join(" ");
    let words = json!(words);
    schema.remove("oneOf");
    schema.insert("type".into(), json!("string"));
    schema.insert("enum".into(), words);
    if !description.is_empty() {
        schema.insert("description".into(), json!(description));
    }
}

/// `null` as one of several is a value that may stand there, and no type of its own.
fn null_as_value(schema: &mut Schema) {
    let Some(Value::Array(any)) = schema.get_mut("anyOf") else { return };
    for choice in any.iter_mut().filter(|choice| **choice == json!({ "type": "null" })) {
        *choice = json!({ "enum": [null] });
    }
}

/// The texts in a list; none where there is no list.
pub(super) fn names(list: Option<&Value>) -> impl Iterator<Item = &str> {
    list.and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str)
}
