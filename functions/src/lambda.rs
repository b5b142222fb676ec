//! How the functions run on Lambda: each with the parts that it needs and no others, made once and warmed before the
//! first request.

mod parts;
mod said;

use aws_config::BehaviorVersion;
use aws_config::timeout::TimeoutConfig;
use aws_lambda_events::cloudformation::CloudFormationCustomResourceRequest;
use aws_lambda_events::dynamodb::Event;
use aws_lambda_events::sns::SnsEvent;
use aws_lambda_events::sqs::SqsEvent;
use axum::Router;
use lambda_runtime::{LambdaEvent, service_fn};
use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::iot_endpoint::IotEndpoint;
use crate::mqtt_authorizer::{AuthorizerRequest, authorize};
use crate::presence::{self, PresenceEvent};
use crate::serve::service;
use crate::settings::{BadSetting, Settings};

pub use parts::{OnAws, Patience, Warm};
pub use said::{gather, lines_of_json};

use parts::{ALL_TRIES, TRY};
use said::{count, counted, log_as_json};

/// What a function ends with when it cannot start.
pub use lambda_runtime::Error;

async fn start(patience: Patience, warm: &[Warm]) -> OnAws {
    log_as_json();
    count();
    let timeouts = TimeoutConfig::builder().operation_attempt_timeout(TRY).operation_timeout(ALL_TRIES).build();
    let sdk = aws_config::defaults(BehaviorVersion::latest()).timeout_config(timeouts).load().await;
    let on_aws = OnAws::new(Settings::from_env(), sdk, patience);
    on_aws.warm(warm).await;
    on_aws
}

/// Serves an HTTP function: its `routes`, on the `state` that they need.
///
/// # Errors
/// A setting that is missing or wrong, by name.
pub async fn http<S: Clone + Send + Sync + 'static>(
    routes: Router<S>,
    state: fn(&OnAws) -> Result<S, BadSetting>,
    patience: Patience,
    warm: &[Warm],
) -> Result<(), Error> {
    let on_aws = start(patience, warm).await;
    let app = service(routes, state(&on_aws)?).layer(axum::middleware::from_fn(
        async |request: axum::extract::Request, next: axum::middleware::Next| {
            counted(Box::pin(next.run(request))).await
        },
    ));
    lambda_http::run(app).await
}

/// Serves `projector`.
///
/// # Errors
/// As [`http`].
pub async fn projector() -> Result<(), Error> {
    let on_aws = start(Patience::Much, &[Warm::Log, Warm::Directory, Warm::Broker]).await;
    let projector = &on_aws.projecting()?;
    lambda_runtime::run(service_fn(|event: LambdaEvent<Event>| async move {
        Ok::<_, Error>(counted(Box::pin(projector.on_stream(event.payload))).await)
    }))
    .await
}

/// Serves `ledger`.
///
/// # Errors
/// As [`http`].
pub async fn ledger() -> Result<(), Error> {
    let on_aws = start(Patience::Much, &[Warm::Ledger]).await;
    let keeper = &on_aws.entering()?;
    lambda_runtime::run(service_fn(|event: LambdaEvent<Event>| async move {
        Ok::<_, Error>(counted(Box::pin(keeper.on_stream(event.payload))).await)
    }))
    .await
}

/// Serves `seal-log`: whatever the event says, what is due is sealed. Answers the hours that were.
///
/// # Errors
/// As [`http`].
pub async fn seal_log() -> Result<(), Error> {
    let on_aws = start(Patience::Much, &[]).await;
    let sealer = &on_aws.sealing()?;
    lambda_runtime::run(service_fn(|_: LambdaEvent<IgnoredAny>| async move {
        let sealed = counted(Box::pin(sealer.seal_due())).await.map_err(Error::from)?;
        Ok::<_, Error>(sealed.iter().map(ToString::to_string).collect::<Vec<String>>())
    }))
    .await
}

/// Serves `expire-call`.
///
/// # Errors
/// As [`http`].
pub async fn expire_call() -> Result<(), Error> {
    let on_aws = start(Patience::Much, &[Warm::Log, Warm::Broker]).await;
    let calls = &on_aws.expiring()?;
    lambda_runtime::run(service_fn(|event: LambdaEvent<SqsEvent>| async move {
        Ok::<_, Error>(counted(Box::pin(crate::expire_call::on_queue(calls, event.payload))).await)
    }))
    .await
}

/// Serves `mqtt-authorizer`.
///
/// # Errors
/// As [`http`].
pub async fn mqtt_authorizer() -> Result<(), Error> {
    let on_aws = start(Patience::Much, &[Warm::Directory]).await;
    let (mqtt, directory, clock) = &on_aws.authorizing()?;
    lambda_runtime::run(service_fn(|event: LambdaEvent<AuthorizerRequest>| async move {
        counted(Box::pin(authorize(&event.payload, mqtt, directory, clock))).await.map_err(Error::from)
    }))
    .await
}

/// What reaches `presence`: an event by the rule, or a batch of them that waited in the queue.
#[derive(Deserialize)]
#[serde(untagged)]
enum PresenceCame {
    Queued(SqsEvent),
    Told(PresenceEvent),
}

/// Serves `presence`.
///
/// # Errors
/// As [`http`].
pub async fn presence() -> Result<(), Error> {
    let on_aws = start(Patience::Much, &[Warm::Directory]).await;
    let (directory, again) = &on_aws.watching_presence()?;
    lambda_runtime::run(service_fn(|event: LambdaEvent<PresenceCame>| async move {
        let outcome = counted(Box::pin(async {
            match event.payload {
                PresenceCame::Queued(batch) => Ok(Some(presence::on_queue(directory, batch).await)),
                PresenceCame::Told(event) => presence::on_event(directory, again, event).await.map(|()| None),
            }
        }));
        outcome.await.map_err(Error::from)
    }))
    .await
}

/// Serves `push-feedback`.
///
/// # Errors
/// As [`http`].
pub async fn push_feedback() -> Result<(), Error> {
    let on_aws = start(Patience::Much, &[Warm::Directory]).await;
    let (directory, clock) = &on_aws.hearing_of_pushes()?;
    lambda_runtime::run(service_fn(|event: LambdaEvent<SnsEvent>| async move {
        let outcome = counted(Box::pin(crate::push_feedback::on_topic(directory, event.payload, clock.now())));
        outcome.await.map(|_| ()).map_err(Error::from)
    }))
    .await
}

/// Serves `iot-endpoint`.
///
/// # Errors
/// What [`crate::iot_endpoint::answer`] says: CloudFormation could not be answered.
pub async fn iot_endpoint() -> Result<(), Error> {
    log_as_json();
    let sdk = aws_config::load_defaults(BehaviorVersion::latest()).await;
    let iot = &IotEndpoint::new(aws_sdk_iot::Client::new(&sdk));
    lambda_runtime::run(service_fn(|event: LambdaEvent<CloudFormationCustomResourceRequest>| async move {
        Box::pin(iot.answer(event.payload)).await.map_err(Error::from)
    }))
    .await
}
