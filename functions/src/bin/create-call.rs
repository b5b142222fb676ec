//! POST /api/calls, on Lambda.

use ilock_functions::{create_call, lambda};

#[tokio::main]
async fn main() -> Result<(), lambda::Error> {
    lambda::http(create_call::routes()).await
}
