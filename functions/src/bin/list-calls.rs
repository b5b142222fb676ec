//! GET /api/calls, on Lambda.

use ilock_functions::{lambda, list_calls};

#[tokio::main]
async fn main() -> Result<(), lambda::Error> {
    lambda::http(list_calls::routes()).await
}
