//! How the functions run on Lambda: settings from the environment, clients built once, warmed before the first request.

use std::sync::Arc;
use std::time::Duration;

use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, SdkConfig};
use aws_lambda_events::dynamodb::Event;
use aws_lambda_events::sqs::SqsEvent;
use axum::Router;
use ilock_notify::iot::IotCore;
use ilock_notify::sqs::DelayQueue;
use lambda_runtime::{LambdaEvent, service_fn};
use tracing_subscriber::EnvFilter;

use crate::app::App;
use crate::clock::Clock;
use crate::mqtt_authorizer::{AuthorizerRequest, authorize};
use crate::projector::Projector;
use crate::serve::service;
use crate::settings::{BadSetting, Settings};

/// What a function ends with when it cannot start.
pub use lambda_runtime::Error;

/// A single try of a request to AWS, and all tries of one together: a caller waits for these.
const TRY: Duration = Duration::from_millis(1500);
const ALL_TRIES: Duration = Duration::from_secs(4);

fn must(name: &'static str) -> Result<String, BadSetting> {
    std::env::var(name).ok().filter(|value| !value.is_empty()).ok_or(BadSetting { name, why: "must be set".into() })
}

fn log_as_json() {
    tracing_subscriber::fmt()
        .json()
        .with_env_filter(EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info")))
        .with_current_span(false)
        .without_time()
        .init();
}

async fn sdk() -> SdkConfig {
    let patience = TimeoutConfig::builder().operation_attempt_timeout(TRY).operation_timeout(ALL_TRIES).build();
    aws_config::defaults(BehaviorVersion::latest()).timeout_config(patience).load().await
}

async fn start() -> Result<(App, Projector), Error> {
    log_as_json();
    let sdk = sdk().await;
    let clock = Clock::system();
    let iot = aws_sdk_iotdataplane::config::Builder::from(&sdk).endpoint_url(must("IOT_ENDPOINT")?).build();
    let mqtt = Arc::new(IotCore::new(aws_sdk_iotdataplane::Client::from_conf(iot)));
    let now = clock.clone();
    let timer = Arc::new(DelayQueue::new(
        aws_sdk_sqs::Client::new(&sdk),
        must("EXPIRE_QUEUE_URL")?,
        Box::new(move || now.now()),
    ));
    let built = Settings::from_env()?.build(aws_sdk_dynamodb::Client::new(&sdk), mqtt, timer, clock)?;
    warm(&built.0).await;
    Ok(built)
}

/// The first request to DynamoDB opens the connection: better before somebody rings than while they do.
async fn warm(app: &App) {
    let nobody =
        ilock_events::PartyId::new("-").map(|id| ilock_events::Party { kind: ilock_events::PartyKind::User, id });
    if let Ok(nobody) = nobody
        && let Err(error) = app.directory.tenant_of(&nobody).await
    {
        tracing::warn!(%error, "not warmed");
    }
}

/// Serves an HTTP function.
///
/// # Errors
/// A setting that is missing or wrong, by name.
pub async fn http(routes: Router<App>) -> Result<(), Error> {
    let (app, _) = start().await?;
    lambda_http::run(service(routes, app)).await
}

/// Serves `projector`.
///
/// # Errors
/// As [`http`].
pub async fn stream() -> Result<(), Error> {
    let (_, projector) = start().await?;
    let projector = &projector;
    lambda_runtime::run(service_fn(|event: LambdaEvent<Event>| async move {
        Ok::<_, Error>(projector.on_stream(event.payload).await)
    }))
    .await
}

/// Serves `expire-call`.
///
/// # Errors
/// As [`http`].
pub async fn queue() -> Result<(), Error> {
    let (app, _) = start().await?;
    let calls = &app.calls;
    lambda_runtime::run(service_fn(|event: LambdaEvent<SqsEvent>| async move {
        Ok::<_, Error>(crate::expire_call::on_queue(calls, event.payload).await)
    }))
    .await
}

/// Serves `mqtt-authorizer`.
///
/// # Errors
/// As [`http`].
pub async fn authorizer() -> Result<(), Error> {
    let (app, _) = start().await?;
    let app = &app;
    lambda_runtime::run(service_fn(|event: LambdaEvent<AuthorizerRequest>| async move {
        authorize(&event.payload, &app.mqtt, &app.directory, &app.clock).await.map_err(Error::from)
    }))
    .await
}
