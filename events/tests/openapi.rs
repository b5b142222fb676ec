//! `openapi.yaml` says what the types say, and shows the samples.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that cannot go on has failed")]

mod contract;

use std::collections::BTreeSet;

use contract::{REWRITE, files, openapi_components, samples, text, yaml};
use serde_json::{Value, json};

/// Every route of the backend, and of the local stack.
const ROUTES: [&str; 27] = [
    "delete /api/blocks",
    "delete /api/mqtt/clients",
    "delete /api/mqtt/clients/{client_id}",
    "get /api/audit/accesses",
    "get /api/audit/calls",
    "get /api/audit/calls/{call_id}/events",
    "get /api/audit/calls/{call_id}/proof",
    "get /api/audit/ledger/{name}",
    "get /api/blocks",
    "get /api/calls",
    "get /api/calls/{call_id}",
    "get /api/mqtt/clients",
    "get /api/settings",
    "get /dev/pushes",
    "get /healthz",
    "post /api/admin/revocations",
    "post /api/calls",
    "post /api/calls/callee-action",
    "post /api/calls/caller-action",
    "post /api/mqtt/clients/register",
    "post /api/trtc/callback",
    "post /api/v1/devices/confirm",
    "post /api/v1/devices/register",
    "put /api/blocks",
    "put /api/calls/seen",
    "put /api/mqtt/clients/status",
    "put /api/settings",
];

/// The routes whose good answer has no envelope.
const RAW: [&str; 2] = ["get /api/audit/calls/{call_id}/proof", "get /api/audit/ledger/{name}"];

fn document() -> Value {
    yaml("openapi.yaml")
}

/// Each operation with its route: `post /api/calls`.
fn operations(document: &Value) -> Vec<(String, Value)> {
    let paths = document["paths"].as_object().unwrap();
    let operations = paths.iter().flat_map(|(path, methods)| {
        methods
            .as_object()
            .unwrap()
            .iter()
            .map(move |(method, operation)| (format!("{method} {path}"), operation.clone()))
    });
    operations.collect()
}

/// `value`, or what it refers to.
fn followed<'a>(document: &'a Value, value: &'a Value) -> &'a Value {
    match value["$ref"].as_str() {
        Some(link) => document.pointer(&link[1..]).unwrap_or_else(|| panic!("{link} leads nowhere")),
        None => value,
    }
}

fn each(value: &Value, path: &str, see: &mut dyn FnMut(&str, &Value)) {
    see(path, value);
    match value {
        Value::Object(fields) => fields.iter().for_each(|(name, part)| each(part, &format!("{path}/{name}"), see)),
        Value::Array(parts) => parts.iter().for_each(|part| each(part, path, see)),
        _ => {}
    }
}

#[test]
fn its_components_are_in_step_with_the_types_and_the_samples() {
    let (_, made) = files().into_iter().find(|(name, _)| name == "openapi.yaml").unwrap();
    assert!(text("openapi.yaml") == made, "openapi.yaml is behind the types or the samples; {REWRITE}");
    let document = document();
    for (part, made) in openapi_components().as_object().unwrap() {
        assert_eq!(&document["components"][part], made, "components.{part}; {REWRITE}");
    }
}

#[test]
fn it_has_exactly_the_routes() {
    let routes: BTreeSet<String> = operations(&document()).into_iter().map(|(route, _)| route).collect();
    assert_eq!(routes, ROUTES.into_iter().map(str::to_owned).collect());
}

#[test]
fn every_reference_leads_somewhere() {
    let document = document();
    each(&document, "", &mut |path, value| {
        if let Some(link) = value["$ref"].as_str() {
            assert!(document.pointer(&link[1..]).is_some(), "{path}: {link}");
        }
    });
}

#[test]
fn every_example_is_as_its_schema_says() {
    let document = document();
    let mut seen = 0;
    each(&document, "", &mut |path, value| {
        let (Some(schema), Some(examples)) = (value.get("schema"), value["examples"].as_object()) else { return };
        let whole = json!({ "allOf": [schema], "components": document["components"] });
        let validator = jsonschema::draft202012::new(&whole).unwrap_or_else(|error| panic!("{path}: {error}"));
        for (name, example) in examples {
            let example = &followed(&document, example)["value"];
            let wrong: Vec<String> = validator.iter_errors(example).map(|error| error.to_string()).collect();
            assert!(wrong.is_empty(), "{path}, {name}: {wrong:?}");
            seen += 1;
        }
    });
    assert!(seen > 30, "only {seen} examples");
}

