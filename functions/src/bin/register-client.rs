//! POST /api/mqtt/clients/register, on Lambda.

use ilock_functions::{lambda, register_client};

#[tokio::main]
async fn main() -> Result<(), lambda::Error> {
    lambda::http(register_client::routes()).await
}
