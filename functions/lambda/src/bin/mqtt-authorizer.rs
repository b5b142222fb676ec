//! IoT Core's authorizer, on Lambda.

use ilock_functions::triggers::mqtt_authorizer::{AuthorizerRequest, authorize};
use ilock_lambda::aws::{RetryPolicy, Warm};
use ilock_lambda::{Error, flush_metrics_after, start};
use lambda_runtime::{LambdaEvent, service_fn};

#[tokio::main]
async fn main() -> Result<(), Error> {
    let ready = &start(RetryPolicy::Background, &[Warm::Directory], |on_aws| {
        Ok((on_aws.wiring.mqtt_access()?, on_aws.wiring.directory()?))
    })
    .await?;
    let clock = &ready.on_aws().wiring.clock;
    lambda_runtime::run(service_fn(|event: LambdaEvent<AuthorizerRequest>| async move {
        let (mqtt, directory) = ready.get().await?;
        let outcome = flush_metrics_after(Box::pin(authorize(&event.payload, mqtt, directory, clock)));
        outcome.await.map_err(Error::from)
    }))
    .await
}
