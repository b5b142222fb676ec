//! Settings that are wrong: each is told when the process starts, by its name, and never by its value.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "what goes wrong here is a broken test")]

use std::process::{Command, Output, Stdio};

/// The command with one variable more, and nobody at its keyboard.
fn ilock(arguments: &[&str], name: &str, value: &str) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ilock"));
    command.args(arguments).env(name, value).stdin(Stdio::null()).output().unwrap()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn a_token_is_not_signed_with_a_wrong_setting() {
    for (name, value, rule) in [
        ("AUTH_SECRET", "hunter2hunter2", "must have at least 32 bytes"),
        ("AUTH_ROLE_CLAIM", "a..b", "AUTH_ROLE_CLAIM: "),
        ("AUTH_DEFAULT_ROLE", "operator", "must be user or device"),
    ] {
        let refused = ilock(&["token", "--sub", "user456"], name, value);
        let said = said(&refused);
        assert_eq!(refused.status.code(), Some(1), "{said}");
        assert!(said.contains(&format!("{name}: ")) && said.contains(rule), "{said}");
        assert!(!said.contains("hunter2"), "{said}");
    }
    for name in ["AUTH_SECRET", "AUTH_ISSUER", "AUTH_AUDIENCE"] {
        let token = ilock(&["token", "--sub", "user456"], name, "");
        assert_eq!(token.status.code(), Some(0), "{name} is not set: {}", said(&token));
    }
}

#[test]
fn a_laptop_does_not_start_with_a_wrong_setting() {
    let ports = ["--port", "0", "--mqtt-port", "0", "--ws-port", "0", "--mqtts-port", "0", "--dynamodb-port", "0"];
    for (name, value) in [
        ("MQTT_URL", "broker.example"),
        ("MQTT_WEBSOCKET_URL", "https://broker.example"),
        ("MQTT_SECRET", "hunter2hunter2"),
        ("AWS_ACCOUNT_ID", "12"),
        ("AUTH_SESSION_CLAIM", "jti"),
        // Which only a deployment needs.
        ("IOT_ENDPOINT", "iot.example"),
        ("LEDGER_BUCKET", "s3://bucket"),
        ("ILOCK_TRTC_HOSTS", "example.com"),
        ("ILOCK_TRTC_SDK", "/no/such/trtc.js"),
        ("RUST_LOG", "loud=very"),
    ] {
        let refused = ilock(&[&["dev"], &ports[..]].concat(), name, value);
        let said = said(&refused);
        assert_eq!(refused.status.code(), Some(1), "{name}: {said}");
        assert!(said.contains(name), "{name}: {said}");
        assert!(!said.contains("hunter2"), "{said}");
    }
}

#[test]
fn what_a_variable_sets_wrongly_is_told_by_the_variable_s_name() {
    for (arguments, name, value) in [
        (&["dev"][..], "ILOCK_HTTP", "localhost"),
        (&["dev"], "ILOCK_DYNAMODB", "18000"),
        (&["phone", "--user", "user456", "--once"], "ILOCK_SERVER", "backend"),
        (&["phone", "--user", "user456", "--once"], "ILOCK_HTTP", "8080"),
        (&["door", "press", "--callee", "user456"], "ILOCK_SERVER", "ftp://backend"),
        (&["revoke", "user456"], "ILOCK_SERVER", "https://a b"),
        (&["verify"], "ILOCK_SERVER", "http://"),
        (&["verify"], "ILOCK_DYNAMODB", "localhost"),
        (&["verify"], "EVENTS_TABLE", "the events"),
        (&["rebuild"], "DIRECTORY_TABLE", "d"),
        (&["rebuild"], "PERSONAL_DAYS", "0"),
        (&["rebuild"], "PERSONAL_DAYS", "for ever"),
        (&["ledger", "backfill", "2026-11-22"], "LEDGER_TABLE", "l/l"),
        (&["verify"], "ILOCK_LEDGER", "s3://"),
    ] {
        let refused = ilock(arguments, name, value);
        let said = said(&refused);
        assert_eq!(refused.status.code(), Some(2), "{arguments:?} {name}: {said}");
        assert!(said.contains(&format!("it is set by the variable {name}")), "{arguments:?}: {said}");
    }
    // What is written wins, and is named as it was written.
    let written = ilock(&["dev", "--http", "here"], "ILOCK_HTTP", "localhost");
    assert!(!said(&written).contains("ILOCK_HTTP"), "{}", said(&written));
    // A variable that is set to nothing is not set.
    for (arguments, name) in [
        (&["rebuild", "--dynamodb", "127.0.0.1:9"][..], "PERSONAL_DAYS"),
        (&["verify", "--dynamodb", "127.0.0.1:9"], "EVENTS_TABLE"),
        (&["verify", "--dynamodb", "127.0.0.1:9"], "ILOCK_SERVER"),
        (&["verify", "--dynamodb", "127.0.0.1:9"], "ILOCK_LEDGER"),
    ] {
        let ran = ilock(arguments, name, "");
        assert_eq!(ran.status.code(), Some(1), "{name}: {}", said(&ran));
    }
}

#[test]
fn what_is_asked_of_aws_says_what_the_environment_lacks() {
    let nowhere = ilock(&["verify", "--aws"], "AWS_REGION", "");
    assert_eq!(nowhere.status.code(), Some(1));
    assert!(said(&nowhere).contains("set AWS_REGION"), "{}", said(&nowhere));
    let nobody = ilock(&["verify", "--dynamodb", "127.0.0.1:9"], "AWS_REGION", "");
    assert!(said(&nobody).contains("Connection refused"), "the cause is told: {}", said(&nobody));
}

#[cfg(unix)]
#[test]
fn a_variable_that_is_no_text_is_named() {
    use std::os::unix::ffi::OsStrExt;
    let mut command = Command::new(env!("CARGO_BIN_EXE_ilock"));
    let value = std::ffi::OsStr::from_bytes(b"ilock\xff");
    let refused = command.args(["verify"]).env("EVENTS_TABLE", value).stdin(Stdio::null()).output().unwrap();
    assert_eq!(refused.status.code(), Some(2));
    assert!(said(&refused).contains("EVENTS_TABLE"), "{}", said(&refused));
}

#[test]
fn a_token_that_fits_no_header_is_refused_and_not_shown() {
    for arguments in [&["revoke", "user456"][..], &["prove", "call_a_b_1", "--output", "/dev/null"]] {
        let server = ["--server", "https://backend.example"];
        let refused = ilock(&[arguments, &server].concat(), "ILOCK_TOKEN", "hunter2\n");
        let said = said(&refused);
        assert_eq!(refused.status.code(), Some(1), "{said}");
        assert!(said.contains("ILOCK_TOKEN") && !said.contains("hunter2"), "{said}");
    }
}
