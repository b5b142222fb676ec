//! POST /api/trtc/callback, on Lambda.

use ilock_functions::lambda::{self, OnAws, Patience, Warm};
use ilock_functions::trtc_callback;

#[tokio::main]
async fn main() -> Result<(), lambda::Error> {
    lambda::http(trtc_callback::routes(), OnAws::watching, Patience::Little, &[Warm::Directory]).await
}
