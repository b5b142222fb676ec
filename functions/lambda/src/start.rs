//! How a function starts on Lambda: with the parts that it needs and no others, made once and warmed before the first
//! request. Its secrets come meanwhile, and only the first request waits for them.

use std::sync::Arc;

use aws_config::BehaviorVersion;
use axum::Router;
use axum::body::Body;
use ilock_functions::http::router::service;
use ilock_functions::settings::BadSetting;
use ilock_functions::wiring::Wiring;
use lambda_runtime::{Error, service_fn};

use crate::aws::{OnAws, RetryPolicy, Secrets, Warm, request_timeouts};
use crate::logging::{collect_metrics, flush_metrics_after, log_as_json};
use crate::ready::Ready;

/// What `make` makes of a function's parts, from its environment, with the connections of `warm` open.
///
/// # Errors
/// A setting that is wrong, or missing, by name. Of a secret that is told with the first request, and in the log before.
pub async fn start<T: Send + Sync + 'static>(
    retry: RetryPolicy,
    warm: &[Warm],
    make: impl Fn(&OnAws) -> Result<T, BadSetting> + Send + Sync + 'static,
) -> Result<Arc<Ready<T>>, Error> {
    log_as_json()?;
    collect_metrics();
    let sdk = aws_config::defaults(BehaviorVersion::latest()).timeout_config(request_timeouts()).load().await;
    let environment =
        std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
    let secrets = Secrets::referred_to_in(environment);
    // What is no secret is wrong before the secrets come. A function that cannot do its work does not start.
    secrets.settings().check()?;
    let client = aws_sdk_secretsmanager::Client::new(&sdk);
    let has_secrets = !secrets.names().is_empty();
    let ready = Arc::new(Ready::new(OnAws::new(secrets.settings(), sdk, retry), secrets, client, make));
    if has_secrets {
        let early = ready.clone();
        // Not waited for: the first request that comes does.
        tokio::spawn(async move {
            if let Err(error) = early.get().await {
                tracing::error!(%error, "not ready; the first request tries again");
            }
        });
    }
    ready.on_aws().warm(warm).await;
    if !has_secrets {
        ready.get().await?;
    }
    Ok(ready)
}

/// Serves an HTTP function: its `routes`, on the state that `new` makes.
///
/// # Errors
/// A setting that is wrong, by name; also one that is missing, where no secret has to be waited for.
pub async fn http<S: 'static>(
    routes: fn(S) -> Router,
    new: fn(&Wiring) -> Result<S, BadSetting>,
    retry: RetryPolicy,
    warm: &[Warm],
) -> Result<(), Error> {
    http_on(move |on| Ok(routes(new(&on.wiring)?)), retry, warm).await
}

/// Serves an HTTP function that needs more of AWS than [`Wiring`] has: the routes that `routes` makes.
///
/// # Errors
/// As [`http`].
pub async fn http_on(
    routes: impl Fn(&OnAws) -> Result<Router, BadSetting> + Send + Sync + 'static,
    retry: RetryPolicy,
    warm: &[Warm],
) -> Result<(), Error> {
    let ready = start(retry, warm, move |on_aws| Ok(service(routes(on_aws)?))).await?;
    let ready = &ready;
    // Around all of it: what a function that is not ready refuses is counted too.
    let answer = |request: lambda_http::Request| async move {
        flush_metrics_after(Box::pin(ready.answer(request.map(Body::new)))).await
    };
    lambda_http::run(service_fn(answer)).await
}
