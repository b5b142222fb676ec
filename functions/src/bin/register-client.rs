//! POST /api/mqtt/clients/register, on Lambda.

use ilock_functions::lambda::{self, OnAws, Patience, Warm};
use ilock_functions::register_client;

#[tokio::main]
async fn main() -> Result<(), lambda::Error> {
    lambda::http(register_client::routes(), OnAws::registering, Patience::Much, &[Warm::Directory]).await
}
