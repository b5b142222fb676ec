//! IoT Core's question who may connect, on Lambda.

use ilock_functions::lambda;

#[tokio::main]
async fn main() -> Result<(), lambda::Error> {
    lambda::authorizer().await
}
