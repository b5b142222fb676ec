//! /api/settings, on Lambda.

use ilock_functions::http::clients::settings::{SettingsState, routes};
use ilock_lambda::aws::{RetryPolicy, Warm};
use ilock_lambda::{Error, http};

#[tokio::main]
async fn main() -> Result<(), Error> {
    http(routes, SettingsState::new, RetryPolicy::Background, &[Warm::Directory]).await
}
