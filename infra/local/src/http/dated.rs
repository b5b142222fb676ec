//! `Date`: when an answer was given, by the clock of the stack. Clients take the backend's time from it.

use aws_sdk_dynamodb::primitives::{DateTime, DateTimeFormat};
use axum::extract::{Request, State};
use axum::http::HeaderValue;
use axum::http::header::DATE;
use axum::middleware::Next;
use axum::response::Response;
use ilock_env::Clock;

/// Says what time it is. Without this, hyper would say what time it is on this machine.
pub(crate) async fn dated(State(clock): State<Clock>, request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let now = DateTime::from_secs(clock.now().0.div_euclid(1_000)).fmt(DateTimeFormat::HttpDate);
    if let Some(date) = now.ok().and_then(|now| HeaderValue::try_from(now).ok()) {
        response.headers_mut().insert(DATE, date);
    }
    response
}
