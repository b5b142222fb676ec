//! GET /api/audit/calls, on Lambda.

use ilock_functions::lambda::{self, OnAws, Patience, Warm};
use ilock_functions::list_audit;

#[tokio::main]
async fn main() -> Result<(), lambda::Error> {
    lambda::http(list_audit::routes(), OnAws::auditing, Patience::Much, &[Warm::Log]).await
}
