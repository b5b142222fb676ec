//! /api/blocks, on Lambda.

use ilock_functions::http::clients::blocks::{BlocksState, routes};
use ilock_lambda::aws::{RetryPolicy, Warm};
use ilock_lambda::{Error, http};

#[tokio::main]
async fn main() -> Result<(), Error> {
    http(routes, BlocksState::new, RetryPolicy::Background, &[Warm::Directory]).await
}
