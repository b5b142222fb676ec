//! `events/schema/` says what the types say.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that cannot go on has failed")]

mod contract;

use std::collections::BTreeSet;

use contract::{REWRITE, files, names_in, stale, text, yaml};
use ilock_events::schema::schemas;
use serde_json::Value;

#[test]
fn every_schema_file_is_in_step_with_its_type() {
    for (name, made) in files().into_iter().filter(|(name, _)| name.starts_with("schema/")) {
        let found = std::fs::read_to_string(contract::folder(&name)).unwrap_or_default();
        assert!(found == made, "{name} is behind the types; {REWRITE}");
    }
}

#[test]
fn no_schema_file_is_left_of_a_type_that_is_gone() {
    assert_eq!(stale(), Vec::<String>::new(), "events/schema has stale files; {REWRITE}");
}

#[test]
fn every_name_is_given_once() {
    let names: BTreeSet<String> = schemas().into_iter().map(|(name, _)| name).collect();
    assert_eq!(names.len(), schemas().len());
}

#[test]
fn every_schema_is_a_schema_of_2020_12_that_refers_to_nothing_outside() {
    for (name, schema) in schemas() {
        let schema = schema.to_value();
        jsonschema::draft202012::meta::validate(&schema).unwrap_or_else(|error| panic!("{name}: {error}"));
        jsonschema::draft202012::new(&schema).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema", "{name}");
        assert!(schema["title"].is_string() && schema["description"].is_string(), "{name} says not what it is");
    }
}

/// Every schema inside `form`, with where it stands.
fn each(form: &Value, path: &str, see: &mut dyn FnMut(&str, &Value)) {
    see(path, form);
    match form {
        Value::Object(parts) => parts.iter().for_each(|(name, part)| each(part, &format!("{path}/{name}"), see)),
        Value::Array(parts) => parts.iter().for_each(|part| each(part, path, see)),
        _ => {}
    }
}

/// Generators of clients make nothing of a choice of constants, and do not compile with a value that is only ever null.
#[test]
fn what_generators_stumble_over_is_in_none() {
    let mut all: Vec<(String, Value)> = schemas().into_iter().map(|(name, schema)| (name, schema.to_value())).collect();
    all.extend(["openapi.yaml", "asyncapi.yaml"].map(|name| (name.to_owned(), yaml(name))));
    for (name, form) in all {
        each(&form, "", &mut |path, part| {
            assert_ne!(part["type"], "null", "{name}{path}");
            let constants = |choice: &Value| choice["const"].is_string();
            let choices = ["oneOf", "anyOf"].iter().filter_map(|word| part[word].as_array());
            for choice in choices {
                assert!(!choice.iter().all(constants), "{name}{path} is an enum");
            }
        });
    }
}

/// They name what they make by titles, where there are any, and else by numbers.
#[test]
fn every_named_schema_has_its_name_as_its_title() {
    for (name, schema) in schemas() {
        for (definition, form) in schema.to_value()["$defs"].as_object().into_iter().flatten() {
            assert_eq!(form["title"], *definition, "{name}");
        }
    }
    for name in ["openapi.yaml", "asyncapi.yaml"] {
        for (component, form) in yaml(name)["components"]["schemas"].as_object().unwrap() {
            assert_eq!(form["title"], *component, "{name}");
            assert!(component.bytes().all(|b| b.is_ascii_alphanumeric()), "{name}: {component} is no name in code");
        }
    }
    let titles: Vec<String> = schemas()
        .into_iter()
        .map(|(_, schema)| schema.get("title").and_then(Value::as_str).unwrap_or_default().to_owned())
        .collect();
    assert_eq!(titles.iter().collect::<BTreeSet<_>>().len(), titles.len(), "a title is given twice: {titles:?}");
}

/// Nothing produces `failed`: whoever reads about it must not wait for it.
#[test]
fn a_description_that_names_failed_says_that_it_is_reserved() {
    for name in ["openapi.yaml", "asyncapi.yaml"] {
        let mut named = 0;
        each(&yaml(name), "", &mut |path, part| {
            let description = part["description"].as_str().unwrap_or_default();
            for line in description.lines().filter(|line| line.contains("`failed`")) {
                assert!(line.to_lowercase().contains("reserved"), "{name}{path}: {line}");
                named += 1;
            }
        });
        assert!(named > 0, "{name} does not describe it");
    }
}

#[test]
fn descriptions_are_prose_and_no_rustdoc() {
    for name in names_in("schema") {
        let text = text(&format!("schema/{name}.json"));
        assert!(
            !text.contains("[`") && !text.contains("\\n"),
            "{name}: a description has a rustdoc link or a line break"
        );
    }
}
