//! POST /api/calls, on Lambda.

use ilock_functions::http::calls::create_call::{CreateCallState, routes};
use ilock_lambda::aws::{RetryPolicy, Warm};
use ilock_lambda::{Error, http};

#[tokio::main]
async fn main() -> Result<(), Error> {
    http(
        routes,
        CreateCallState::new,
        RetryPolicy::CallerWaiting,
        &[Warm::Log, Warm::Directory, Warm::Broker, Warm::Timer],
    )
    .await
}
