//! GET /api/audit/calls/{call_id}/events, on Lambda.

use ilock_functions::lambda::{self, OnAws, Patience, Warm};
use ilock_functions::replay_call;

#[tokio::main]
async fn main() -> Result<(), lambda::Error> {
    lambda::http(replay_call::routes(), OnAws::auditing, Patience::Much, &[Warm::Log]).await
}
