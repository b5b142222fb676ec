//! POST /api/calls/callee-action, on Lambda.

use ilock_functions::callee_action;
use ilock_functions::lambda::{self, OnAws, Patience, Warm};

#[tokio::main]
async fn main() -> Result<(), lambda::Error> {
    lambda::http(callee_action::routes(), OnAws::calling, Patience::Little, &[Warm::Log, Warm::Broker]).await
}
