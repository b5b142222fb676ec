//! Invokes the function again that failed at each letter in a queue, and deletes the letter when it succeeds.

use std::process::ExitCode;

use aws_config::SdkConfig;
use aws_sdk_sqs::Client;
use aws_sdk_sqs::types::Message;
use serde_json::json;

use crate::aws::account::cannot;
use crate::aws::redrive::invoke::{FunctionInvoker, InvokeError};
use crate::aws::redrive::letter::{Batch, Letter};
use crate::aws::redrive::queue::{Queue, receive};
use crate::aws::redrive::records::{StreamReadError, StreamReader};
use crate::aws::redrive::stream_filter::StreamFunction;
use crate::ui::error::CommandError;
use crate::ui::output::{Level, Output};
use crate::ui::stop::StopSignal;

/// How to get what the stream has trimmed.
const FROM_THE_LOG: &str = "`ilock redrive --call CALL_ID` reads a call from the log instead; \
                            `ilock ledger backfill DAY --aws --table EVENTS_TABLE --ledger s3://BUCKET --ledger-table TABLE` \
                            enters what the ledger lacks of a day";

struct Redriver<'a> {
    output: Output,
    queue: &'a Queue,
    client: Client,
    streams: StreamReader,
    functions: FunctionInvoker,
    drop_expired: bool,
    redriven: usize,
    dropped: usize,
    /// Receipt handles of the letters that stay in the queue.
    kept: Vec<String>,
}

/// Why no more letters are received.
enum RunEnd {
    /// The queue has no letter that is not hidden.
    QueueEmpty,
    /// A signal. Letters that were not come to stay in the queue.
    Stopped,
}

enum LetterOutcome {
    /// The function succeeded at this.
    Redriven(String),
    /// The stream no longer has all of the records, why that is known, and what became of those that it still has.
    Expired(String),
    /// The letter stays in the queue, and why.
    Kept(String),
}

/// Works through all letters in the queue, or until it is told to stop. Either way others see the letters that it keeps.
pub async fn redrive(
    output: Output,
    sdk: &SdkConfig,
    queue: &Queue,
    drop_expired: bool,
) -> Result<ExitCode, CommandError> {
    let mut stop = StopSignal::listen().map_err(CommandError::new)?;
    let mut redriver = Redriver {
        output,
        queue,
        client: Client::new(sdk),
        streams: StreamReader::new(sdk),
        functions: FunctionInvoker::new(sdk),
        drop_expired,
        redriven: 0,
        dropped: 0,
        kept: vec![],
    };
    let result = redriver.run(&mut stop).await;
    redriver.make_kept_visible().await;
    let is_stopped = matches!(result?, RunEnd::Stopped);
    if is_stopped {
        output.warn("stopped: the letters that were not come to stay in the queue");
    }
    let (redriven, dropped, kept) = (redriver.redriven, redriver.dropped, redriver.kept.len());
    let level = if kept == 0 && !is_stopped { Level::Success } else { Level::Warning };
    let text = format!("{redriven} redriven, {dropped} dropped, {kept} kept in {}", queue.name);
    output.line(level, "redriven", &text, json!({ "redriven": redriven, "dropped": dropped, "kept": kept }));
    Ok(ExitCode::from(u8::from(kept > 0 || is_stopped)))
}

