//! PUT /api/mqtt/clients/status, on Lambda.

use ilock_functions::{lambda, update_client_status};

#[tokio::main]
async fn main() -> Result<(), lambda::Error> {
    lambda::http(update_client_status::routes()).await
}
