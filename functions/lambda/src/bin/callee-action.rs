//! POST /api/calls/callee-action, on Lambda.

use ilock_functions::http::calls::callee_action::{CalleeActionState, routes};
use ilock_lambda::aws::{RetryPolicy, Warm};
use ilock_lambda::{Error, http};

#[tokio::main]
async fn main() -> Result<(), Error> {
    http(routes, CalleeActionState::new, RetryPolicy::CallerWaiting, &[Warm::Log, Warm::Broker]).await
}
