//! POST /api/calls, on Lambda.

use ilock_functions::create_call;
use ilock_functions::lambda::{self, OnAws, Patience, Warm};

#[tokio::main]
async fn main() -> Result<(), lambda::Error> {
    lambda::http(
        create_call::routes(),
        OnAws::calling,
        Patience::Little,
        &[Warm::Log, Warm::Directory, Warm::Broker, Warm::Timer],
    )
    .await
}
