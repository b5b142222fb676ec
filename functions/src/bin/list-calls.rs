//! GET /api/calls, on Lambda.

use ilock_functions::lambda::{self, OnAws, Patience, Warm};
use ilock_functions::list_calls;

#[tokio::main]
async fn main() -> Result<(), lambda::Error> {
    lambda::http(list_calls::routes(), OnAws::listing, Patience::Much, &[Warm::Directory]).await
}
