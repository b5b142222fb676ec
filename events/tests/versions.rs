//! What was written once stays readable for ever: no event changes its form without a new version, and every version that
//! ever was has a sample that is read.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that cannot go on has failed")]

mod contract;

use std::collections::BTreeMap;

use contract::{samples, text};
use ilock_events::schema::schemas;
use ilock_events::{CallEvent, StoredEvent};
use serde_json::Value;

/// The form of every version that ever was, without its prose: `CallPlaced.v1` …
fn frozen() -> BTreeMap<String, Value> {
    serde_json::from_str(&text("tests/forms.json")).unwrap()
}

/// The forms of today.
fn today() -> BTreeMap<String, Value> {
    let of_event = |(name, schema): (String, schemars::Schema)| {
        let name = name.strip_prefix("event.")?.to_owned();
        Some((name, without_prose(schema.to_value())))
    };
    schemas().into_iter().filter_map(of_event).collect()
}

fn without_prose(form: Value) -> Value {
    match form {
        Value::Object(fields) => fields
            .into_iter()
            .filter(|(name, value)| {
                !(["description", "title", "$schema"].contains(&name.as_str()) && value.is_string())
            })
            .map(|(name, value)| (name, without_prose(value)))
            .collect::<serde_json::Map<_, _>>()
            .into(),
        Value::Array(items) => items.into_iter().map(without_prose).collect(),
        other => other,
    }
}

fn stored_samples() -> BTreeMap<String, StoredEvent> {
    let of_event = |(name, sample): (String, Value)| {
        let name = name.strip_prefix("event.")?.to_owned();
        Some((name, serde_json::from_value(sample).unwrap()))
    };
    samples().into_iter().filter_map(of_event).collect()
}

#[test]
fn no_event_changes_its_form_without_a_new_version() {
    let frozen = frozen();
    let today = today();
    assert!(today.len() >= 8);
    for (name, form) in today {
        let Some(was) = frozen.get(&name) else {
            panic!(
                "{name} is new: write its form into events/tests/forms.json, and a sample of it into events/samples:\n{form:#}"
            )
        };
        assert_eq!(
            &form, was,
            "the form of {name} is not what it was, and there are events on disk that have that form. Leave it as it \
             is. A new form is a new version: raise it in VERSIONS, read the old one by a step in UPCASTS (both in \
             events/src/call_event.rs), add the form to events/tests/forms.json and a sample to events/samples"
        );
    }
}

#[test]
fn every_version_that_ever_was_has_a_sample_that_is_read() {
    let samples = stored_samples();
    for (name, form) in frozen() {
        let sample = samples.get(&name).unwrap_or_else(|| panic!("there is no sample event.{name}.json"));
        assert_eq!(name, format!("{}.v{}", sample.name, sample.v), "the sample is of another event");
        let valid = jsonschema::draft202012::new(&form).unwrap().is_valid(&serde_json::to_value(sample).unwrap());
        assert!(valid, "the sample {name} has not the form of its version");
        let event = CallEvent::read(sample).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(event.stored().v, CallEvent::version_of(&sample.name), "{name} is written again as of today");
    }
    let frozen = frozen();
    for name in samples.keys() {
        assert!(frozen.contains_key(name), "the sample event.{name}.json is of a version that never was");
    }
}

#[test]
fn the_versions_of_an_event_follow_each_other() {
    let mut last: BTreeMap<String, u32> = BTreeMap::new();
    let mut all: Vec<(String, u32)> = frozen()
        .into_keys()
        .map(|name| {
            let (event, version) = name.rsplit_once(".v").unwrap();
            (event.to_owned(), version.parse().unwrap())
        })
        .collect();
    all.sort();
    for (event, version) in all {
        let before = last.insert(event.clone(), version).unwrap_or_default();
        assert_eq!(version, before + 1, "{event}");
    }
    for (event, version) in last {
        assert_eq!(version, CallEvent::version_of(&event), "{event}: the newest is the one that is written");
    }
}

/// `tools/deploy` relies on it: what is named here may be met by an older version without harm, because nobody writes it.
#[test]
fn what_is_not_written_yet_is_issued_by_no_decision() {
    let not_written: Vec<String> = serde_json::from_str(&text("forms-not-written.json")).unwrap();
    let decisions = text("../shared/call/src/decide.rs");
    let frozen = frozen();
    for name in not_written {
        assert!(frozen.contains_key(&name), "{name} is no form of an event");
        let (event, version) = name.rsplit_once(".v").unwrap();
        let written = CallEvent::version_of(event).to_string() == version;
        assert!(
            !written || !decisions.contains(&format!("CallEvent::{event}(")),
            "{name} is issued, and so it is written"
        );
    }
    assert!(decisions.contains("CallEvent::CallEnded("), "the decisions are no longer there");
}
