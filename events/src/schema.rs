//! The contract as JSON Schema (2020-12), made from the types: the one list of what there is.
//!
//! `events/schema/` holds one file for each entry of [`schemas`], and the components of `openapi.yaml` and
//! `asyncapi.yaml` are made of them. After a change of a type: `cargo run -p ilock-events --example write-schemas`.

use std::collections::BTreeSet;

use schemars::generate::{Contract, SchemaSettings};
use schemars::transform::{RecursiveTransform, Transform};
use schemars::{JsonSchema, Schema};
use serde_json::{Map, Value, json};

use crate::{
    Access, Accesses, Act, ApnsPush, CallEvent, CallEvents, CallOver, CallView, CalleeAction, CallerAction, CallsOfDay,
    ClientRegistered, Commit, Control, DeviceSync, Envelope, ErrorData, FcmPush, Forgotten, History, Incoming,
    LedgerEntry, MissedCall, Personal, PlaceCall, PushTokenRegistered, Receipt, RegisterClient, RegisterPushToken,
    UpdateStatus, VideoCall,
};

const DEFS: &str = "#/$defs/";

/// Every form that is stored, sent, asked or answered, under its stable name.
///
/// | name | form |
/// |---|---|
/// | `stored.*` | an item of the log |
/// | `event.{name}.v{version}` | one event inside a commit |
/// | `command.{kind}` | the command inside a commit |
/// | `message.*` | the payload of an MQTT message |
/// | `push.{system}.*` | the payload of a mobile push, as SNS is given it for that system |
/// | `http.{type}` | a request's body, or the `data` of a good answer |
/// | `http.reply.{type}` | that `data` in its envelope |
/// | `http.error` | the envelope of every other answer |
#[must_use]
pub fn schemas() -> Vec<(String, Schema)> {
    let mut all = vec![
        given::<Commit>("stored.commit"),
        given::<Personal>("stored.personal"),
        given::<Receipt>("stored.receipt"),
        given::<Access>("stored.access"),
        given::<LedgerEntry>("stored.ledger"),
        given::<Forgotten>("stored.forgotten"),
    ];
    all.extend(tagged::<CallEvent>("type", "data").into_iter().map(event));
    all.extend(tagged::<Act>("kind", "args").into_iter().map(command));
    all.extend([
        given::<Incoming>("message.incoming"),
        given::<Control>("message.control"),
        given::<DeviceSync>("message.sync"),
        given::<FcmPush<VideoCall>>("push.android.video_call"),
        given::<FcmPush<CallOver>>("push.android.call_ended"),
        given::<FcmPush<MissedCall>>("push.android.missed_call"),
        given::<ApnsPush<VideoCall>>("push.ios.video_call"),
        given::<ApnsPush<CallOver>>("push.ios.call_ended"),
        given::<ApnsPush<MissedCall>>("push.ios.missed_call"),
        given::<Envelope<Value>>("http.Envelope"),
        given::<ClientRegistered>("http.ClientRegistered"),
        given::<PushTokenRegistered>("http.PushTokenRegistered"),
        given::<CallView>("http.CallView"),
        given::<History>("http.History"),
        given::<CallsOfDay>("http.CallsOfDay"),
        given::<CallEvents>("http.CallEvents"),
        given::<Accesses>("http.Accesses"),
        reply::<ClientRegistered>("ClientRegistered"),
        reply::<PushTokenRegistered>("PushTokenRegistered"),
        reply::<CallView>("CallView"),
        reply::<History>("History"),
        reply::<CallsOfDay>("CallsOfDay"),
        reply::<CallEvents>("CallEvents"),
        reply::<Accesses>("Accesses"),
        reply::<()>("Nothing"),
        error(),
        asked::<RegisterClient>("http.RegisterClient"),
        asked::<RegisterPushToken>("http.RegisterPushToken"),
        asked::<UpdateStatus>("http.UpdateStatus"),
        asked::<PlaceCall>("http.PlaceCall"),
        asked::<CalleeAction>("http.CalleeAction"),
        asked::<CallerAction>("http.CallerAction"),
    ]);
    all
}

