//! Dead letters of queues go back where they came from. SQS moves them; we watch.

use std::process::ExitCode;
use std::time::Duration;

use aws_config::SdkConfig;
use aws_sdk_sqs::Client;
use aws_sdk_sqs::types::ListMessageMoveTasksResultEntry;
use serde_json::json;

use crate::aws::account::{AwsError, failed};
use crate::aws::redrive::queue::Queue;
use crate::ui::error::CommandError;
use crate::ui::output::{Level, Output};

const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Starts the move and waits for its end.
pub async fn redrive(
    output: Output,
    sdk: &SdkConfig,
    queue: &Queue,
    per_second: Option<i32>,
) -> Result<ExitCode, CommandError> {
    let client = Client::new(sdk);
    let start = client.start_message_move_task().source_arn(&queue.arn);
    let started = start.set_max_number_of_messages_per_second(per_second).send().await;
    let started = started.map_err(|error| {
        let refusal = AwsError::of(&error);
        CommandError::new(format!("{} cannot be moved back: {}", queue.name, refusal.why))
    })?;
    let back: Vec<&str> = queue.sources.iter().map(|url| url.rsplit('/').next().unwrap_or(url)).collect();
    let text = format!("moving   {} back to {}", queue.name, back.join(", "));
    output.line(Level::Info, "moving", &text, json!({ "queue": queue.name, "to": back }));
    loop {
        let tasks = client
            .list_message_move_tasks()
            .source_arn(&queue.arn)
            .send()
            .await
            .map_err(failed("the messages are on their way, but how far they are is not known"))?;
        // Only a running task has a handle; the newest comes first.
        let ours = tasks.results().iter().find(|task| task.task_handle() == started.task_handle());
        match ours.or(tasks.results().first()) {
            Some(task) if matches!(task.status(), Some("RUNNING" | "CANCELLING")) => {}
            Some(task) => return ended(output, &queue.name, task),
            None => return Err(CommandError::new("SQS knows nothing of the move that it started")),
        }
        tokio::select! {
            () = tokio::time::sleep(LOOK_EVERY) => {}
            _ = tokio::signal::ctrl_c() => {
                output.warn("SQS goes on moving; `ilock doctor` says what is left");
                return Ok(ExitCode::FAILURE);
            }
        }
    }
}

fn ended(output: Output, name: &str, task: &ListMessageMoveTasksResultEntry) -> Result<ExitCode, CommandError> {
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
    let status = task.status().unwrap_or("over");
    Err(CommandError::new(format!("the move is {status} after {moved} messages: {why}")))
}
