//! The files that are made from the types, as they should be. Shared by the tests, which compare, and by
//! `examples/write-schemas.rs`, which writes.
#![allow(dead_code, clippy::expect_used, clippy::panic, reason = "tests and the writer, each uses its part")]

use std::path::{Path, PathBuf};

use ilock_events::schema::schemas;
use serde_json::{Map, Value, json};

/// What to do when a file is behind the types.
pub const REWRITE: &str = "run: cargo run -p ilock-events --example write-schemas";

/// Above this line a YAML file is written by hand, below it by `write-schemas`.
const MARK: &str =
    "  # Below: made by `cargo run -p ilock-events --example write-schemas`. Change the types or the samples.\n";

/// A path in this crate.
pub fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

/// A file's text.
pub fn text(name: &str) -> String {
    std::fs::read_to_string(folder(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// A YAML file, as JSON.
pub fn yaml(name: &str) -> Value {
    serde_saphyr::from_str(&text(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// The names, without `.json`, of what lies in `events/{folder}`, sorted.
pub fn names_in(name: &str) -> Vec<String> {
    let entries = std::fs::read_dir(folder(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
    let mut names: Vec<String> = entries
        .map(|entry| entry.expect("a readable folder").file_name().into_string().expect("a name in UTF-8"))
        .filter_map(|name| name.strip_suffix(".json").map(str::to_owned))
        .collect();
    names.sort();
    names
}

/// Every sample by its name: `message.control.ringing` …
pub fn samples() -> Vec<(String, Value)> {
    names_in("samples")
        .into_iter()
        .map(|name| {
            let text = text(&format!("samples/{name}.json"));
            let sample = serde_json::from_str(&text).unwrap_or_else(|error| panic!("sample {name}: {error}"));
            (name, sample)
        })
        .collect()
}

/// Everything that is made, by its path in this crate.
pub fn files() -> Vec<(String, String)> {
    let pretty = |value: &Value| format!("{value:#}\n");
    let mut files: Vec<(String, String)> = schemas()
        .into_iter()
        .map(|(name, schema)| (format!("schema/{name}.json"), pretty(&schema.to_value())))
        .collect();
    for (name, made) in [("openapi.yaml", openapi_components()), ("asyncapi.yaml", asyncapi_components())] {
        let whole = text(name);
        let (by_hand, _) = whole.split_once(MARK).unwrap_or_else(|| panic!("{name} has lost its line {MARK:?}"));
        files.push((name.into(), format!("{by_hand}{MARK}{}", indented(&made))));
    }
    files
}

/// Files in `events/schema` that no type stands behind any more.
pub fn stale() -> Vec<String> {
    let known: Vec<String> = schemas().into_iter().map(|(name, _)| name).collect();
    names_in("schema").into_iter().filter(|name| !known.contains(name)).map(|name| format!("{name}.json")).collect()
}

fn indented(components: &Value) -> String {
    let yaml = serde_saphyr::to_string(components).expect("JSON can be written as YAML");
    yaml.lines().map(|line| if line.is_empty() { "\n".into() } else { format!("  {line}\n") }).collect()
}

/// What `openapi.yaml` has below its mark: the samples and the schemas of HTTP.
pub fn openapi_components() -> Value {
    let examples: Map<String, Value> = samples()
        .into_iter()
        .filter(|(name, _)| name.starts_with("http."))
        .map(|(name, value)| (name, json!({ "value": value })))
        .collect();
    json!({ "examples": examples, "schemas": components("http.") })
}

/// What `asyncapi.yaml` has below its mark: the samples, as traits because a message cannot refer to an example, and
/// the schemas of messages.
pub fn asyncapi_components() -> Value {
    // With the samples, because a key stands once in YAML.
    let common = json!({
        "contentType": "application/json",
        "headers": {
            "type": "object",
            "description": "MQTT 5 user properties.",
            "properties": { "message_id": { "$ref": "#/components/schemas/MessageId" } },
            "required": ["message_id"],
        },
        "bindings": { "mqtt": { "contentType": "application/json", "payloadFormatIndicator": 1, "bindingVersion": "0.2.0" } },
    });
    let mut traits = Map::from_iter([("common".to_owned(), common)]);
    for (name, payload) in samples() {
        if let Some(rest) = name.strip_prefix("message.") {
            let kind = rest.split('.').next().unwrap_or_default();
            let examples =
                &mut traits.entry(format!("{kind}Samples")).or_insert_with(|| json!({ "examples": [] }))["examples"];
            let message_id = payload["message_id"].clone();
            let example = json!({ "name": name, "headers": { "message_id": message_id }, "payload": payload });
            examples.as_array_mut().expect("a list of examples").push(example);
        }
    }
    json!({ "messageTraits": traits, "schemas": components("message.") })
}

/// The schemas whose names begin with `prefix`, each under its title, and what they refer to beside them. A definition
/// that differs from an earlier one of its name gets its owner's title in front. Titles are names, because generators name what
/// they make by them.
fn components(prefix: &str) -> Value {
    let mut components = Map::new();
    for (_, schema) in schemas().into_iter().filter(|(name, _)| name.starts_with(prefix)) {
        let mut schema = schema.to_value();
        let form = schema.as_object_mut().expect("a schema is an object");
        form.shift_remove("$schema");
        let title = form["title"].as_str().expect("a schema has a title").to_owned();
        let definitions = match form.shift_remove("$defs") {
            Some(Value::Object(definitions)) => definitions,
            _ => Map::new(),
        };
        let differs = |name: &str| {
            let mut plain = definitions.get(name).cloned().unwrap_or_default();
            relink(&mut plain, &str::to_owned);
            components.get(name).is_some_and(|other| *other != plain)
        };
        let clashing: Vec<String> = definitions.keys().filter(|name| differs(name)).cloned().collect();
        let renamed = |name: &str| {
            if clashing.iter().any(|clash| clash == name) { format!("{title}{name}") } else { name.to_owned() }
        };
        let whole = definitions.iter().map(|(name, form)| (renamed(name), form.clone()));
        for (name, mut form) in whole.chain([(title.clone(), schema)]) {
            relink(&mut form, &renamed);
            form["title"] = json!(name);
            let other = components.insert(name.clone(), form.clone());
            assert!(other.is_none_or(|other| other == form), "two forms are called {name}");
        }
    }
    components.sort_keys();
    components.into()
}

/// Points links at components.
fn relink(form: &mut Value, renamed: &dyn Fn(&str) -> String) {
    match form {
        Value::Object(fields) => {
            if let Some(Value::String(link)) = fields.get_mut("$ref")
                && let Some(name) = link.strip_prefix("#/$defs/")
            {
                *link = format!("#/components/schemas/{}", renamed(name));
            }
            fields.values_mut().for_each(|part| relink(part, renamed));
        }
        Value::Array(parts) => parts.iter_mut().for_each(|part| relink(part, renamed)),
        _ => {}
    }
}
