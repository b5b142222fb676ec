//! DELETE /api/mqtt/clients/{client_id}, on Lambda.

use ilock_functions::{lambda, remove_client};

#[tokio::main]
async fn main() -> Result<(), lambda::Error> {
    lambda::http(remove_client::routes()).await
}
