//! POST /api/v1/devices/register, on Lambda.

use ilock_functions::lambda::{self, OnAws, Patience, Warm};
use ilock_functions::register_push_token;

#[tokio::main]
async fn main() -> Result<(), lambda::Error> {
    lambda::http(register_push_token::routes(), OnAws::taking_tokens, Patience::Much, &[Warm::Directory]).await
}
