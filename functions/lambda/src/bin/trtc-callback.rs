//! POST /api/trtc/callback, on Lambda.

use ilock_functions::http::trtc_callback::{TrtcCallbackState, routes};
use ilock_lambda::aws::{RetryPolicy, Warm};
use ilock_lambda::{Error, http};

#[tokio::main]
async fn main() -> Result<(), Error> {
    http(routes, TrtcCallbackState::new, RetryPolicy::CallerWaiting, &[Warm::Directory]).await
}
