//! PUT /api/mqtt/clients/status, on Lambda.

use ilock_functions::http::clients::update_client_status::{UpdateClientStatusState, routes};
use ilock_lambda::aws::{RetryPolicy, Warm};
use ilock_lambda::{Error, http};

#[tokio::main]
async fn main() -> Result<(), Error> {
    http(routes, UpdateClientStatusState::new, RetryPolicy::Background, &[Warm::Directory]).await
}
