//! The ledger, put under seal every hour, on Lambda.

use ilock_functions::triggers::seal_log::seal_due;
use ilock_lambda::aws::RetryPolicy;
use ilock_lambda::{Error, flush_metrics_after, start};
use lambda_runtime::{LambdaEvent, service_fn};
use serde::de::IgnoredAny;

#[tokio::main]
async fn main() -> Result<(), Error> {
    let on_aws = start(RetryPolicy::Background, &[]).await;
    let sealer = &on_aws.sealer()?;
    // Whatever the event says, what is due is sealed.
    lambda_runtime::run(service_fn(|_: LambdaEvent<IgnoredAny>| async move {
        let sealed = flush_metrics_after(Box::pin(seal_due(sealer))).await.map_err(Error::from)?;
        Ok::<_, Error>(sealed.iter().map(ToString::to_string).collect::<Vec<String>>())
    }))
    .await
}
