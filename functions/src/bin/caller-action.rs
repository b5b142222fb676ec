//! POST /api/calls/caller-action, on Lambda.

use ilock_functions::caller_action;
use ilock_functions::lambda::{self, OnAws, Patience, Warm};

#[tokio::main]
async fn main() -> Result<(), lambda::Error> {
    lambda::http(caller_action::routes(), OnAws::calling, Patience::Little, &[Warm::Log, Warm::Broker]).await
}
