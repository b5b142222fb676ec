//! Lets SQS move dead letters back to the queues that they came from, and waits until it has. Where SQS cannot, this command does.

use std::process::ExitCode;
use std::time::Duration;

use aws_config::SdkConfig;
use aws_sdk_sqs::Client;
use aws_sdk_sqs::types::ListMessageMoveTasksResultEntry;
use serde_json::json;

use crate::aws::account::{AwsError, cannot};
use crate::aws::redrive::move_by_hand;
use crate::aws::redrive::queue::Queue;
use crate::ui::error::CommandError;
use crate::ui::output::{Level, Output};
use crate::ui::stop::StopSignal;

const POLL_INTERVAL: Duration = Duration::from_secs(1);

pub async fn redrive(
    output: Output,
    sdk: &SdkConfig,
    queue: &Queue,
    per_second: Option<i32>,
) -> Result<ExitCode, CommandError> {
    let mut stop = StopSignal::listen().map_err(CommandError::new)?;
    let client = Client::new(sdk);
    let targets: Vec<&str> = queue.sources.iter().map(|url| url.rsplit('/').next().unwrap_or(url)).collect();
    let text = format!("moving   {} back to {}", queue.name, targets.join(", "));
    let started = if is_in_china(&queue.arn) { None } else { start(&client, queue, per_second).await? };
    output.line(Level::Info, "moving", &text, json!({ "queue": queue.name, "to": targets }));
    match started {
        Some(handle) => watch(output, &client, queue, &handle, &mut stop).await,
        None => move_by_hand::redrive(output, &client, queue, per_second, &mut stop).await,
    }
}

/// The guide of Amazon Web Services in China: "The SQS dead-letter queue redrive feature is not supported for this region".
fn is_in_china(arn: &str) -> bool {
    arn.starts_with("arn:aws-cn:")
}

/// The handle of the move that SQS has begun; none where it cannot.
async fn start(client: &Client, queue: &Queue, per_second: Option<i32>) -> Result<Option<String>, CommandError> {
    let start = client.start_message_move_task().source_arn(&queue.arn);
    match start.set_max_number_of_messages_per_second(per_second).send().await {
        Ok(started) => Ok(Some(started.task_handle.unwrap_or_default())),
        Err(error) => match AwsError::from_sdk(&error) {
            error if error.is_unsupported() => Ok(None),
            error => {
                let why = format!("cannot move the messages of {} back: {}", queue.name, error.message);
                Err(CommandError::new(why))
            }
        },
    }
}

async fn watch(
    output: Output,
    client: &Client,
    queue: &Queue,
    handle: &str,
    stop: &mut StopSignal,
) -> Result<ExitCode, CommandError> {
    loop {
        let tasks = client
            .list_message_move_tasks()
            .source_arn(&queue.arn)
            .send()
            .await
            .map_err(cannot("read the progress of the move, which SQS continues"))?;
        // Only a running task has a handle. Otherwise the newest task, which is the first, is ours.
        let ours = tasks.results().iter().find(|task| task.task_handle() == Some(handle));
        match ours.or(tasks.results().first()) {
            Some(task) if matches!(task.status(), Some("RUNNING" | "CANCELLING")) => {}
            Some(task) => return print_end(output, &queue.name, task),
            None => return Err(CommandError::new("SQS does not list the move that it started")),
        }
        tokio::select! {
            () = tokio::time::sleep(POLL_INTERVAL) => {}
            () = stop.received() => {
                output.warn("SQS continues to move messages; `ilock doctor` shows how many are left");
                return Ok(ExitCode::FAILURE);
            }
        }
    }
}

fn print_end(output: Output, name: &str, task: &ListMessageMoveTasksResultEntry) -> Result<ExitCode, CommandError> {
    let moved = task.approximate_number_of_messages_moved();
    if task.status() == Some("COMPLETED") {
        return Ok(move_by_hand::print_moved(output, name, moved, false));
    }
    let why = task.failure_reason().unwrap_or("no reason given");
    let status = task.status().unwrap_or("finished");
    Err(CommandError::new(format!("the move ended as {status} after {moved} messages: {why}")))
}
