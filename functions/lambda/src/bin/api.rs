//! The functions behind API Gateway, on Lambda.

use ilock_lambda::functions::{api, serve};

#[tokio::main]
async fn main() -> Result<(), ilock_lambda::Error> {
    serve(api::FUNCTIONS).await
}
