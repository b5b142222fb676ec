//! DELETE /api/mqtt/clients/{client_id}, on Lambda.

use ilock_functions::http::clients::remove_client::{RemoveClientState, routes};
use ilock_lambda::aws::{RetryPolicy, Warm};
use ilock_lambda::{Error, http};

#[tokio::main]
async fn main() -> Result<(), Error> {
    http(routes, RemoveClientState::new, RetryPolicy::Background, &[Warm::Directory, Warm::Broker]).await
}
