//! POST /api/v1/devices/register, on Lambda.

use ilock_functions::http::clients::register_push_token::{RegisterPushTokenState, routes};
use ilock_lambda::aws::{RetryPolicy, Warm};
use ilock_lambda::{Error, http};

#[tokio::main]
async fn main() -> Result<(), Error> {
    http(routes, RegisterPushTokenState::new, RetryPolicy::Background, &[Warm::Directory]).await
}
