//! Everything that a release consists of has the version of the workspace.

use serde_json::Value;

use crate::workspace::repository;

/// The npm packages that an app or a page gets.
const NPM: [&str; 2] = ["client/web", "client/pages"];

fn read(name: &str) -> String {
    std::fs::read_to_string(repository().join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// What the first line of `name` that begins with `before` says behind it, up to `end`.
fn said(name: &str, before: &str, end: char) -> String {
    let text = read(name);
    let rest = text.lines().find_map(|line| line.strip_prefix(before));
    let rest = rest.unwrap_or_else(|| panic!("{name}: no line begins with “{before}”"));
    rest.split(end).next().unwrap_or_default().to_owned()
}

/// The versions of the package in `folder`, with where each stands: in package.json, and twice in package-lock.json.
fn of_npm(folder: &str) -> Vec<(String, String)> {
    let places = [
        ("package.json", "/version"),
        ("package-lock.json", "/version"),
        // The package itself has the empty name there.
        ("package-lock.json", "/packages//version"),
    ];
    let version = |(file, place): (&str, &str)| {
        let name = format!("{folder}/{file}");
        let json: Value = serde_json::from_str(&read(&name)).unwrap_or_else(|error| panic!("{name}: {error}"));
        let version = json.pointer(place).and_then(Value::as_str).unwrap_or_default().to_owned();
        (format!("{name} {place}"), version)
    };
    places.into_iter().map(version).collect()
}

#[test]
fn all_that_is_released_has_one_version() {
    let workspace = said("Cargo.toml", "version = \"", '"');
    let mut versions: Vec<(String, String)> = NPM.into_iter().flat_map(of_npm).collect();
    for name in ["events/openapi.yaml", "events/asyncapi.yaml"] {
        // Two spaces: `info.version`.
        versions.push((name.to_owned(), said(name, "  version: ", ' ')));
    }
    // The newest section comes first.
    versions.push(("CHANGELOG.md".to_owned(), said("CHANGELOG.md", "## ", ',')));
    for (place, version) in versions {
        assert_eq!(version, workspace, "{place} has another version than Cargo.toml");
    }
}
