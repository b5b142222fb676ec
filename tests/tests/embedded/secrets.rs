//! Secrets by reference: what a function's environment names is fetched once, and stands nowhere else.

use std::collections::BTreeMap;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::Request;
use ilock_functions::settings::{BadSetting, Settings};
use ilock_lambda::aws::{OnAws, RetryPolicy, SecretUnread, Secrets};
use ilock_lambda::{NotReady, Ready};
use ilock_tests::World;
use ilock_tests::aws::Aws;
use serde_json::{Value, json};

/// What a function's environment has, by what the template sets.
fn environment() -> BTreeMap<String, String> {
    [
        ("MQTT_SECRET", "secretsmanager:ilock-dev/mqtt:mqtt_secret"),
        ("MQTT_SECRET_SECOND", "secretsmanager:ilock-dev/mqtt:mqtt_secret_second"),
        ("TRTC_SECRET_KEY", "secretsmanager:ilock-dev/trtc:trtc_secret_key"),
        ("TRTC_SDK_APP_ID", "1400000000"),
        ("AUTH_SECRET", ""),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .into()
}

async fn aws(world: &World) -> Aws {
    Aws::before(world.stack.at.dynamodb, std::time::Duration::ZERO).await
}

fn fetched(aws: &Aws) -> Vec<String> {
    let asked = aws.asked().into_iter().filter(|request| request.action == "secretsmanager:GetSecretValue");
    let mut names: Vec<String> = asked.map(|request| request.resource).collect();
    names.sort();
    names
}

/// A function with that environment, on this AWS, of which `make` makes what it needs.
fn function<T>(aws: &Aws, make: impl Fn(&Settings) -> Result<T, BadSetting> + Send + Sync + 'static) -> Ready<T> {
    let secrets = Secrets::referred_to_in(environment());
    let client = aws_sdk_secretsmanager::Client::new(&aws.sdk());
    let on_aws = OnAws::new(secrets.settings(), aws.sdk(), RetryPolicy::Background);
    Ready::new(on_aws, secrets, client, move |on_aws| make(&on_aws.wiring.settings))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_function_reads_each_secret_that_its_environment_names_once_and_no_other() {
    let world = World::new().await;
    let aws = aws(&world).await;
    aws.keeps("ilock-dev/mqtt", r#"{"mqtt_secret": "a secret for passwords, long enough"}"#);
    aws.keeps("ilock-dev/trtc", r#"{"trtc_secret_key": "the key of no application"}"#);
    aws.keeps("ilock-dev/auth", r#"{"auth_secret": "not for this one"}"#);
    let secrets = Secrets::referred_to_in(environment());
    let settings = secrets.settings();
    assert_eq!(settings.mqtt_tokens().err().map(|bad| bad.name), Some("MQTT_SECRET"), "nothing was fetched yet");
    let client = aws_sdk_secretsmanager::Client::new(&aws.sdk());
    for _ in 0..2 {
        secrets.fetch(&client).await.unwrap();
    }
    assert_eq!(fetched(&aws), ["ilock-dev/mqtt", "ilock-dev/trtc"]);
    assert!(settings.mqtt_tokens().is_ok(), "a second secret that is not there is none");
    assert_eq!(settings.trtc().unwrap().sdk_app_id(), 1_400_000_000, "what is no reference stands for itself");
    assert!(settings.access().is_err());
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_function_is_ready_once_its_secrets_are_there_and_tries_again_until_then() {
    let world = World::new().await;
    let aws = aws(&world).await;
    aws.keeps("ilock-dev/trtc", r#"{"trtc_secret_key": "the key of no application"}"#);
    let ready = function(&aws, Settings::mqtt_tokens);
    let Err(NotReady::Secret(unread)) = ready.get().await else { panic!("there is no such secret") };
    assert_eq!(unread.name, "ilock-dev/mqtt");
    aws.keeps("ilock-dev/mqtt", "a secret for passwords, which is no JSON");
    let Err(NotReady::Secret(unread)) = ready.get().await else { panic!("it is no JSON") };
    let no_json = SecretUnread { name: "ilock-dev/mqtt".into(), why: "it is no JSON object".into() };
    assert_eq!(unread, no_json, "nothing of it is told");
    aws.keeps("ilock-dev/mqtt", r#"{"mqtt_secret": "short"}"#);
    assert!(matches!(ready.get().await, Err(NotReady::Setting(bad)) if bad.name == "MQTT_SECRET"));
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_asks_while_the_secrets_come_waits_for_them_and_they_come_once() {
    let world = World::new().await;
    let aws = Aws::before(world.stack.at.dynamodb, std::time::Duration::from_millis(500)).await;
    aws.keeps("ilock-dev/trtc", r#"{"trtc_secret_key": "the key of no application"}"#);
    aws.keeps("ilock-dev/mqtt", r#"{"mqtt_secret": "a secret for passwords, long enough"}"#);
    let ready = function(&aws, Settings::mqtt_tokens);
    let begun = std::time::Instant::now();
    let asked = (0..10).map(|_| async { ready.get().await.map(drop).unwrap() });
    futures::future::join_all(asked).await;
    assert!(begun.elapsed().as_millis() < 950, "both at the same time: {:?}", begun.elapsed());
    assert_eq!(fetched(&aws), ["ilock-dev/mqtt", "ilock-dev/trtc"]);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_asks_a_function_that_is_not_ready_is_answered_in_the_envelope() {
    let world = World::new().await;
    let aws = aws(&world).await;
    aws.keeps("ilock-dev/trtc", r#"{"trtc_secret_key": "the key of no application"}"#);
    let ready = function(&aws, |settings| settings.mqtt_tokens().map(|_| Router::new()));
    let ask = async |language: &str| {
        let request = Request::get("/api/calls").header("accept-language", language).body(Body::empty()).unwrap();
        let response = ready.answer(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let body: Value = serde_json::from_slice(&to_bytes(body, 10_000).await.unwrap()).unwrap();
        (
            parts.status.as_u16(),
            parts.headers.get("retry-after").is_some(),
            body["code"].clone(),
            body["message"].clone(),
        )
    };
    // The secret may be there the next time.
    assert_eq!(ask("en").await, (503, true, json!(50_301), json!("Busy, please try again")));
    assert_eq!(ask("zh-CN").await, (503, true, json!(50_301), json!("服务繁忙，请稍后重试")));
    // A wrong setting stays wrong, however often somebody asks.
    aws.keeps("ilock-dev/mqtt", r#"{"mqtt_secret": "short"}"#);
    assert_eq!(ask("en").await, (500, false, json!(50_001), json!("Internal error")));
    world.end().await;
}
