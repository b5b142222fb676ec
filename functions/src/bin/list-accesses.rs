//! GET /api/audit/accesses, on Lambda.

use ilock_functions::lambda::{self, OnAws, Patience, Warm};
use ilock_functions::list_accesses;

#[tokio::main]
async fn main() -> Result<(), lambda::Error> {
    lambda::http(list_accesses::routes(), OnAws::auditing, Patience::Much, &[Warm::Log]).await
}
