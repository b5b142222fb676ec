//! Rewrites what is made from the types: `events/schema/`, and the components of `openapi.yaml` and `asyncapi.yaml`.
//!
//! `cargo run -p ilock-events --example write-schemas`
#![allow(clippy::expect_used, reason = "a tool for developers, who can read a panic")]

#[path = "../tests/contract/mod.rs"]
mod contract;

fn main() {
    for name in contract::stale() {
        std::fs::remove_file(contract::folder("schema").join(&name)).expect("a stale schema can be removed");
        println!("removed schema/{name}");
    }
    for (name, text) in contract::files() {
        if std::fs::read_to_string(contract::folder(&name)).ok().as_ref() != Some(&text) {
            std::fs::write(contract::folder(&name), text).expect("events/ can be written to");
            println!("wrote {name}");
        }
    }
}
