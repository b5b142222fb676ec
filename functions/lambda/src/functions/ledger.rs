//! The functions of the ledger: they write it, sequence it, and read what is published of it.

use std::time::Duration;

use aws_lambda_events::dynamodb::Event;
use ilock_functions::http::audit::prove_call::{self, ProveCallState};
use ilock_functions::http::audit::read_ledger::{self, ReadLedgerState};
use ilock_functions::triggers::ledger::LedgerKeeper;
use ilock_functions::triggers::sequencer::sequence;
use lambda_runtime::{Error, LambdaEvent, service_fn};
use serde::de::IgnoredAny;
use serde_json::{Value, json};

use super::Function;
use crate::aws::OnAws;
use crate::aws::RetryPolicy::Background;
use crate::aws::Warm::{Directory, Ledger, Log};
use crate::logging::flush_metrics_after;
use crate::start::{http_on, start};

/// How long one run of the sequencer takes at most. The next is a minute away; what this one leaves, that one takes.
const BUDGET: Duration = Duration::from_secs(45);

/// See the module.
pub const FUNCTIONS: &[Function] = &[
    ("ledger", || Box::pin(ledger())),
    ("sequencer", || Box::pin(sequencer())),
    ("prove-call", || {
        let routes = |on: &OnAws| Ok(prove_call::routes(ProveCallState::new(&on.wiring, on.ledger_reader()?)?));
        Box::pin(http_on(routes, Background, &[Log]))
    }),
    ("read-ledger", || {
        let routes = |on: &OnAws| Ok(read_ledger::routes(ReadLedgerState::new(&on.wiring, on.ledger_reader()?)?));
        Box::pin(http_on(routes, Background, &[Directory]))
    }),
];

/// The log's stream, entered into the ledger.
async fn ledger() -> Result<(), Error> {
    let ready = &start(Background, &[Ledger], |on_aws| LedgerKeeper::new(&on_aws.wiring)).await?;
    lambda_runtime::run(service_fn(|event: LambdaEvent<Event>| async move {
        let keeper = ready.get().await?;
        Ok::<_, Error>(flush_metrics_after(Box::pin(keeper.on_stream(event.payload))).await)
    }))
    .await
}

/// Every minute what waits is sequenced, whatever the event says.
async fn sequencer() -> Result<(), Error> {
    let ready = &start(Background, &[], OnAws::sequencer).await?;
    lambda_runtime::run(service_fn(|_: LambdaEvent<IgnoredAny>| async move {
        let sequencer = ready.get().await?;
        let done = flush_metrics_after(Box::pin(sequence(sequencer, BUDGET))).await.map_err(Error::from)?;
        Ok::<Value, Error>(json!({ "rounds": done.rounds, "entries": done.entries, "size": done.size }))
    }))
    .await
}
