//! POST /api/mqtt/clients/register, on Lambda.

use ilock_functions::http::clients::register_client::{RegisterClientState, routes};
use ilock_lambda::aws::{RetryPolicy, Warm};
use ilock_lambda::{Error, http};

#[tokio::main]
async fn main() -> Result<(), Error> {
    http(routes, RegisterClientState::new, RetryPolicy::Background, &[Warm::Directory]).await
}
