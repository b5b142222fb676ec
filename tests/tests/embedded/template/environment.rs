//! Every environment variable that a function reads is set by the template, and no other.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use ilock_functions::http::audit::list_accesses::ListAccessesState;
use ilock_functions::http::audit::list_audit::ListAuditState;
use ilock_functions::http::audit::prove_call::ProveCallState;
use ilock_functions::http::audit::read_ledger::ReadLedgerState;
use ilock_functions::http::audit::replay_call::ReplayCallState;
use ilock_functions::http::calls::callee_action::CalleeActionState;
use ilock_functions::http::calls::caller_action::CallerActionState;
use ilock_functions::http::calls::create_call::CreateCallState;
use ilock_functions::http::calls::get_call::GetCallState;
use ilock_functions::http::calls::list_calls::ListCallsState;
use ilock_functions::http::clients::blocks::BlocksState;
use ilock_functions::http::clients::list_clients::ListClientsState;
use ilock_functions::http::clients::register_client::RegisterClientState;
use ilock_functions::http::clients::register_push_token::RegisterPushTokenState;
use ilock_functions::http::clients::remove_client::RemoveClientState;
use ilock_functions::http::clients::revoke_logins::RevokeLoginsState;
use ilock_functions::http::clients::settings::SettingsState;
use ilock_functions::http::clients::update_client_status::UpdateClientStatusState;
use ilock_functions::http::trtc_callback::TrtcCallbackState;
use ilock_functions::settings::{BadSetting, Settings};
use ilock_functions::triggers::ledger::LedgerKeeper;
use ilock_functions::triggers::projector::Projector;
use ilock_lambda::aws::{OnAws, RetryPolicy};

use serde_json::Value;

use super::{functions, template};

type Build = fn(&OnAws) -> Result<(), BadSetting>;

/// How each function's state is made.
fn states() -> BTreeMap<&'static str, Build> {
    BTreeMap::from([
        ("register-client", (|on: &OnAws| RegisterClientState::new(&on.wiring).map(drop)) as Build),
        ("register-push-token", |on| RegisterPushTokenState::new(&on.wiring).map(drop)),
        ("list-clients", |on| ListClientsState::new(&on.wiring).map(drop)),
        ("revoke-logins", |on| RevokeLoginsState::new(&on.wiring).map(drop)),
        ("blocks", |on| BlocksState::new(&on.wiring).map(drop)),
        ("settings", |on| SettingsState::new(&on.wiring).map(drop)),
        ("push-feedback", |on| on.wiring.directory().map(drop)),
        ("update-client-status", |on| UpdateClientStatusState::new(&on.wiring).map(drop)),
        ("remove-client", |on| RemoveClientState::new(&on.wiring).map(drop)),
        ("create-call", |on| CreateCallState::new(&on.wiring).map(drop)),
        ("callee-action", |on| CalleeActionState::new(&on.wiring).map(drop)),
        ("caller-action", |on| CallerActionState::new(&on.wiring).map(drop)),
        ("get-call", |on| GetCallState::new(&on.wiring).map(drop)),
        ("list-calls", |on| ListCallsState::new(&on.wiring).map(drop)),
        ("list-audit", |on| ListAuditState::new(&on.wiring).map(drop)),
        ("replay-call", |on| ReplayCallState::new(&on.wiring).map(drop)),
        ("prove-call", |on| ProveCallState::new(&on.wiring, on.ledger_reader()?).map(drop)),
        ("read-ledger", |on| ReadLedgerState::new(&on.wiring, on.ledger_reader()?).map(drop)),
        ("list-accesses", |on| ListAccessesState::new(&on.wiring).map(drop)),
        ("trtc-callback", |on| TrtcCallbackState::new(&on.wiring).map(drop)),
        ("projector", |on| Projector::new(&on.wiring).and(on.carriers.projector_queue()).map(drop)),
        ("ledger", |on| LedgerKeeper::new(&on.wiring).map(drop)),
        ("sequencer", |on| on.sequencer().map(drop)),
        ("expire-call", |on| on.wiring.calls().map(drop)),
        ("mqtt-authorizer", |on| on.wiring.mqtt_access().and(on.wiring.directory()).map(drop)),
        ("presence", |on| {
            on.wiring.settings.topic_prefix()?;
            on.wiring.directory().and(on.carriers.presence_queue()).map(drop)
        }),
        // It has a client of IoT Core and nothing to be told.
        ("iot-endpoint", |_| Ok(())),
    ])
}

