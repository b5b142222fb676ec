//! POST /api/calls/caller-action, on Lambda.

use ilock_functions::http::calls::caller_action::{CallerActionState, routes};
use ilock_lambda::aws::{RetryPolicy, Warm};
use ilock_lambda::{Error, http};

#[tokio::main]
async fn main() -> Result<(), Error> {
    http(routes, CallerActionState::new, RetryPolicy::CallerWaiting, &[Warm::Log, Warm::Broker]).await
}
