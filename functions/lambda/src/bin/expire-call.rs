//! The ring timer's queue, on Lambda.

use aws_lambda_events::sqs::SqsEvent;
use ilock_functions::triggers::expire_call::on_queue;
use ilock_lambda::aws::{RetryPolicy, Warm};
use ilock_lambda::{Error, flush_metrics_after, start};
use lambda_runtime::{LambdaEvent, service_fn};

#[tokio::main]
async fn main() -> Result<(), Error> {
    let warm = [Warm::Log, Warm::Broker];
    let ready = &start(RetryPolicy::Background, &warm, |on_aws| on_aws.wiring.calls()).await?;
    lambda_runtime::run(service_fn(|event: LambdaEvent<SqsEvent>| async move {
        let calls = ready.get().await?;
        Ok::<_, Error>(flush_metrics_after(Box::pin(on_queue(calls, event.payload))).await)
    }))
    .await
}
