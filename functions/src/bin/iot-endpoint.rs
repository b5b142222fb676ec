//! The custom resource that tells the template where IoT Core is, on Lambda.

use ilock_functions::lambda;

#[tokio::main]
async fn main() -> Result<(), lambda::Error> {
    lambda::iot_endpoint().await
}
