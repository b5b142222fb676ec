//! `events/schema/` says what the types say.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that cannot go on has failed")]

mod contract;

use std::collections::BTreeSet;

use contract::{REWRITE, files, names_in, stale, text};
use ilock_events::schema::schemas;

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
