//! IoT Core's presence events, on Lambda.

use aws_lambda_events::sqs::SqsEvent;
use ilock_functions::triggers::presence::{PresenceEvent, on_event, on_queue};
use ilock_lambda::aws::{RetryPolicy, Warm};
use ilock_lambda::{Error, flush_metrics_after, start};
use lambda_runtime::{LambdaEvent, service_fn};
use serde::Deserialize;

/// What reaches the function: an event by the rule, or a batch of them that waited in the queue.
#[derive(Deserialize)]
#[serde(untagged)]
enum Trigger {
    Queue(SqsEvent),
    Rule(PresenceEvent),
}

#[tokio::main]
async fn main() -> Result<(), Error> {
    let ready = &start(RetryPolicy::Background, &[Warm::Directory], |on_aws| {
        let (wiring, prefix) = (&on_aws.wiring, on_aws.wiring.settings.topic_prefix()?);
        Ok((wiring.directory()?, on_aws.carriers.presence_queue()?, prefix))
    })
    .await?;
    lambda_runtime::run(service_fn(|event: LambdaEvent<Trigger>| async move {
        let (directory, queue, prefix) = ready.get().await?;
        let outcome = flush_metrics_after(Box::pin(async {
            match event.payload {
                Trigger::Queue(batch) => Ok(Some(on_queue(directory, prefix, batch).await)),
                Trigger::Rule(event) => on_event(directory, queue, prefix, event).await.map(|()| None),
            }
        }));
        outcome.await.map_err(Error::from)
    }))
    .await
}
