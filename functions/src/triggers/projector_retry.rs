//! projector, by its queue: projects again what it left there.

use aws_lambda_events::sqs::{SqsBatchResponse, SqsEvent};

use crate::triggers::projector::{Projector, Unprojected};
use crate::triggers::queue_batch::each_message;
use crate::triggers::retry_queue::{Retry, RetryQueue, set};

/// Projects the commit that `retry` names, if the log still has it.
async fn project(projector: &Projector, retry: &Retry) -> Result<(), Unprojected> {
    let history = projector.log.load(&retry.call_id).await?;
    let Some(commit) = history.commits.into_iter().find(|commit| commit.n == retry.n) else {
        tracing::info!(call_id = %retry.call_id, n = %retry.n, "a commit that was to be retried is not in the log any more");
        return Ok(());
    };
    projector.project(vec![commit]).await.pop().map_or(Ok(()), |(_, why)| Err(why))
}

async fn project_or_set_again(projector: &Projector, queue: &dyn RetryQueue, retry: Retry) -> Result<(), String> {
    let Err(error) = Box::pin(project(projector, &retry)).await else { return Ok(()) };
    let Retry { call_id, n, failed } = retry.clone();
    let Some(again) = retry.again() else { return Err(format!("{call_id} commit {n}: {error}")) };
    tracing::warn!(%call_id, %n, %error, failed, "a retry of the projector failed; it is set again");
    set(queue, again).await.map_err(|not_set| format!("{error}; nor could it be set again: {not_set}"))
}

/// The queue's batch: what can neither be projected nor set again comes again, alone.
pub async fn on_queue(projector: &Projector, queue: &dyn RetryQueue, event: SqsEvent) -> SqsBatchResponse {
    let projector = &projector.unhurried();
    each_message(event, "a retry of the projector", |retry| project_or_set_again(projector, queue, retry)).await
}
