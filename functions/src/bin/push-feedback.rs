//! SNS' reports of pushes that did not arrive, on Lambda.

use ilock_functions::lambda;

#[tokio::main]
async fn main() -> Result<(), lambda::Error> {
    lambda::push_feedback().await
}
