//! Lets SQS move dead letters back to the queues that they came from, and waits until it has.

use std::process::ExitCode;
use std::time::Duration;

use aws_config::SdkConfig;
use aws_sdk_sqs::Client;
use aws_sdk_sqs::types::ListMessageMoveTasksResultEntry;
use serde_json::json;

use crate::aws::account::cannot;
use crate::aws::redrive::queue::Queue;
use crate::ui::error::CommandError;
use crate::ui::output::{Level, Output};

const POLL_INTERVAL: Duration = Duration::from_secs(1);

pub async fn redrive(
    output: Output,
    sdk: &SdkConfig,
    queue: &Queue,
    per_second: Option<i32>,
) -> Result<ExitCode, CommandError> {
    let client = Client::new(sdk);
    let start = client.start_message_move_task().source_arn(&queue.arn);
    let started = start.set_max_number_of_messages_per_second(per_second).send().await;
    let started = started.map_err(cannot(&format!("move the messages of {} back", queue.name)))?;
    let targets: Vec<&str> = queue.sources.iter().map(|url| url.rsplit('/').next().unwrap_or(url)).collect();
    let text = format!("moving   {} back to {}", queue.name, targets.join(", "));
    output.line(Level::Info, "moving", &text, json!({ "queue": queue.name, "to": targets }));
    loop {
        let tasks = client
            .list_message_move_tasks()
            .source_arn(&queue.arn)
            .send()
            .await
            .map_err(cannot("read the progress of the move, which SQS continues"))?;
        // Only a running task has a handle. Otherwise the newest task, which is the first, is ours.
        let ours = tasks.results().iter().find(|task| task.task_handle() == started.task_handle());
        match ours.or(tasks.results().first()) {
            Some(task) if matches!(task.status(), Some("RUNNING" | "CANCELLING")) => {}
            Some(task) => return print_end(output, &queue.name, task),
            None => return Err(CommandError::new("SQS does not list the move that it started")),
        }
        tokio::select! {
            () = tokio::time::sleep(POLL_INTERVAL) => {}
            _ = tokio::signal::ctrl_c() => {
                output.warn("SQS continues to move messages; `ilock doctor` shows how many are left");
                return Ok(ExitCode::FAILURE);
            }
        }
    }
}

fn print_end(output: Output, name: &str, task: &ListMessageMoveTasksResultEntry) -> Result<ExitCode, CommandError> {
    let moved = task.approximate_number_of_messages_moved();
    if task.status() == Some("COMPLETED") {
        output.line(
            Level::Success,
            "moved",
            &format!("moved    {moved} messages"),
            json!({ "queue": name, "moved": moved }),
        );
        return Ok(ExitCode::SUCCESS);
    }
    let why = task.failure_reason().unwrap_or("no reason given");
    let status = task.status().unwrap_or("finished");
    Err(CommandError::new(format!("the move ended as {status} after {moved} messages: {why}")))
}
