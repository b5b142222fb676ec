//! GET /api/calls/{call_id}, on Lambda.

use ilock_functions::get_call;
use ilock_functions::lambda::{self, OnAws, Patience, Warm};

#[tokio::main]
async fn main() -> Result<(), lambda::Error> {
    lambda::http(get_call::routes(), OnAws::looking, Patience::Much, &[Warm::Log]).await
}
