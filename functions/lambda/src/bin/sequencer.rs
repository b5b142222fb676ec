//! The ledger's sequencer, every minute, on Lambda.

use std::time::Duration;

use ilock_functions::triggers::sequencer::sequence;
use ilock_lambda::aws::{OnAws, RetryPolicy};
use ilock_lambda::{Error, flush_metrics_after, start};
use lambda_runtime::{LambdaEvent, service_fn};
use serde::de::IgnoredAny;
use serde_json::{Value, json};

/// The next run is a minute away; what this one leaves, that one takes.
const BUDGET: Duration = Duration::from_secs(45);

#[tokio::main]
async fn main() -> Result<(), Error> {
    let ready = &start(RetryPolicy::Background, &[], OnAws::sequencer).await?;
    // Whatever the event says, what waits is sequenced.
    lambda_runtime::run(service_fn(|_: LambdaEvent<IgnoredAny>| async move {
        let sequencer = ready.get().await?;
        let done = flush_metrics_after(Box::pin(sequence(sequencer, BUDGET))).await.map_err(Error::from)?;
        Ok::<Value, Error>(json!({ "rounds": done.rounds, "entries": done.entries, "size": done.size }))
    }))
    .await
}
