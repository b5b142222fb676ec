//! POST /api/calls/callee-action, on Lambda.

use ilock_functions::{callee_action, lambda};

#[tokio::main]
async fn main() -> Result<(), lambda::Error> {
    lambda::http(callee_action::routes()).await
}
