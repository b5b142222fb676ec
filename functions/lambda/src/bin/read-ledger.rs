//! GET /api/audit/ledger/{name}, on Lambda.

use ilock_functions::http::audit::read_ledger::{ReadLedgerState, routes};
use ilock_lambda::aws::{RetryPolicy, Warm};
use ilock_lambda::{Error, http_on};

#[tokio::main]
async fn main() -> Result<(), Error> {
    http_on(
        |on| Ok(routes(ReadLedgerState::new(&on.wiring, on.ledger_reader()?)?)),
        RetryPolicy::Background,
        &[Warm::Directory],
    )
    .await
}
