//! The template, held against the code: what it sets, what it allows, what it routes, which tables it makes.

mod environment;
mod pages;
mod roles;

use std::collections::BTreeSet;

use ilock_lambda::functions::{api, ledger, triggers};
use serde_json::{Value, json};

/// The template as JSON. Tags are left out: `!Ref A` reads as `"A"`, `!GetAtt A.Arn` as `"A.Arn"`, `!If` as its list.
pub(crate) fn template() -> Value {
    let text = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../template.yaml")).unwrap();
    serde_saphyr::from_str(&text).unwrap()
}

/// Each function's name, as its binary has it, and its resource.
fn functions(template: &Value) -> Vec<(String, &Value)> {
    let resources = template["Resources"].as_object().unwrap();
    let functions = resources.values().filter(|resource| resource["Type"] == "AWS::Serverless::Function");
    functions
        .map(|function| {
            let name = function["Properties"]["FunctionName"].as_str().unwrap();
            (name.strip_prefix("${AWS::StackName}-").unwrap().to_owned(), &function["Properties"])
        })
        .collect()
}

/// The names of the functions, with the binary of each.
fn made() -> BTreeSet<(String, String)> {
    [("api", api::FUNCTIONS), ("triggers", triggers::FUNCTIONS), ("ledger", ledger::FUNCTIONS)]
        .into_iter()
        .flat_map(|(binary, functions)| functions.iter().map(move |(name, _)| ((*name).to_owned(), binary.to_owned())))
        .collect()
}

#[test]
fn every_function_has_the_binary_that_knows_it_by_its_handler() {
    let template = template();
    let named: BTreeSet<(String, String)> = functions(&template)
        .into_iter()
        .map(|(name, properties)| {
            assert_eq!(properties["Handler"], json!(name), "what the binary is told to be");
            let package = properties["CodeUri"].as_str().unwrap();
            let binary = package.strip_prefix(".ilock/package/").and_then(|file| file.strip_suffix(".zip"));
            (name, binary.unwrap_or(package).to_owned())
        })
        .collect();
    assert_eq!(named, made());
}

/// Method and path of every route that leads to a function.
fn routes(template: &Value) -> BTreeSet<(String, String)> {
    functions(template)
        .iter()
        .flat_map(|(_, function)| function["Events"].as_object().into_iter().flat_map(|events| events.values()))
        .filter(|event| event["Type"] == "HttpApi")
        .map(|event| {
            let word = |name: &str| event["Properties"][name].as_str().unwrap().to_owned();
            (word("Method").to_lowercase(), word("Path"))
        })
        .collect()
}

#[test]
fn its_routes_are_those_of_the_api_description() {
    let template = template();
    // A name with slashes: `{name+}`, as API Gateway writes it.
    let routes: BTreeSet<(String, String)> =
        routes(&template).into_iter().map(|(method, path)| (method, path.replace("+}", "}"))).collect();
    let text = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../events/openapi.yaml")).unwrap();
    let openapi: Value = serde_saphyr::from_str(&text).unwrap();
    let described: BTreeSet<(String, String)> = openapi["paths"]
        .as_object()
        .unwrap()
        .iter()
        .filter(|(path, _)| path.starts_with("/api/"))
        .flat_map(|(path, methods)| methods.as_object().unwrap().keys().map(|method| (method.clone(), path.clone())))
        .collect();
    assert_eq!(routes, described);
}

/// Where the gateway looks at tokens, it does on every route but Tencent's, whose reports are signed.
#[test]
fn every_route_but_tencents_asks_for_a_token_at_the_gateway() {
    let template = template();
    let mut named = routes(&template);
    assert!(named.remove(&("post".to_owned(), "/api/trtc/callback".to_owned())));
    let definition = &template["Resources"]["HttpApi"]["Properties"]["DefinitionBody"];
    // The reader drops YAML tags, here that of `!If`.
    let asks = json!({ "security": ["TokensAtTheGateway", [{ "token": [] }], []] });
    let mut asking = BTreeSet::new();
    for (path, methods) in definition["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            assert_eq!(*operation, asks, "{method} {path}");
            asking.insert((method.clone(), path.clone()));
        }
    }
    assert_eq!(asking, named);
}

#[test]
fn its_tables_are_those_that_the_embedded_stack_makes() {
    let template = template();
    for (name, definition) in [
        ("EventsTable", ilock_log::TABLE),
        ("DirectoryTable", ilock_directory::TABLE),
        ("LedgerTable", ilock_log::ledger::LEDGER_TABLE),
    ] {
        let table = &template["Resources"][name];
        let kept = (&table["DeletionPolicy"], &table["UpdateReplacePolicy"]);
        assert_eq!(kept, (&json!("RetainExceptOnCreate"), &json!("Retain")));
        let properties = table["Properties"].as_object().unwrap();
        let defined: Value = serde_json::from_str(definition).unwrap();
        for (property, value) in defined.as_object().unwrap() {
            // Which key encrypts is the operator's choice.
            if property != "SSESpecification" {
                assert_eq!(properties.get(property), Some(value), "{name}.{property}");
            }
        }
        let more: BTreeSet<&str> = properties
            .keys()
            .map(String::as_str)
            .filter(|name| !defined[name].is_object() && !defined[name].is_array() && defined[name].is_null())
            .collect();
        let allowed = BTreeSet::from([
            "TableName",
            "Tags",
            "SSESpecification",
            "ContributorInsightsSpecification",
            "ResourcePolicy",
        ]);
        assert!(more.is_subset(&allowed), "{name} has more: {more:?}");
    }
}