fn value(name: &str, algorithms: &str) -> String {
    let value = match name {
        "AUTH_ALGORITHMS" => algorithms,
        "EVENTS_TABLE" | "LEDGER_TABLE" | "DIRECTORY_TABLE" | "LEDGER_BUCKET" => "ilock-dev-one",
        "LEDGER_ORIGIN" => "ilock.test/ledger",
        "LEDGER_KEY_ARNS" => "arn:aws:kms:eu-central-1:123456789012:key/1234abcd",
        "IOT_ENDPOINT" | "EXPIRE_QUEUE_URL" | "PROJECTOR_QUEUE_URL" | "PRESENCE_QUEUE_URL" => "https://aws.example/one",
        "MQTT_URL" => "ssl://broker.example:443",
        "MQTT_WEBSOCKET_URL" => "wss://broker.example/mqtt",
        "AWS_PARTITION" => "aws",
        "AWS_REGION" => "eu-central-1",
        "AWS_ACCOUNT_ID" => "123456789012",
        "TRTC_CALLBACK_KEY" | "TRTC_CALLBACK_KEY_SECOND" => "0123456789abcdef0123456789abcdef",
        "PUSH_APNS_TOPIC" => "com.example.app",
        "AUTH_JWKS" => "https://login.example/keys",
        "LEDGER_RETENTION_MODE" => "GOVERNANCE",
        "LEDGER_RETENTION_DAYS" => "3653",
        "LEDGER_WITNESSES" => "quorum none",
        "TRTC_SDK_APP_ID" => "1400000000",
        "TRTC_API_REGION" => "ap-guangzhou",
        "TRTC_API_URL" => "https://trtc.tencentcloudapi.com",
        "PUSH_GCM" => "arn:aws:sns:eu-central-1:123456789012:app/GCM/app",
        "PUSH_APNS" => "arn:aws:sns:eu-central-1:123456789012:app/APNS/app",
        "PUSH_APNS_SANDBOX" => "arn:aws:sns:eu-central-1:123456789012:app/APNS_SANDBOX/app",
        "PUSH_APNS_VOIP" => "arn:aws:sns:eu-central-1:123456789012:app/APNS_VOIP/app",
        "PUSH_APNS_VOIP_SANDBOX" => "arn:aws:sns:eu-central-1:123456789012:app/APNS_VOIP_SANDBOX/app",
        "PUSH_FCM_ACCOUNT" => "arn:aws:secretsmanager:eu-central-1:123456789012:secret:fcm-AbCdEf",
        "TOPIC_PREFIX" => "blue",
        "MQTT_AUTHORIZER" => "MqttAuthorizer-1",
        "MQTT_SIGNING_KEY" => include_str!("../../../../shared/auth/tests/keys/test-rsa-1.pem"),
        "TRTC_API_PROXY"
        | "USER_SIG_IN_MESSAGES"
        | "MAX_CALL_SECONDS"
        | "FAST_PATH"
        | "PAYLOAD_KEY_VERSION"
        | "MQTT_TOKEN_SECONDS"
        | "PERSONAL_DAYS"
        | "MQTT_REFRESH_SECONDS"
        | "AUTH_MISSING_AUDIENCE"
        | "AUTH_SESSION_CLAIM"
        | "AUTH_SUBJECT_CLAIM"
        | "AUTH_ROLE_CLAIM"
        | "AUTH_TENANT_CLAIM"
        | "AUTH_DEFAULT_ROLE"
        | "AUTH_MAX_TOKEN_SECONDS"
        | "LIMIT_PRESSES_A_MINUTE"
        | "LIMIT_PAIR_PRESSES_A_MINUTE"
        | "LIMIT_STRANGERS_AT_ONCE"
        | "LIMIT_REGISTRATIONS_AN_HOUR"
        | "LIMIT_CLIENTS" => "",
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
        build(&OnAws::new(settings, sdk, RetryPolicy::CallerWaiting)).unwrap();
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
            let secret =
                ["SECRET", "_KEY"].iter().any(|part| variable.contains(part)) && variable != "PAYLOAD_KEY_VERSION";
            let is_one = variable != "LEDGER_KEY_ARNS" && secret;
            let value = value.to_string();
            assert_eq!(is_one, value.contains("secretsmanager:${SecretsName}/"), "{name}: {variable} is {value}");
            // What CloudFormation would put there, everybody could read who may read the function's configuration.
            assert!(!value.contains("{{resolve:"), "{name}: {variable} is {value}");
        }
    }
    for (name, parameter) in template["Parameters"].as_object().unwrap() {
        let about = parameter["Description"].as_str().unwrap_or_default();
        assert!(name.starts_with("Secrets") || !name.to_lowercase().contains("secret"), "{name}: {about}");
    }
}

/// The names of the secrets behind `${SecretsName}/` in `value`, each up to what ends it.
fn secrets_in(value: &Value, end: &str) -> BTreeSet<String> {
    let text = value.to_string();
    let parts = text.split("${SecretsName}/").skip(1);
    parts.map(|part| part.split(end).next().unwrap().to_owned()).collect()
}

#[test]
fn each_role_may_read_the_secrets_that_its_functions_environment_names_and_no_other() {
    let template = template();
    let resources = &template["Resources"];
    let mut readers: BTreeMap<String, usize> = BTreeMap::new();
    for (name, function) in functions(&template) {
        let named = secrets_in(&function["Environment"]["Variables"], ":");
        let role = &resources[function["Role"].as_str().unwrap().strip_suffix(".Arn").unwrap()]["Properties"];
        // A policy that only some deployments have is attached where they have it.
        let attached: BTreeSet<String> = role["ManagedPolicyArns"].to_string().split('"').map(str::to_owned).collect();
        let shared = ["AuthSecret", "RoomApiSecret", "CallbackSecret", "SigningSecret"]
            .into_iter()
            .filter(|name| attached.contains(*name));
        let mut may_read = secrets_in(&role["Policies"], "-??????");
        may_read.extend(shared.flat_map(|name| secrets_in(&resources[name]["Properties"], "-??????")));
        assert_eq!(named, may_read, "{name}: what its environment names, and what its role may read");
        assert_eq!(attached.contains("SecretsKey"), !named.is_empty(), "{name}: the key of the secrets");
        for secret in named {
            *readers.entry(secret).or_default() += 1;
        }
    }
    // Whoever signs passwords, whoever lets them in; whoever hands out payload keys, whoever rings.
    assert_eq!((readers["mqtt"], readers["payload"]), (2, 3));
    assert_eq!((readers["trtc"], readers["trtc-api"], readers["trtc-callback"]), (5, 2, 1));
}

/// The room API's client needs to know which of the two TLS libraries to take.
fn rustls_provider() -> bool {
    rustls::crypto::aws_lc_rs::default_provider().install_default().is_ok()
}
