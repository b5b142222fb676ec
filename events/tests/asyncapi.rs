//! `asyncapi.yaml` says what the types say, and shows the samples.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that cannot go on has failed")]

mod contract;

use std::collections::BTreeSet;

use contract::{REWRITE, asyncapi_components, files, samples, text, yaml};
use serde_json::{Value, json};

fn document() -> Value {
    yaml("asyncapi.yaml")
}

fn each(value: &Value, see: &mut dyn FnMut(&Value)) {
    see(value);
    match value {
        Value::Object(fields) => fields.values().for_each(|part| each(part, see)),
        Value::Array(parts) => parts.iter().for_each(|part| each(part, see)),
        _ => {}
    }
}

fn followed<'a>(document: &'a Value, value: &'a Value) -> &'a Value {
    match value["$ref"].as_str() {
        Some(link) => document.pointer(&link[1..]).unwrap_or_else(|| panic!("{link} leads nowhere")),
        None => value,
    }
}

#[test]
fn its_components_are_in_step_with_the_types_and_the_samples() {
    let (_, made) = files().into_iter().find(|(name, _)| name == "asyncapi.yaml").unwrap();
    assert!(text("asyncapi.yaml") == made, "asyncapi.yaml is behind the types or the samples; {REWRITE}");
    let document = document();
    for (part, made) in asyncapi_components().as_object().unwrap() {
        assert_eq!(&document["components"][part], made, "components.{part}; {REWRITE}");
    }
}

#[test]
fn it_has_exactly_the_topics() {
    let document = document();
    let topics: BTreeSet<&str> = document["channels"]
        .as_object()
        .unwrap()
        .values()
        .map(|channel| channel["address"].as_str().unwrap())
        .collect();
    assert_eq!(
        topics,
        BTreeSet::from([
            "users/{userId}/calls/incoming",
            "users/{userId}/calls/control",
            "users/{userId}/devices/sync",
            "devices/{deviceId}/calls/control",
        ])
    );
}

#[test]
fn every_reference_leads_somewhere() {
    let document = document();
    each(&document, &mut |value| {
        if let Some(link) = value["$ref"].as_str() {
            assert!(document.pointer(&link[1..]).is_some(), "{link}");
        }
    });
}

#[test]
fn every_message_is_published_once_at_least_and_never_kept() {
    let document = document();
    for (name, operation) in document["operations"].as_object().unwrap() {
        assert_eq!(operation["action"], "send", "{name}");
        let mqtt = &followed(&document, &operation["traits"][0])["bindings"]["mqtt"];
        assert_eq!((&mqtt["qos"], &mqtt["retain"]), (&json!(1), &json!(false)), "{name}");
        assert_eq!(mqtt["messageExpiryInterval"]["minimum"], 1, "{name}");
    }
}

#[test]
fn every_sample_of_a_message_is_an_example_that_fits_payload_and_headers() {
    let document = document();
    let mut shown = BTreeSet::new();
    for (name, message) in document["components"]["messages"].as_object().unwrap() {
        let traits: Vec<&Value> =
            message["traits"].as_array().unwrap().iter().map(|link| followed(&document, link)).collect();
        let validator = |schema: &Value| {
            let whole = json!({ "allOf": [schema], "components": { "schemas": document["components"]["schemas"] } });
            jsonschema::draft202012::new(&whole).unwrap_or_else(|error| panic!("{name}: {error}"))
        };
        let payload = validator(&message["payload"]);
        let headers = validator(&traits.iter().find_map(|part| part.get("headers")).unwrap().clone());
        assert!(traits.iter().any(|part| part["contentType"] == "application/json"), "{name}");
        for example in traits.iter().filter_map(|part| part["examples"].as_array()).flatten() {
            assert!(payload.is_valid(&example["payload"]), "{name}: {}", example["name"]);
            assert!(headers.is_valid(&example["headers"]), "{name}: {}", example["name"]);
            shown.insert((example["name"].as_str().unwrap().to_owned(), example["payload"].to_string()));
        }
    }
    let all: BTreeSet<(String, String)> = samples()
        .into_iter()
        .filter(|(name, _)| name.starts_with("message."))
        .map(|(name, sample)| (name, sample.to_string()))
        .collect();
    assert_eq!(shown, all);
}

/// AsyncAPI's own schema format is JSON Schema draft 7 and more; where 2020-12 differs, tools would misread it.
#[test]
fn its_schemas_have_nothing_that_draft_7_reads_otherwise() {
    each(&document()["components"]["schemas"], &mut |value| {
        for word in ["$defs", "prefixItems", "unevaluatedProperties", "dependentRequired", "$dynamicRef", "minContains"]
        {
            assert!(value.get(word).is_none(), "{word}");
        }
    });
}
