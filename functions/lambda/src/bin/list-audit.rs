//! GET /api/audit/calls, on Lambda.

use ilock_functions::http::audit::list_audit::{ListAuditState, routes};
use ilock_lambda::aws::{RetryPolicy, Warm};
use ilock_lambda::{Error, http};

#[tokio::main]
async fn main() -> Result<(), Error> {
    http(routes, ListAuditState::new, RetryPolicy::Background, &[Warm::Log]).await
}
