//! The functions of the ledger, on Lambda.

use ilock_lambda::functions::{ledger, serve};

#[tokio::main]
async fn main() -> Result<(), ilock_lambda::Error> {
    serve(ledger::FUNCTIONS).await
}
