//! GET /api/calls, on Lambda.

use ilock_functions::http::calls::list_calls::{ListCallsState, routes};
use ilock_lambda::aws::{RetryPolicy, Warm};
use ilock_lambda::{Error, http};

#[tokio::main]
async fn main() -> Result<(), Error> {
    http(routes, ListCallsState::new, RetryPolicy::Background, &[Warm::Directory]).await
}
