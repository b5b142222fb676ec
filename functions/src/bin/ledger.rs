//! The log's stream, entered into the ledger, on Lambda.

use ilock_functions::lambda;

#[tokio::main]
async fn main() -> Result<(), lambda::Error> {
    lambda::ledger().await
}
