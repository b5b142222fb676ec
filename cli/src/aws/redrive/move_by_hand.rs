//! Moves dead letters back to the queue that they came from, one by one, where SQS does not do it, as in China.

use std::process::ExitCode;
use std::time::Duration;

use aws_sdk_sqs::Client;
use aws_sdk_sqs::types::Message;
use serde_json::json;

use crate::aws::account::cannot;
use crate::aws::redrive::queue::{Queue, receive};
use crate::ui::error::CommandError;
use crate::ui::output::{Level, Output};
use crate::ui::stop::StopSignal;

/// Works through all letters in the queue, or until it is told to stop.
pub async fn redrive(
    output: Output,
    client: &Client,
    queue: &Queue,
    per_second: Option<i32>,
    stop: &mut StopSignal,
) -> Result<ExitCode, CommandError> {
    let [source] = queue.sources.as_slice() else {
        let why = format!("{} holds the letters of {} queues", queue.name, queue.sources.len());
        return Err(CommandError::new(format!("{why}, and SQS does not say of a letter which of them it came from")));
    };
    let pause = per_second.and_then(|number| u32::try_from(number).ok()).map(|number| Duration::from_secs(1) / number);
    let mut moved: i64 = 0;
    let is_stopped = loop {
        let (message, is_stopped) = receive(client, queue, stop).await?;
        match message {
            Some(message) => move_letter(client, queue, source, &message).await?,
            None => break is_stopped,
        }
        moved += 1;
        if is_stopped {
            break true;
        }
        if let Some(pause) = pause {
            tokio::time::sleep(pause).await;
        }
    };
    Ok(print_moved(output, &queue.name, moved, is_stopped))
}

/// Says how many messages were moved, whoever moved them.
pub fn print_moved(output: Output, name: &str, moved: i64, is_stopped: bool) -> ExitCode {
    let (level, why, code) = if is_stopped {
        (Level::Warning, "; stopped before the end", ExitCode::FAILURE)
    } else {
        (Level::Success, "", ExitCode::SUCCESS)
    };
    output.line(level, "moved", &format!("moved    {moved} messages{why}"), json!({ "queue": name, "moved": moved }));
    code
}

/// Sends the letter before it deletes it. Where deleting fails, its queue has it twice, which is harmless: every function may be
/// given a message again.
async fn move_letter(client: &Client, queue: &Queue, source: &str, message: &Message) -> Result<(), CommandError> {
    let send = client.send_message().queue_url(source).message_body(message.body().unwrap_or_default());
    send.set_message_attributes(message.message_attributes().cloned())
        .send()
        .await
        .map_err(cannot("send a letter to the queue that it came from: it stays hidden for up to 15 minutes"))?;
    let receipt = message.receipt_handle().unwrap_or_default();
    let delete = client.delete_message().queue_url(&queue.url).receipt_handle(receipt).send();
    delete.await.map_err(cannot("delete a letter that was sent to the queue that it came from"))?;
    Ok(())
}
