//! GET /api/calls/{call_id}, on Lambda.

use ilock_functions::{get_call, lambda};

#[tokio::main]
async fn main() -> Result<(), lambda::Error> {
    lambda::http(get_call::routes()).await
}
