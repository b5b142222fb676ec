//! Each setting of docs/settings.md with values that are wrong: each is refused at the start, by name, and the value is not told.

use std::collections::{BTreeMap, BTreeSet};

use super::Settings;

/// What is wrong with each, and what the others must be for it to count.
const WRONG: &[(&str, &[&str])] = &[
    ("EVENTS_TABLE", &["t", "ev ents", "table/events"]),
    ("LEDGER_TABLE", &["t", "led ger"]),
    ("DIRECTORY_TABLE", &["t", "direc,tory"]),
    ("LEDGER_ORIGIN", &["a ledger", "a+ledger"]),
    ("LEDGER_BUCKET", &["s3://bucket", "Bucket", "b", "bucket-"]),
    ("LEDGER_KEY_ARNS", &["alias/ledger", ",", "arn:aws:kms:eu-central-1:123456789012:alias/ledger"]),
    ("LEDGER_RETENTION_MODE", &["governance", "OFF"]),
    ("LEDGER_RETENTION_DAYS", &["0", "36501", "ten years"]),
    ("LEDGER_WITNESSES", &["witness", "quorum nobody"]),
    ("ILOCK_SEQUENCE_SECONDS", &["0", "3601", "2s"]),
    ("AUTH_ALGORITHMS", &["none", "HS256,RS256", "RS512"]),
    ("AUTH_SECRET", &["too short a secret"]),
    ("AUTH_SECRET_SECOND", &["too short a secret"]),
    ("AUTH_JWKS", &["http://login.example/jwks", "https://", "https://u:p@login.example/jwks", "/no/such/file.json"]),
    ("AUTH_AUDIENCE", &["ilock-mqtt"]),
    ("AUTH_MISSING_AUDIENCE", &["accepted"]),
    ("AUTH_SUBJECT_CLAIM", &["jti", "a..b"]),
    ("AUTH_ROLE_CLAIM", &["."]),
    ("AUTH_TENANT_CLAIM", &["a."]),
    ("AUTH_DEFAULT_ROLE", &["operator", "User"]),
    ("AUTH_SESSION_CLAIM", &["jti", "sid,"]),
    ("AUTH_MAX_TOKEN_SECONDS", &["a day", "user=1d", "nobody=60"]),
    ("MQTT_SECRET", &["too short a secret"]),
    ("MQTT_SECRET_SECOND", &["too short a secret"]),
    ("PAYLOAD_SECRET", &["too short a secret"]),
    ("PAYLOAD_KEY_VERSION", &["0", "-1", "second"]),
    ("MQTT_TOKEN_SECONDS", &["299", "86401", "1h"]),
    ("MQTT_REFRESH_SECONDS", &["299", "86401", "6h"]),
    ("TOPIC_PREFIX", &["users", "a/b", "Blue"]),
    ("MQTT_AUTHORIZER", &["an authorizer", "a&b"]),
    ("MQTT_SIGNING_KEY", &["-----BEGIN PRIVATE KEY-----", "no key at all"]),
    ("LIMIT_PRESSES_A_MINUTE", &["0", "101", "none"]),
    ("LIMIT_PAIR_PRESSES_A_MINUTE", &["0", "101", "off"]),
    ("LIMIT_STRANGERS_AT_ONCE", &["0", "11"]),
    ("LIMIT_REGISTRATIONS_AN_HOUR", &["0", "1001"]),
    ("LIMIT_CLIENTS", &["0", "65"]),
    ("MQTT_URL", &["broker", "broker.example:8883", "https://broker.example", "tcp://", "ssl://broker .example"]),
    ("MQTT_WEBSOCKET_URL", &["/mqtt", "ssl://broker.example", "wss://", "wss://user:password@broker.example/mqtt"]),
    ("AWS_PARTITION", &["AWS", "aws:cn"]),
    ("AWS_REGION", &["Frankfurt", "eu central 1"]),
    ("AWS_ACCOUNT_ID", &["1234-5678-9012", "12345678901"]),
    ("TRTC_SDK_APP_ID", &["0", "app", "-1", "4294967296"]),
    ("TRTC_SECRET_KEY", &[" "]),
    ("TRTC_API_SECRET_ID", &["with a space"]),
    ("TRTC_API_SECRET_KEY", &["alone"]),
    ("TRTC_API_REGION", &["Guangzhou", "ap_guangzhou"]),
    ("TRTC_API_URL", &["trtc.example", "http://trtc.example", "https://trtc.example/path"]),
    ("TRTC_API_PROXY", &["proxy:3128", "socks5://proxy:1080"]),
    ("TRTC_CALLBACK_KEY", &["with a space", "with a line\n"]),
    ("TRTC_CALLBACK_KEY_SECOND", &["with a space"]),
    ("USER_SIG_IN_MESSAGES", &["yes", "JWE"]),
    ("MAX_CALL_SECONDS", &["59", "43201", "2h"]),
    ("PERSONAL_DAYS", &["0", "36501", "for ever"]),
    ("FAST_PATH", &["yes", "ON"]),
    (
        "PUSH_GCM",
        &["arn:aws:sns:eu-central-1:123456789012:app/APNS/app", "arn:aws:sns:eu-central-1:123456789012:topic"],
    ),
    ("PUSH_APNS", &["arn:aws:sns:eu-central-1:123456789012:app/GCM/app", "arn:x:app/APNS/"]),
    ("PUSH_APNS_SANDBOX", &["arn:aws:sns:eu-central-1:123456789012:app/APNS/app"]),
    ("PUSH_APNS_VOIP", &["arn:aws:sns:eu-central-1:123456789012:app/APNS/app"]),
    ("PUSH_APNS_VOIP_SANDBOX", &["arn:aws:sns:eu-central-1:123456789012:app/APNS/app"]),
    ("PUSH_APNS_TOPIC", &["com.example app", "com/example"]),
    ("PUSH_FCM_ACCOUNT", &["ilock-dev/fcm", "arn:aws:secretsmanager:eu-central-1:123456789012:fcm"]),
    ("IOT_ENDPOINT", &["a1b2.iot.eu-central-1.amazonaws.com", "https://", "mqtts://a1b2.iot"]),
    ("EXPIRE_QUEUE_URL", &["ExpireQueue", "arn:aws:sqs:eu-central-1:123456789012:q"]),
    ("PROJECTOR_QUEUE_URL", &["ProjectorQueue"]),
    ("PRESENCE_QUEUE_URL", &["PresenceQueue"]),
];

