//! How a function starts on Lambda: with the parts that it needs and no others, made once and warmed before the first
//! request.

use aws_config::BehaviorVersion;
use aws_config::timeout::TimeoutConfig;
use axum::Router;
use axum::extract::Request;
use axum::middleware::{Next, from_fn};
use ilock_functions::http::router::service;
use ilock_functions::settings::{BadSetting, Settings};
use ilock_functions::wiring::Wiring;
use lambda_runtime::Error;

use crate::aws::{ALL_TRIES, OnAws, RetryPolicy, TRY, Warm};
use crate::logging::{collect_metrics, flush_metrics_after, log_as_json};

/// A function's parts, from its environment, with the connections of `warm` open.
pub async fn start(retry: RetryPolicy, warm: &[Warm]) -> OnAws {
    log_as_json();
    collect_metrics();
    let timeouts = TimeoutConfig::builder().operation_attempt_timeout(TRY).operation_timeout(ALL_TRIES).build();
    let sdk = aws_config::defaults(BehaviorVersion::latest()).timeout_config(timeouts).load().await;
    let on_aws = OnAws::new(Settings::from_env(), sdk, retry);
    on_aws.warm(warm).await;
    on_aws
}

/// Serves an HTTP function: its `routes`, on the state that `new` makes.
///
/// # Errors
/// A setting that is missing or wrong, by name.
pub async fn http<S>(
    routes: fn(S) -> Router,
    new: fn(&Wiring) -> Result<S, BadSetting>,
    retry: RetryPolicy,
    warm: &[Warm],
) -> Result<(), Error> {
    http_on(|on| Ok(routes(new(&on.wiring)?)), retry, warm).await
}

/// Serves an HTTP function that needs more of AWS than [`Wiring`] has: the routes that `routes` makes.
///
/// # Errors
/// As [`http`].
pub async fn http_on(
    routes: impl FnOnce(&OnAws) -> Result<Router, BadSetting>,
    retry: RetryPolicy,
    warm: &[Warm],
) -> Result<(), Error> {
    let on_aws = start(retry, warm).await;
    let metered = from_fn(async |request: Request, next: Next| flush_metrics_after(Box::pin(next.run(request))).await);
    lambda_http::run(service(routes(&on_aws)?).layer(metered)).await
}
