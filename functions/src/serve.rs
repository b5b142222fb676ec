//! How routes are served: the same router on Lambda and in the embedded stack.

use axum::Router;
use axum::extract::Request;
use axum::http::StatusCode;
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};

use crate::answer::{ApiError, in_language};
use crate::app::App;

/// Every HTTP function's routes, merged.
pub fn all_routes() -> Router<App> {
    Router::new()
        .merge(crate::register_client::routes())
        .merge(crate::update_client_status::routes())
        .merge(crate::remove_client::routes())
        .merge(crate::create_call::routes())
        .merge(crate::callee_action::routes())
        .merge(crate::caller_action::routes())
        .merge(crate::get_call::routes())
        .merge(crate::list_calls::routes())
}

/// `routes` on `app`, with the envelope around every answer, those of the router itself included.
pub fn service(routes: Router<App>, app: App) -> Router {
    routes
        .fallback(|| async { ApiError::NoRoute(StatusCode::NOT_FOUND) })
        .method_not_allowed_fallback(|| async { ApiError::NoRoute(StatusCode::METHOD_NOT_ALLOWED) })
        .with_state(app)
        .layer(from_fn(bad_request))
        .layer(from_fn(in_language))
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
