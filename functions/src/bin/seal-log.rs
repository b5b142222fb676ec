//! The ledger, put under seal every hour, on Lambda.

use ilock_functions::lambda;

#[tokio::main]
async fn main() -> Result<(), lambda::Error> {
    lambda::seal_log().await
}
