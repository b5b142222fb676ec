//! Whatever a person's id is, the operator's commands find that person's calls: export, forget, verify.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "what goes wrong here is a broken test")]

mod server;

use std::time::{Duration, Instant};

use serde_json::Value;
use server::{Server, lines};

/// The kinds of `sub` that login services send, and characters that mean something in topics, paths, JSON or a shell.
fn real_subs() -> [String; 20] {
    serde_json::from_str(include_str!("../../events/tests/real_subs.json")).unwrap()
}

/// Rings `sub` once from its own door, and gives up. The call's id.
fn rings(server: &Server, sub: &str, door: &str) -> String {
    server.has_phone(sub);
    let arguments = ["--json", "door", "press", "--device", door, "--callee", sub, "--cancel-after", "0"];
    let pressed = server.run(&arguments);
    let said = lines(&pressed);
    assert_eq!(pressed.status.code(), Some(5), "{sub}: {said:?} {}", String::from_utf8_lossy(&pressed.stderr));
    said[0]["call"]["call_id"].as_str().unwrap().to_owned()
}

/// The line of `call` in an export made now.
fn exported(server: &Server, call: &str) -> Value {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("export.jsonl");
    let output = server.run(&["export", "--personal", "--output", file.to_str().unwrap()]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = std::fs::read_to_string(&file).unwrap();
    let mut lines = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    lines.find(|line| line["call"] == call).unwrap_or_else(|| panic!("{call} is not in the export"))
}

/// Whether any text in `value` is `id`.
fn names(value: &Value, id: &str) -> bool {
    match value {
        Value::String(text) => text == id,
        Value::Array(items) => items.iter().any(|item| names(item, id)),
        Value::Object(fields) => fields.values().any(|field| names(field, id)),
        _ => false,
    }
}

fn forget(server: &Server, sub: &str) -> Value {
    let output = server.run(&["--json", "forget", "--yes", "--", sub]);
    assert!(output.status.success(), "{sub}: {}", String::from_utf8_lossy(&output.stderr));
    lines(&output)[0].clone()
}

#[test]
fn calls_of_a_person_with_any_sub_are_exported_and_forgotten() {
    let server = Server::start();
    let calls: Vec<(String, String)> = real_subs()
        .into_iter()
        .enumerate()
        .map(|(n, sub)| {
            let call = rings(&server, &sub, &format!("door{n}"));
            (sub, call)
        })
        .collect();
    for (sub, call) in &calls {
        let line = exported(&server, call);
        assert!(names(&line["commits"], sub), "{sub}: {line}");
        assert!(line["personal"].to_string().contains("前门设备"), "{sub}: {line}");
    }
    for (sub, call) in &calls {
        // The history follows the log a moment later.
        let patience = Instant::now() + Duration::from_secs(20);
        let mut texts = 0;
        while texts == 0 {
            assert!(Instant::now() < patience, "{sub}: no text of {call} was found to be forgotten");
            let done = forget(&server, sub);
            assert_eq!(done["user_id"], sub.as_str());
            texts = done["texts"].as_u64().unwrap();
        }
        let line = exported(&server, call);
        assert!(!line.to_string().contains("前门设备"), "{sub}: {line}");
        assert!(line.to_string().contains("forgotten"), "{sub}: {line}");
    }
    assert!(server.run(&["--json", "verify"]).status.success(), "every proof holds");
}
