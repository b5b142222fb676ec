//! The log's stream, entered into the ledger, on Lambda.

use aws_lambda_events::dynamodb::Event;
use ilock_functions::triggers::ledger::LedgerKeeper;
use ilock_lambda::aws::{RetryPolicy, Warm};
use ilock_lambda::{Error, flush_metrics_after, start};
use lambda_runtime::{LambdaEvent, service_fn};

#[tokio::main]
async fn main() -> Result<(), Error> {
    let ready = &start(RetryPolicy::Background, &[Warm::Ledger], |on_aws| LedgerKeeper::new(&on_aws.wiring)).await?;
    lambda_runtime::run(service_fn(|event: LambdaEvent<Event>| async move {
        let keeper = ready.get().await?;
        Ok::<_, Error>(flush_metrics_after(Box::pin(keeper.on_stream(event.payload))).await)
    }))
    .await
}
