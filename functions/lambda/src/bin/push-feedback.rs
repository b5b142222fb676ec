//! SNS' reports of pushes that did not arrive, on Lambda.

use aws_lambda_events::sns::SnsEvent;
use ilock_functions::triggers::push_feedback::on_topic;
use ilock_lambda::aws::{RetryPolicy, Warm};
use ilock_lambda::{Error, flush_metrics_after, start};
use lambda_runtime::{LambdaEvent, service_fn};

#[tokio::main]
async fn main() -> Result<(), Error> {
    let ready = &start(RetryPolicy::Background, &[Warm::Directory], |on_aws| on_aws.wiring.directory()).await?;
    let clock = &ready.on_aws().wiring.clock;
    lambda_runtime::run(service_fn(|event: LambdaEvent<SnsEvent>| async move {
        let directory = ready.get().await?;
        let outcome = flush_metrics_after(Box::pin(on_topic(directory, event.payload, clock.now())));
        outcome.await.map(|_| ()).map_err(Error::from)
    }))
    .await
}
