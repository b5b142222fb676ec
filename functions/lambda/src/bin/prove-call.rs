//! GET /api/audit/calls/{call_id}/proof, on Lambda.

use ilock_functions::http::audit::prove_call::{ProveCallState, routes};
use ilock_lambda::aws::{RetryPolicy, Warm};
use ilock_lambda::{Error, http_on};

#[tokio::main]
async fn main() -> Result<(), Error> {
    http_on(
        |on| Ok(routes(ProveCallState::new(&on.wiring, on.ledger_reader()?)?)),
        RetryPolicy::Background,
        &[Warm::Log],
    )
    .await
}
