//! The schemas of events and commands, each variant of an enum its own.

use std::collections::BTreeSet;

use schemars::generate::Contract;
use schemars::{JsonSchema, Schema};
use serde_json::{Map, Value, json};

use super::made::root;
use super::plain::names;
use crate::CallEvent;

/// Where the schemas of the types that a schema refers to stand in it.
pub(super) const DEFS: &str = "#/$defs/";

/// One variant of an adjacently tagged enum.
pub(super) struct Variant {
    name: String,
    description: Value,
    content: Value,
    /// Whether the content is never empty.
    filled: bool,
    definitions: Value,
}

/// The variants of `T`, so that none can be forgotten.
pub(super) fn tagged<T: JsonSchema>(tag: &str, content: &str) -> Vec<Variant> {
    let schema = root::<T>(Contract::Serialize).to_value();
    let definitions = schema["$defs"].clone();
    let variants = schema["oneOf"].as_array().into_iter().flatten();
    variants
        .map(|variant| {
            let content = &variant["properties"][content];
            let whole = match content["$ref"].as_str().and_then(|link| link.strip_prefix(DEFS)) {
                Some(name) => &definitions[name],
                None => content,
            };
            let described = if content.get("$ref").is_some() { whole } else { variant };
            let filled = names(whole.get("required")).next().is_some();
            Variant {
                name: variant["properties"][tag]["const"].as_str().unwrap_or_default().to_owned(),
                description: described["description"].clone(),
                filled,
                content: content.clone(),
                definitions: definitions.clone(),
            }
        })
        .collect()
}

pub(super) fn event(variant: Variant) -> (String, Schema) {
    let Variant { name, description, content, filled, definitions } = variant;
    let v = CallEvent::version_of(&name);
    let required = if filled { json!(["type", "v", "data"]) } else { json!(["type", "v"]) };
    let schema = json!({
        "title": format!("{name}V{v}"),
        "description": description,
        "type": "object",
        "properties": {
            "type": { "type": "string", "const": name },
            "v": { "type": "integer", "const": v },
            "data": content,
        },
        "required": required,
    });
    (format!("event.{name}.v{v}"), with_definitions(schema, &definitions))
}

pub(super) fn command(variant: Variant) -> (String, Schema) {
    let Variant { name, description, content, filled, mut definitions } = variant;
    let id = root::<crate::CommandId>(Contract::Serialize).to_value();
    definitions["CommandId"] = json!({
        "title": id["title"], "description": id["description"], "type": id["type"], "pattern": id["pattern"],
    });
    // `hang_up` is `HangUpCommand`.
    let words = name.split('_').map(|word| format!("{}{}", word[..1].to_uppercase(), &word[1..]));
    let title = format!("{}Command", words.collect::<String>());
    let required = if filled { json!(["id", "kind", "args"]) } else { json!(["id", "kind"]) };
    let schema = json!({
        "title": title,
        "description": description,
        "type": "object",
        "properties": { "id": { "$ref": format!("{DEFS}CommandId") }, "kind": { "type": "string", "const": name }, "args": content },
        "required": required,
    });
    (format!("command.{name}"), with_definitions(schema, &definitions))
}

/// `schema` with those of `definitions` that it needs.
fn with_definitions(schema: Value, definitions: &Value) -> Schema {
    let mut needed = BTreeSet::new();
    links(&schema, definitions, &mut needed);
    let mut whole = Map::from_iter([("$schema".into(), json!("https://json-schema.org/draft/2020-12/schema"))]);
    if let Value::Object(fields) = schema {
        whole.extend(fields);
    }
    if !needed.is_empty() {
        let definitions: Map<String, Value> =
            needed.into_iter().map(|name| (name.clone(), definitions[name].clone())).collect();
        whole.insert("$defs".into(), definitions.into());
    }
    whole.into()
}

fn links(form: &Value, definitions: &Value, found: &mut BTreeSet<String>) {
    match form {
        Value::Object(fields) => {
            if let Some(name) = fields.get("$ref").and_then(Value::as_str).and_then(|link| link.strip_prefix(DEFS))
                && found.insert(name.to_owned())
            {
                links(&definitions[name], definitions, found);
            }
            fields.values().for_each(|part| links(part, definitions, found));
        }
        Value::Array(parts) => parts.iter().for_each(|part| links(part, definitions, found)),
        _ => {}
    }
}
