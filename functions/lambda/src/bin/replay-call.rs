//! GET /api/audit/calls/{call_id}/events, on Lambda.

use ilock_functions::http::audit::replay_call::{ReplayCallState, routes};
use ilock_lambda::aws::{RetryPolicy, Warm};
use ilock_lambda::{Error, http};

#[tokio::main]
async fn main() -> Result<(), Error> {
    http(routes, ReplayCallState::new, RetryPolicy::Background, &[Warm::Log]).await
}
