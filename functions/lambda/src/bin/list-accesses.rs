//! GET /api/audit/accesses, on Lambda.

use ilock_functions::http::audit::list_accesses::{ListAccessesState, routes};
use ilock_lambda::aws::{RetryPolicy, Warm};
use ilock_lambda::{Error, http};

#[tokio::main]
async fn main() -> Result<(), Error> {
    http(routes, ListAccessesState::new, RetryPolicy::Background, &[Warm::Log]).await
}
