//! The log's stream, on Lambda.

use aws_lambda_events::dynamodb::Event;
use ilock_functions::triggers::projector::Projector;
use ilock_lambda::aws::{RetryPolicy, Warm};
use ilock_lambda::{Error, flush_metrics_after, start};
use lambda_runtime::{LambdaEvent, service_fn};

#[tokio::main]
async fn main() -> Result<(), Error> {
    let warm = [Warm::Log, Warm::Directory, Warm::Broker];
    let ready = &start(RetryPolicy::Background, &warm, |on_aws| Projector::new(&on_aws.wiring)).await?;
    lambda_runtime::run(service_fn(|event: LambdaEvent<Event>| async move {
        let projector = ready.get().await?;
        Ok::<_, Error>(flush_metrics_after(Box::pin(projector.on_stream(event.payload))).await)
    }))
    .await
}
