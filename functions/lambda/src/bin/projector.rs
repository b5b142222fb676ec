//! The log's stream, on Lambda.

use aws_lambda_events::dynamodb::Event;
use ilock_functions::triggers::projector::Projector;
use ilock_lambda::aws::{RetryPolicy, Warm};
use ilock_lambda::{Error, flush_metrics_after, start};
use lambda_runtime::{LambdaEvent, service_fn};

#[tokio::main]
async fn main() -> Result<(), Error> {
    let on_aws = start(RetryPolicy::Background, &[Warm::Log, Warm::Directory, Warm::Broker]).await;
    let projector = &Projector::new(&on_aws.wiring)?;
    lambda_runtime::run(service_fn(|event: LambdaEvent<Event>| async move {
        Ok::<_, Error>(flush_metrics_after(Box::pin(projector.on_stream(event.payload))).await)
    }))
    .await
}
