//! A function whose environment is wrong does not start, though its secrets have not come yet.

#![allow(clippy::unwrap_used, reason = "what goes wrong here is a broken test")]

use std::process::{Command, Stdio};

/// What the function `handler` says before it ends; `wrong` is set beside what is right.
fn said(handler: &str, wrong: (&str, &str)) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_api"))
        .env_clear()
        .envs([("_HANDLER", handler), ("AWS_REGION", "eu-central-1"), ("AWS_ENDPOINT_URL", "http://127.0.0.1:9")])
        .envs([("AWS_ACCESS_KEY_ID", "none"), ("AWS_SECRET_ACCESS_KEY", "none")])
        .envs([("EVENTS_TABLE", "calls-events"), ("DIRECTORY_TABLE", "calls-directory")])
        .env("MQTT_SECRET", "secretsmanager:calls/mqtt:mqtt_secret")
        .env(wrong.0, wrong.1)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert!(!output.status.success());
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

#[test]
fn a_function_does_not_start_with_a_wrong_setting_and_names_it() {
    for (handler, name, value) in [
        ("register-client", "MQTT_URL", "broker.example"),
        ("register-client", "MQTT_TOKEN_SECONDS", "1h"),
        ("create-call", "IOT_ENDPOINT", "iot.example"),
        ("get-call", "EVENTS_TABLE", "t"),
        ("get-call", "RUST_LOG", "loud=very"),
    ] {
        let said = said(handler, (name, value));
        assert!(said.contains(&format!("{name}: must be")), "{handler}: {said}");
    }
    let secret = said("register-client", ("PAYLOAD_SECRET", "hunter2hunter2"));
    assert!(secret.contains("PAYLOAD_SECRET: must have at least 32 bytes") && !secret.contains("hunter2"), "{secret}");
}