/// Of these every text is right.
const ANY_TEXT: &[&str] = &["AUTH_ISSUER"];

/// What makes a setting count: without it nobody reads the other.
fn beside(name: &str) -> Option<(&'static str, &'static str)> {
    match name {
        "AUTH_JWKS" => Some(("AUTH_ALGORITHMS", "RS256")),
        "TRTC_API_SECRET_ID" => Some(("TRTC_API_SECRET_KEY", "key")),
        _ => None,
    }
}

/// The names in the first column of the first table of docs/settings.md.
fn described() -> BTreeSet<&'static str> {
    let page = include_str!("../../../docs/settings.md");
    let rows = page.lines().skip_while(|line| !line.starts_with('|')).take_while(|line| line.starts_with('|'));
    let columns = rows.filter_map(|row| row.split('|').nth(1));
    columns.flat_map(|column| column.split('`').skip(1).step_by(2)).collect()
}

#[test]
fn every_setting_that_is_described_is_refused_where_it_is_wrong() {
    let table: BTreeMap<&str, _> = WRONG.iter().copied().collect();
    let tried: BTreeSet<&str> = table.keys().copied().chain(ANY_TEXT.iter().copied()).collect();
    assert_eq!(tried, described());
    for (name, values) in table {
        for value in values {
            let read = move |asked: &str| {
                if asked == name {
                    return Some((*value).to_owned());
                }
                beside(name).filter(|(other, _)| *other == asked).map(|(_, value)| value.to_owned())
            };
            for settings in [Settings::for_dev(read), Settings::deployed(read)] {
                let refused = settings.check().err();
                // A key without its id: the id is what is missing.
                let named = if name == "TRTC_API_SECRET_KEY" { "TRTC_API_SECRET_ID" } else { name };
                let refused = refused.unwrap_or_else(|| panic!("{name}={value} is taken"));
                assert_eq!(refused.name, named, "{value}: {refused}");
                let is_told = value.len() > 8 && refused.why.contains(value);
                let is_rule = name == "AUTH_AUDIENCE";
                assert!(is_rule || !is_told, "{name}={value} tells its value: {}", refused.why);
                assert!(
                    refused.why.contains("must") || refused.why.contains("cannot") || name == "LEDGER_WITNESSES",
                    "{refused}"
                );
            }
        }
    }
}

#[test]
fn what_is_not_set_is_not_missed_before_somebody_needs_it() {
    for settings in [Settings::deployed(|_| None), Settings::for_dev(|_| None)] {
        assert!(settings.check().is_ok_and(|()| true));
    }
}