#[test]
fn every_sample_of_http_is_an_example_somewhere() {
    let mut shown = BTreeSet::new();
    each(&document(), "", &mut |_, value| {
        if let Some(name) = value["$ref"].as_str().and_then(|link| link.strip_prefix("#/components/examples/")) {
            shown.insert(name.to_owned());
        }
    });
    let all: BTreeSet<String> =
        samples().into_iter().map(|(name, _)| name).filter(|name| name.starts_with("http.")).collect();
    assert_eq!(shown, all);
}

#[test]
fn every_error_stands_under_the_status_that_its_code_begins_with() {
    let document = document();
    for (route, operation) in operations(&document) {
        for (status, response) in operation["responses"].as_object().unwrap() {
            let content = &followed(&document, response)["content"];
            // What comes without an envelope, as it stands in the ledger: a proof, and its files.
            if status == "200" && RAW.contains(&route.as_str()) {
                continue;
            }
            let media = &content["application/json"];
            for (name, example) in
                media["examples"].as_object().unwrap_or_else(|| panic!("{route} {status}: no example"))
            {
                let code = followed(&document, example)["value"]["code"].as_u64().unwrap();
                let status: u64 = status.parse().unwrap();
                let fits = if status == 200 { code == 0 } else { code / 100 == status };
                assert!(fits, "{route}: {name} has code {code} under {status}");
            }
        }
    }
}

#[test]
fn every_code_is_in_the_table_and_has_a_sample() {
    let document = document();
    let table: BTreeSet<u64> = document["info"]["description"]
        .as_str()
        .unwrap()
        .lines()
        .filter_map(|line| line.strip_prefix("| ")?.split(' ').next()?.parse().ok())
        .collect();
    let mut answered = BTreeSet::new();
    each(&document["components"]["responses"], "", &mut |path, value| {
        if path.ends_with("/schema") {
            let codes = &followed(&document, value)["properties"]["code"]["enum"];
            answered.extend(codes.as_array().into_iter().flatten().filter_map(Value::as_u64));
        }
    });
    let sampled: BTreeSet<u64> = samples()
        .into_iter()
        .filter(|(name, _)| name.starts_with("http.error"))
        .filter_map(|(_, sample)| sample["code"].as_u64())
        .collect();
    assert_eq!(table, answered, "the table, and what responses have");
    assert_eq!(table, sampled, "the table, and the samples");
}

#[test]
fn every_route_of_the_api_says_who_may_ask_and_how_it_fails() {
    let document = document();
    // Tencent has no token: it signs, and gives no key.
    let asked_by_parties = |route: &str| route.contains(" /api/") && !route.contains("/trtc/");
    for (route, operation) in operations(&document).into_iter().filter(|(route, _)| asked_by_parties(route)) {
        let responses = operation["responses"].as_object().unwrap();
        for status in ["200", "400", "401", "403", "500", "503"] {
            assert!(responses.contains_key(status), "{route} has no {status}");
        }
        assert!(operation.get("security").is_none(), "{route} is not open");
        let named = |name: &str| {
            let parameters = operation["parameters"].as_array().into_iter().flatten();
            parameters.into_iter().any(|parameter| followed(&document, parameter)["name"] == name)
        };
        assert!(named("Accept-Language"), "{route}");
        assert_eq!(named("Idempotency-Key"), route.starts_with("post "), "{route}");
        // A block is named in the query, and needs no body.
        assert_eq!(
            (route.starts_with("post ") || route.starts_with("put ")) && !route.ends_with("/blocks"),
            operation["requestBody"]["required"] == true,
            "{route}"
        );
    }
    let busy = &document["components"]["responses"]["Busy"];
    assert_eq!(followed(&document, &busy["headers"]["Retry-After"])["required"], true);
}