/// What we write: an optional field is there or not, and never null.
fn given<T: JsonSchema>(name: &str) -> (String, Schema) {
    (name.into(), root::<T>(Contract::Serialize))
}

/// What others write: an optional field may also be null.
fn asked<T: JsonSchema>(name: &str) -> (String, Schema) {
    (name.into(), root::<T>(Contract::Deserialize))
}

fn root<T: JsonSchema>(contract: Contract) -> Schema {
    let strict = contract == Contract::Serialize;
    let mut settings = SchemaSettings::draft2020_12();
    settings.contract = contract;
    let mut schema = settings.into_generator().into_root_schema_for::<T>();
    RecursiveTransform(in_prose).transform(&mut schema);
    if strict {
        RecursiveTransform(absent_not_null).transform(&mut schema);
    }
    // What it is stands first.
    let mut ordered = Map::new();
    for key in ["$schema", "title", "description"] {
        ordered.extend(schema.remove(key).map(|value| (key.to_owned(), value)));
    }
    ordered.extend(std::mem::take(schema.ensure_object()));
    ordered.into()
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

fn names(list: Option<&Value>) -> impl Iterator<Item = &str> {
    list.and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str)
}

/// One variant of an adjacently tagged enum.
struct Variant {
    name: String,
    description: Value,
    content: Value,
    /// Whether the content is never empty.
    filled: bool,
    definitions: Value,
}

/// The variants of `T`, so that none can be forgotten.
fn tagged<T: JsonSchema>(tag: &str, content: &str) -> Vec<Variant> {
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

fn event(variant: Variant) -> (String, Schema) {
    let Variant { name, description, content, filled, definitions } = variant;
    let v = CallEvent::version_of(&name);
    let required = if filled { json!(["type", "v", "data"]) } else { json!(["type", "v"]) };
    let schema = json!({
        "title": format!("{name}V{v}"),
        "description": description,
        "type": "object",
        "properties": { "type": { "const": name }, "v": { "const": v }, "data": content },
        "required": required,
    });
    (format!("event.{name}.v{v}"), with_definitions(schema, &definitions))
}

fn command(variant: Variant) -> (String, Schema) {
    let Variant { name, description, content, filled, mut definitions } = variant;
    let id = root::<crate::CommandId>(Contract::Serialize).to_value();
    definitions["CommandId"] = json!({
        "description": id["description"], "type": id["type"], "pattern": id["pattern"],
    });
    let required = if filled { json!(["id", "kind", "args"]) } else { json!(["id", "kind"]) };
    let schema = json!({
        "title": format!("Command_{name}"),
        "description": description,
        "type": "object",
        "properties": { "id": { "$ref": format!("{DEFS}CommandId") }, "kind": { "const": name }, "args": content },
        "required": required,
    });
    (format!("command.{name}"), with_definitions(schema, &definitions))
}

fn reply<T: JsonSchema>(name: &str) -> (String, Schema) {
    let mut schema = root::<Envelope<T>>(Contract::Serialize);
    schema.insert("title".into(), json!(format!("{name}Reply")));
    schema.insert("description".into(), json!("A good answer."));
    if let Some(code) = schema.pointer_mut("/properties/code") {
        *code = json!({ "const": 0 });
    }
    (format!("http.reply.{name}"), schema)
}

fn error() -> (String, Schema) {
    let mut schema = root::<Envelope<Option<ErrorData>>>(Contract::Serialize);
    schema.insert("title".into(), json!("ErrorReply"));
    schema.insert("description".into(), json!("Every answer that is not what was asked for."));
    if let Some(code) = schema.pointer_mut("/properties/code") {
        *code = json!({ "description": "The stable number.", "type": "integer", "minimum": 40_000, "maximum": 59_999 });
    }
    ("http.error".into(), schema)
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
