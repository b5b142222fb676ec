//! DELETE /api/mqtt/clients/{client_id}, on Lambda.

use ilock_functions::lambda::{self, OnAws, Patience, Warm};
use ilock_functions::remove_client;

#[tokio::main]
async fn main() -> Result<(), lambda::Error> {
    lambda::http(remove_client::routes(), OnAws::leaving, Patience::Much, &[Warm::Directory, Warm::Broker]).await
}
