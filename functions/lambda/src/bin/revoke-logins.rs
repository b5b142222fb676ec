//! POST /api/admin/revocations, on Lambda.

use ilock_functions::http::clients::revoke_logins::{RevokeLoginsState, routes};
use ilock_lambda::aws::{RetryPolicy, Warm};
use ilock_lambda::{Error, http};

#[tokio::main]
async fn main() -> Result<(), Error> {
    http(routes, RevokeLoginsState::new, RetryPolicy::Background, &[Warm::Directory]).await
}
