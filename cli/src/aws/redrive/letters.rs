//! Letters are shown to the function that failed at them, one by one, and deleted when it went well.

use std::process::ExitCode;

use aws_config::SdkConfig;
use aws_sdk_sqs::Client;
use aws_sdk_sqs::types::Message;
use serde_json::json;

use crate::aws::account::failed;
use crate::aws::redrive::letter::Letter;
use crate::aws::redrive::project::{Functions, Unwell};
use crate::aws::redrive::queue::Queue;
use crate::aws::redrive::records::{NotRead, Streams};
use crate::ui::error::Failure;
use crate::ui::output::{Say, Tone};

/// A letter that is being worked on is nobody else's for so long; one that stays is given back at the end.
const HIDDEN_SECONDS: i32 = 900;
/// An empty answer to a short question does not mean an empty queue.
const WAIT_SECONDS: i32 = 2;

struct Desk<'a> {
    say: Say,
    queue: &'a Queue,
    client: Client,
    streams: Streams,
    functions: Functions,
    drop_expired: bool,
    done: usize,
    dropped: usize,
    /// What stays in the queue: receipt handles.
    kept: Vec<String>,
}

/// What became of a letter.
enum Fate {
    /// The function took it.
    Done(String),
    /// What it is about is gone.
    Expired(String),
    /// It stays, and why.
    Kept(String),
}

/// Works through all that is in the queue.
pub async fn redrive(say: Say, sdk: &SdkConfig, queue: &Queue, drop_expired: bool) -> Result<ExitCode, Failure> {
    let mut desk = Desk {
        say,
        queue,
        client: Client::new(sdk),
        streams: Streams::new(sdk),
        functions: Functions::new(sdk),
        drop_expired,
        done: 0,
        dropped: 0,
        kept: vec![],
    };
    let worked = desk.work().await;
    desk.give_back().await;
    worked?;
    let (done, dropped, kept) = (desk.done, desk.dropped, desk.kept.len());
    let tone = if kept == 0 { Tone::Good } else { Tone::Bad };
    let text = format!("{done} redriven, {dropped} dropped, {kept} kept in {}", queue.name);
    say.line(tone, "redriven", &text, json!({ "redriven": done, "dropped": dropped, "kept": kept }));
    Ok(ExitCode::from(u8::from(kept > 0)))
}

impl Desk<'_> {
    async fn work(&mut self) -> Result<(), Failure> {
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

    async fn one(&mut self, message: &Message) -> Result<(), Failure> {
        let (id, body) = (message.message_id().unwrap_or("?"), message.body().unwrap_or_default());
        let receipt = message.receipt_handle().unwrap_or_default();
        match self.fate(body).await {
            Fate::Done(what) => {
                self.delete(receipt).await?;
                self.done += 1;
                self.say.line(Tone::Good, "letter", &format!("redriven {what}"), json!({ "id": id, "redriven": what }));
            }
            Fate::Expired(why) if self.drop_expired => {
                self.say.line(
                    Tone::Bad,
                    "letter",
                    &format!("dropped  {why}\n{body}"),
                    json!({ "id": id, "dropped": why, "letter": body }),
                );
                self.delete(receipt).await?;
                self.dropped += 1;
            }
            Fate::Expired(why) => {
                let why = format!(
                    "{why}; `ilock redrive --call CALL_ID` projects a call again, --drop-expired deletes the letter"
                );
                self.keep(id, receipt, &why);
            }
            Fate::Kept(why) => self.keep(id, receipt, &why),
        }
        Ok(())
    }

    async fn fate(&self, body: &str) -> Fate {
        match Letter::read(body) {
            Err(why) => Fate::Kept(why),
            Ok(Letter::Event { function, event }) => match self.functions.invoke(&function, &event).await {
                Ok(_) => Fate::Done(format!("an event of {}", short(&function))),
                Err(why) => Fate::Kept(why.0),
            },
            Ok(Letter::Batch(batch)) => {
                let records = match self.streams.records(&batch).await {
                    Ok(records) => records,
                    Err(NotRead::Gone) => {
                        return Fate::Expired(format!(
                            "the stream keeps records for 24 hours and no longer has those of {}",
                            if batch.at.is_empty() { "this letter" } else { &batch.at }
                        ));
                    }
                    Err(NotRead::Refused(why)) => return Fate::Kept(why),
                };
                match self.functions.show(&batch.function, &records).await {
                    Ok(()) => Fate::Done(format!("{} commits to {}", records.len(), short(&batch.function))),
                    Err(Unwell(why)) => Fate::Kept(why),
                }
            }
        }
    }

    fn keep(&mut self, id: &str, receipt: &str, why: &str) {
        self.say.line(Tone::Bad, "letter", &format!("kept     {id}: {why}"), json!({ "id": id, "kept": why }));
        self.kept.push(receipt.to_owned());
    }

    async fn delete(&self, receipt: &str) -> Result<(), Failure> {
        let delete = self.client.delete_message().queue_url(&self.queue.url).receipt_handle(receipt).send();
        delete.await.map_err(failed("it was redriven, but the letter cannot be deleted"))?;
        Ok(())
    }

    /// Whoever looks next sees what stays.
    async fn give_back(&self) {
        for receipt in &self.kept {
            let back = self.client.change_message_visibility().queue_url(&self.queue.url).receipt_handle(receipt);
            if back.visibility_timeout(0).send().await.is_err() {
                self.say.warn("a letter that stays is hidden for another quarter of an hour");
            }
        }
    }
}

fn short(function: &str) -> &str {
    function.split(':').nth(6).unwrap_or(function)
}
