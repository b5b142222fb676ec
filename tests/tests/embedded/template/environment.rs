//! Every environment variable that a function reads is set by the template, and no other.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use ilock_functions::lambda::{OnAws, Patience};
use ilock_functions::settings::{BadSetting, Settings};

use super::{functions, template};

type Build = fn(&OnAws) -> Result<(), BadSetting>;

/// How each function's state is made.
fn states() -> BTreeMap<&'static str, Build> {
    BTreeMap::from([
        ("register-client", (|on: &OnAws| on.registering().map(drop)) as Build),
        ("register-push-token", |on| on.taking_tokens().map(drop)),
        ("push-feedback", |on| on.hearing_of_pushes().map(drop)),
        ("update-client-status", |on| on.reporting().map(drop)),
        ("remove-client", |on| on.leaving().map(drop)),
        ("create-call", |on| on.calling().map(drop)),
        ("callee-action", |on| on.calling().map(drop)),
        ("caller-action", |on| on.calling().map(drop)),
        ("get-call", |on| on.looking().map(drop)),
        ("list-calls", |on| on.listing().map(drop)),
        ("list-audit", |on| on.auditing().map(drop)),
        ("replay-call", |on| on.auditing().map(drop)),
        ("list-accesses", |on| on.auditing().map(drop)),
        ("trtc-callback", |on| on.watching().map(drop)),
        ("projector", |on| on.projecting().map(drop)),
        ("ledger", |on| on.entering().map(drop)),
        ("seal-log", |on| on.sealing().map(drop)),
        ("expire-call", |on| on.expiring().map(drop)),
        ("mqtt-authorizer", |on| on.authorizing().map(drop)),
        ("presence", |on| on.watching_presence().map(drop)),
        // It has a client of IoT Core and nothing to be told.
        ("iot-endpoint", |_| Ok(())),
    ])
}

fn value(name: &str, algorithms: &str) -> String {
    let value = match name {
        "AUTH_ALGORITHMS" => algorithms,
        "AUTH_JWKS" => "https://login.example/keys",
        "TRTC_SDK_APP_ID" => "1400000000",
        "TRTC_API_REGION" => "ap-guangzhou",
        "TRTC_API_URL" => "https://trtc.tencentcloudapi.com",
        "PUSH_GCM" => "arn:aws:sns:eu-central-1:123456789012:app/GCM/app",
        "PUSH_APNS" => "arn:aws:sns:eu-central-1:123456789012:app/APNS/app",
        "PUSH_APNS_SANDBOX" => "arn:aws:sns:eu-central-1:123456789012:app/APNS_SANDBOX/app",
        "PUSH_APNS_VOIP" => "arn:aws:sns:eu-central-1:123456789012:app/APNS_VOIP/app",
        "PUSH_APNS_VOIP_SANDBOX" => "arn:aws:sns:eu-central-1:123456789012:app/APNS_VOIP_SANDBOX/app",
        "TRTC_API_PROXY"
        | "USER_SIG_IN_MESSAGES"
        | "MAX_CALL_SECONDS"
        | "FAST_PATH"
        | "PAYLOAD_KEY_VERSION"
        | "MQTT_TOKEN_SECONDS" => "",
        _ => "a value that is long enough for a secret of the operator",
    };
    value.to_owned()
}

/// What the function reads, whichever way its tokens are signed.
fn read_by(build: Build) -> BTreeSet<String> {
    let read = Arc::<Mutex<BTreeSet<String>>>::default();
    for algorithms in ["HS256", "RS256"] {
        let seen = read.clone();
        let settings = Settings::deployed(move |name| {
            seen.lock().unwrap().insert(name.to_owned());
            Some(value(name, algorithms)).map(|value| if name == "TRTC_API_SECRET_ID" { "AKID".into() } else { value })
        });
        let sdk = aws_config::SdkConfig::builder()
            .behavior_version(aws_config::BehaviorVersion::latest())
            .region(aws_config::Region::new("eu-central-1"))
            .build();
        build(&OnAws::new(settings, sdk, Patience::Little)).unwrap();
    }
    read.lock().unwrap().clone()
}

#[test]
fn every_variable_that_a_function_reads_is_set_and_no_other() {
    let _ = rustls_provider();
    let template = template();
    let states = states();
    let globals = &template["Globals"]["Function"]["Environment"]["Variables"];
    let everywhere: BTreeSet<String> = globals.as_object().unwrap().keys().cloned().collect();
    assert_eq!(everywhere, ["METRICS_NAMESPACE", "RUST_LOG", "STAGE"].map(str::to_owned).into());
    for (name, function) in functions(&template) {
        let variables = function["Environment"]["Variables"].as_object();
        let set: BTreeSet<String> = variables.into_iter().flat_map(|variables| variables.keys().cloned()).collect();
        let mut read = read_by(states[name.as_str()]);
        // Lambda sets this one itself, and lets nobody else.
        read.remove("AWS_REGION");
        assert_eq!(set, read, "{name}: what is set, and what is read");
    }
}

#[test]
fn secrets_come_by_reference_and_only_where_they_are_read() {
    let template = template();
    for (name, function) in functions(&template) {
        for (variable, value) in function["Environment"]["Variables"].as_object().into_iter().flatten() {
            let secret = variable.contains("SECRET") || variable.ends_with("_KEY");
            let referred = value.to_string().contains("{{resolve:secretsmanager:");
            assert_eq!(secret, referred, "{name}: {variable} is {value}");
        }
    }
    for (name, parameter) in template["Parameters"].as_object().unwrap() {
        let about = parameter["Description"].as_str().unwrap_or_default();
        assert!(name.starts_with("Secrets") || !name.to_lowercase().contains("secret"), "{name}: {about}");
    }
}

/// The room API's client needs to know which of the two TLS libraries to take.
fn rustls_provider() -> bool {
    rustls::crypto::aws_lc_rs::default_provider().install_default().is_ok()
}
