//! Letters are shown to the function that failed at them, one by one, and deleted when it went well.

use std::process::ExitCode;

use aws_config::SdkConfig;
use aws_sdk_sqs::Client;
use aws_sdk_sqs::types::Message;
use serde_json::json;

use crate::aws::account::failed;
use crate::aws::redrive::invoke::{FunctionInvoker, InvokeError};
use crate::aws::redrive::letter::Letter;
use crate::aws::redrive::queue::Queue;
use crate::aws::redrive::records::{StreamReadError, StreamReader};
use crate::ui::error::CommandError;
use crate::ui::output::{Level, Output};

/// A letter that is being worked on is nobody else's for so long; one that stays is given back at the end.
const HIDDEN_SECONDS: i32 = 900;
/// An empty answer to a short question does not mean an empty queue.
const WAIT_SECONDS: i32 = 2;

struct Redriver<'a> {
    output: Output,
    queue: &'a Queue,
    client: Client,
    streams: StreamReader,
    functions: FunctionInvoker,
    drop_expired: bool,
    done: usize,
    dropped: usize,
    /// What stays in the queue: receipt handles.
    kept: Vec<String>,
}

/// What became of a letter.
enum LetterOutcome {
    /// The function took it.
    Done(String),
    /// What it is about is gone.
    Expired(String),
    /// It stays, and why.
    Kept(String),
}

/// Works through all that is in the queue.
pub async fn redrive(
    output: Output,
    sdk: &SdkConfig,
    queue: &Queue,
    drop_expired: bool,
) -> Result<ExitCode, CommandError> {
    let mut desk = Redriver {
        output,
        queue,
        client: Client::new(sdk),
        streams: StreamReader::new(sdk),
        functions: FunctionInvoker::new(sdk),
        drop_expired,
        done: 0,
        dropped: 0,
        kept: vec![],
    };
    let worked = desk.work().await;
    desk.give_back().await;
    worked?;
    let (done, dropped, kept) = (desk.done, desk.dropped, desk.kept.len());
    let tone = if kept == 0 { Level::Success } else { Level::Warning };
    let text = format!("{done} redriven, {dropped} dropped, {kept} kept in {}", queue.name);
    output.line(tone, "redriven", &text, json!({ "redriven": done, "dropped": dropped, "kept": kept }));
    Ok(ExitCode::from(u8::from(kept > 0)))
}

impl Redriver<'_> {
    async fn work(&mut self) -> Result<(), CommandError> {
        loop {
            let received = tokio::select! {
                received = self
                    .client
                    .receive_message()
                    .queue_url(&self.queue.url)
                    .max_number_of_messages(1)
                    .visibility_timeout(HIDDEN_SECONDS)
                    .wait_time_seconds(WAIT_SECONDS)
                    .send() => received.map_err(failed("the queue cannot be read"))?,
                _ = tokio::signal::ctrl_c() => return Ok(()),
            };
            let Some(message) = received.messages.unwrap_or_default().into_iter().next() else { return Ok(()) };
            self.one(&message).await?;
        }
    }

    async fn one(&mut self, message: &Message) -> Result<(), CommandError> {
        let (id, body) = (message.message_id().unwrap_or("?"), message.body().unwrap_or_default());
        let receipt = message.receipt_handle().unwrap_or_default();
        match self.fate(body).await {
            LetterOutcome::Done(what) => {
                self.delete(receipt).await?;
                self.done += 1;
                self.output.line(
                    Level::Success,
                    "letter",
                    &format!("redriven {what}"),
                    json!({ "id": id, "redriven": what }),
                );
            }
            LetterOutcome::Expired(why) if self.drop_expired => {
                self.output.line(
                    Level::Warning,
                    "letter",
                    &format!("dropped  {why}\n{body}"),
                    json!({ "id": id, "dropped": why, "letter": body }),
                );
                self.delete(receipt).await?;
                self.dropped += 1;
            }
            LetterOutcome::Expired(why) => {
                let why = format!(
                    "{why}; `ilock redrive --call CALL_ID` projects a call again, --drop-expired deletes the letter"
                );
                self.keep(id, receipt, &why);
            }
            LetterOutcome::Kept(why) => self.keep(id, receipt, &why),
        }
        Ok(())
    }

    async fn fate(&self, body: &str) -> LetterOutcome {
        match Letter::read(body) {
            Err(why) => LetterOutcome::Kept(why),
            Ok(Letter::Event { function, event }) => match self.functions.invoke(&function, &event).await {
                Ok(_) => LetterOutcome::Done(format!("an event of {}", short(&function))),
                Err(why) => LetterOutcome::Kept(why.0),
            },
            Ok(Letter::Batch(batch)) => {
                let records = match self.streams.records(&batch).await {
                    Ok(records) => records,
                    Err(StreamReadError::Gone) => {
                        return LetterOutcome::Expired(format!(
                            "the stream keeps records for 24 hours and no longer has those of {}",
                            if batch.at.is_empty() { "this letter" } else { &batch.at }
                        ));
                    }
                    Err(StreamReadError::Refused(why)) => return LetterOutcome::Kept(why),
                };
                match self.functions.show(&batch.function, &records).await {
                    Ok(()) => LetterOutcome::Done(format!("{} commits to {}", records.len(), short(&batch.function))),
                    Err(InvokeError(why)) => LetterOutcome::Kept(why),
                }
            }
        }
    }

    fn keep(&mut self, id: &str, receipt: &str, why: &str) {
        self.output.line(Level::Warning, "letter", &format!("kept     {id}: {why}"), json!({ "id": id, "kept": why }));
        self.kept.push(receipt.to_owned());
    }

    async fn delete(&self, receipt: &str) -> Result<(), CommandError> {
        let delete = self.client.delete_message().queue_url(&self.queue.url).receipt_handle(receipt).send();
        delete.await.map_err(failed("it was redriven, but the letter cannot be deleted"))?;
        Ok(())
    }

    /// Whoever looks next sees what stays.
    async fn give_back(&self) {
        for receipt in &self.kept {
            let back = self.client.change_message_visibility().queue_url(&self.queue.url).receipt_handle(receipt);
            if back.visibility_timeout(0).send().await.is_err() {
                self.output.warn("a letter that stays is hidden for another quarter of an hour");
            }
        }
    }
}

fn short(function: &str) -> &str {
    function.split(':').nth(6).unwrap_or(function)
}
