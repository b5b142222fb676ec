//! A request is carried out whole, also where its client goes away meanwhile: as on AWS, where API Gateway has it by then. A press
//! that was cut in the middle would keep its caller from the same people for seconds.

use axum::extract::Request;
use axum::middleware::Next;
use axum::response::Response;

/// Runs `request` to its end, whether or not anybody waits for the answer.
pub(crate) async fn carried_out(request: Request, next: Next) -> Response {
    match tokio::spawn(next.run(request)).await {
        Ok(response) => response,
        Err(ended) => std::panic::resume_unwind(ended.into_panic()),
    }
}
