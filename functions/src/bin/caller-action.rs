//! POST /api/calls/caller-action, on Lambda.

use ilock_functions::{caller_action, lambda};

#[tokio::main]
async fn main() -> Result<(), lambda::Error> {
    lambda::http(caller_action::routes()).await
}
