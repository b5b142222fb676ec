//! How routes are served: the same router on Lambda and in the embedded stack.

use std::time::Duration;

use axum::Router;
use axum::extract::{MatchedPath, Request};
use axum::http::StatusCode;
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use tracing::Instrument;
use tracing::field::Empty;

use crate::answer::{ApiError, in_language};
use crate::app::App;

/// Every HTTP function's routes, merged.
pub fn all_routes() -> Router<App> {
    Router::new()
        .merge(crate::register_client::routes())
        .merge(crate::register_push_token::routes())
        .merge(crate::update_client_status::routes())
        .merge(crate::remove_client::routes())
        .merge(crate::create_call::routes())
        .merge(crate::callee_action::routes())
        .merge(crate::caller_action::routes())
        .merge(crate::get_call::routes())
        .merge(crate::list_calls::routes())
        .merge(crate::list_audit::routes())
        .merge(crate::replay_call::routes())
        .merge(crate::list_accesses::routes())
        .merge(crate::trtc_callback::routes())
}

/// `routes` on `state`, with the envelope around every answer, those of the router itself included.
pub fn service<S: Clone + Send + Sync + 'static>(routes: Router<S>, state: S) -> Router {
    routes
        .fallback(|| async { ApiError::NoRoute(StatusCode::NOT_FOUND) })
        .method_not_allowed_fallback(|| async { ApiError::NoRoute(StatusCode::METHOD_NOT_ALLOWED) })
        .with_state(state)
        .layer(from_fn(bad_request))
        .layer(from_fn(in_time))
        .layer(from_fn(in_language))
        .layer(from_fn(in_span))
}

/// Lambda ends a function after 10 seconds, without a word to the one who asked. What takes so long is given up before,
/// at a place where it might as well have been killed, and answered: ask again, with the same key.
const LONGEST: Duration = Duration::from_secs(8);

async fn in_time(request: Request, next: Next) -> Response {
    match tokio::time::timeout(LONGEST, next.run(request)).await {
        Ok(response) => response,
        Err(_) => ApiError::Busy.into_response(),
    }
}

/// Every line that a request logs stands in its span; whoever learns which call it is about records that there.
async fn in_span(request: Request, next: Next) -> Response {
    let route = request.extensions().get::<MatchedPath>().map_or("none", |path| path.as_str());
    let span = tracing::info_span!("request", method = %request.method(), route, call_id = Empty, n = Empty);
    next.run(request).instrument(span).await
}

/// What axum itself refuses (a path that is no UTF-8, a query that cannot be read) is answered in our words.
async fn bad_request(request: Request, next: Next) -> Response {
    let response = next.run(request).await;
    let plain = response.headers().get("content-type").is_some_and(|kind| kind.as_bytes().starts_with(b"text/plain"));
    if response.status() == StatusCode::BAD_REQUEST && plain {
        return ApiError::field("address", "path and query must be UTF-8, percent-encoded, each name once")
            .into_response();
    }
    response
}
