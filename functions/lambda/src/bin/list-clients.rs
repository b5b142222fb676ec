//! GET /api/mqtt/clients, on Lambda.

use ilock_functions::http::clients::list_clients::{ListClientsState, routes};
use ilock_lambda::aws::{RetryPolicy, Warm};
use ilock_lambda::{Error, http};

#[tokio::main]
async fn main() -> Result<(), Error> {
    http(routes, ListClientsState::new, RetryPolicy::Background, &[Warm::Directory]).await
}
