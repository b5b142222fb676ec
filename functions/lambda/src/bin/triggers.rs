//! The functions that streams, queues and events start, on Lambda.

use ilock_lambda::functions::{serve, triggers};

#[tokio::main]
async fn main() -> Result<(), ilock_lambda::Error> {
    serve(triggers::FUNCTIONS).await
}
