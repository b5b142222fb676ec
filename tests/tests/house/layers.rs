//! No crate points up.

use std::collections::BTreeSet;

use crate::workspace::{cargo, packages};

/// The crates from the ground up. A crate may depend on those of the rows above its own, and on none of its own row; its tests
/// too.
const LAYERS: [&[&str]; 8] = [
    &["ilock-events"],
    &["ilock-env", "ilock-proof", "ilock-call", "ilock-dynamo", "ilock-client-core"],
    &["ilock-auth", "ilock-trtc", "ilock-notify", "ilock-log", "ilock-directory", "ilock-client", "ilock-client-wasm"],
    &["ilock-functions"],
    &["ilock-lambda", "ilock-local", "ilock-audit"],
    &["ilock-tests"],
    &["ilock"],
    &["ilock-bench"],
];

/// All that the auditor may depend on in the workspace: not the log, and so no AWS SDK.
const AUDIT_KNOWS: [&str; 4] = ["ilock-events", "ilock-call", "ilock-notify", "ilock-proof"];

fn layer(name: &str) -> Option<usize> {
    LAYERS.iter().position(|row| row.contains(&name))
}

#[test]
fn every_crate_has_its_layer() {
    let packages = packages();
    let there: BTreeSet<&str> = packages.iter().map(|package| package.name.as_str()).collect();
    let listed: BTreeSet<&str> = LAYERS.iter().flat_map(|row| row.iter().copied()).collect();
    assert_eq!(there, listed, "the crates of the workspace, and the list in this file");
}

#[test]
fn no_crate_points_up() {
    for package in packages() {
        let own = layer(&package.name);
        for dependency in package.dependencies.iter().chain(&package.dev_dependencies) {
            assert!(layer(dependency) < own, "{} depends on {dependency}, which is not below it", package.name);
        }
    }
}

#[test]
fn the_auditor_knows_events_calls_notices_and_proofs_only() {
    let packages = packages();
    let audit = packages.iter().find(|package| package.name == "ilock-audit").unwrap();
    for dependency in &audit.dependencies {
        assert!(AUDIT_KNOWS.contains(&dependency.as_str()), "ilock-audit depends on {dependency}");
    }
}

#[test]
fn no_function_that_is_deployed_can_be_given_its_randomness() {
    let tree = cargo(&["tree", "--locked", "-p", "ilock-lambda", "-e", "normal,features", "--prefix", "none"]);
    assert!(tree.contains("ilock-env "), "no tree was read: {tree}");
    assert!(!tree.contains("ilock-env feature \"simulated\""), "ilock-lambda is built with simulated randomness");
}

#[test]
fn the_auditor_depends_on_no_cloud() {
    let tree = cargo(&["tree", "--locked", "-p", "ilock-audit", "-e", "normal", "--all-features", "--prefix", "none"]);
    let names = tree.lines().filter_map(|line| line.split(' ').next());
    // aws-lc-rs and aws-lc-sys are a library of cryptography that verifies signatures: they ask nothing of AWS.
    let cloud = names.filter(|name| name.starts_with("aws") && !name.starts_with("aws-lc-"));
    let cloud: BTreeSet<&str> = cloud.collect();
    assert!(cloud.is_empty(), "ilock-audit depends on {cloud:?}");
    assert!(tree.contains("ilock-events "), "no tree was read: {tree}");
}
