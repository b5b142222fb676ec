//! IoT Core's authorizer, on Lambda.

use ilock_functions::lambda;

#[tokio::main]
async fn main() -> Result<(), lambda::Error> {
    lambda::mqtt_authorizer().await
}
