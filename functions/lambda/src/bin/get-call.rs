//! GET /api/calls/{call_id}, on Lambda.

use ilock_functions::http::calls::get_call::{GetCallState, routes};
use ilock_lambda::aws::{RetryPolicy, Warm};
use ilock_lambda::{Error, http};

#[tokio::main]
async fn main() -> Result<(), Error> {
    http(routes, GetCallState::new, RetryPolicy::Background, &[Warm::Log]).await
}
