//! PUT /api/mqtt/clients/status, on Lambda.

use ilock_functions::lambda::{self, OnAws, Patience, Warm};
use ilock_functions::update_client_status;

#[tokio::main]
async fn main() -> Result<(), lambda::Error> {
    lambda::http(update_client_status::routes(), OnAws::reporting, Patience::Much, &[Warm::Directory]).await
}