impl Redriver<'_> {
    async fn run(&mut self, stop: &mut StopSignal) -> Result<RunEnd, CommandError> {
        loop {
            match receive(&self.client, self.queue, stop).await? {
                (Some(message), false) => self.process(&message).await?,
                (None, false) => return Ok(RunEnd::QueueEmpty),
                (message, true) => {
                    self.kept.extend(message.and_then(|message| message.receipt_handle));
                    return Ok(RunEnd::Stopped);
                }
            }
        }
    }

    async fn process(&mut self, message: &Message) -> Result<(), CommandError> {
        let (id, body) = (message.message_id().unwrap_or("?"), message.body().unwrap_or_default());
        let receipt = message.receipt_handle().unwrap_or_default();
        match self.redrive(body).await {
            LetterOutcome::Redriven(what) => {
                self.delete(receipt).await?;
                self.redriven += 1;
                let details = json!({ "id": id, "redriven": what });
                self.output.line(Level::Success, "letter", &format!("redriven {what}"), details);
            }
            LetterOutcome::Expired(why) if self.drop_expired => {
                let why = format!("{why}; {FROM_THE_LOG}");
                let details = json!({ "id": id, "dropped": why, "letter": body });
                self.output.line(Level::Warning, "letter", &format!("dropped  {why}\n{body}"), details);
                self.delete(receipt).await?;
                self.dropped += 1;
            }
            LetterOutcome::Expired(why) => {
                self.keep(id, receipt, &format!("{why}; {FROM_THE_LOG}; --drop-expired deletes the letter"));
            }
            LetterOutcome::Kept(why) => self.keep(id, receipt, &why),
        }
        Ok(())
    }

    async fn redrive(&self, body: &str) -> LetterOutcome {
        match Letter::read(body) {
            Err(why) => LetterOutcome::Kept(why),
            Ok(Letter::Event { function, event }) => match self.functions.invoke(&function, &event).await {
                Ok(_) => LetterOutcome::Redriven(format!("an event of {}", function_name(&function))),
                Err(InvokeError(why)) => LetterOutcome::Kept(why),
            },
            Ok(Letter::Batch(batch)) => self.redrive_batch(&batch).await,
        }
    }

    async fn redrive_batch(&self, batch: &Batch) -> LetterOutcome {
        let name = function_name(&batch.function);
        let Some(function) = StreamFunction::named(name) else {
            return LetterOutcome::Kept(format!("{name} is none of the functions that read the log's stream"));
        };
        let found = match self.streams.records(batch).await {
            Ok(found) => found,
            Err(StreamReadError::Gone) => {
                let when = if batch.at.is_empty() { "this letter" } else { &batch.at };
                return LetterOutcome::Expired(format!(
                    "the stream keeps records for 24 hours and no longer has those of {when}"
                ));
            }
            Err(StreamReadError::Failed(why)) => return LetterOutcome::Kept(why),
        };
        let given = function.filtered(&found.records);
        if let Err(InvokeError(why)) = self.functions.send_records(&batch.function, &given).await {
            return LetterOutcome::Kept(why);
        }
        let (count, sent) = (found.records.len(), given.len());
        if !found.complete {
            return LetterOutcome::Kept(format!(
                "{sent} records were redriven to {name}, and the stream did not come to the end of the letter's range: \
                 try again"
            ));
        }
        if found.trimmed {
            return LetterOutcome::Expired(format!(
                "the stream keeps records for 24 hours and has trimmed the first of this letter; of the {count} that it \
                 still has, {sent} were redriven to {name}"
            ));
        }
        if given.is_empty() {
            return LetterOutcome::Kept(format!(
                "the stream has {count} records in its range, and {name} is given none of them"
            ));
        }
        LetterOutcome::Redriven(format!("{sent} records to {name}"))
    }

    fn keep(&mut self, id: &str, receipt: &str, why: &str) {
        let details = json!({ "id": id, "kept": why });
        self.output.line(Level::Warning, "letter", &format!("kept     {id}: {why}"), details);
        self.kept.push(receipt.to_owned());
    }

    async fn delete(&self, receipt: &str) -> Result<(), CommandError> {
        let delete = self.client.delete_message().queue_url(&self.queue.url).receipt_handle(receipt).send();
        delete.await.map_err(cannot("delete a letter that was redriven or dropped"))?;
        Ok(())
    }

    async fn make_kept_visible(&self) {
        for receipt in &self.kept {
            let change = self.client.change_message_visibility().queue_url(&self.queue.url).receipt_handle(receipt);
            if change.visibility_timeout(0).send().await.is_err() {
                self.output.warn("a kept letter stays hidden in the queue for up to 15 minutes");
            }
        }
    }
}

/// The name in a function's ARN.
fn function_name(function: &str) -> &str {
    function.split(':').nth(6).unwrap_or(function)
}
