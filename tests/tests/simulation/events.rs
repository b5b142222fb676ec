//! What starts functions: the stream of the log, in batches that are not the same at every try; and the queues
//! of the ring timer and of the projector.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use aws_lambda_events::dynamodb::{Event, EventRecord};
use aws_lambda_events::sqs::{SqsBatchResponse, SqsEvent, SqsMessage};
use dynoxide::actions::get_records::Record;
use ilock_functions::service::calls::Calls;
use ilock_functions::triggers::projector::Projector;
use ilock_functions::triggers::{expire_call, projector_retry};
use ilock_lambda::aws::DelayQueue;

use crate::cloud::{Cloud, DelayedLetters, Letter, Position};
use crate::dice::Dice;
use crate::killed::Killed;

/// A reader of the log's stream, as Lambda's event source mapping is one.
pub struct StreamReader {
    pub name: &'static str,
    pub cloud: Arc<Cloud>,
    pub table: String,
    pub dice: Dice,
    pub idle: Arc<AtomicBool>,
    /// Kills the first batch at this await: for tests of one function.
    pub kill: Option<u64>,
}

impl StreamReader {
    /// Shows `projector` the stream, for ever. It leaves to `retries` what can wait.
    pub async fn show(mut self, projector: Projector, retries: Arc<DelayQueue>) {
        let mut writes = self.cloud.tables.writes();
        let (mut position, mut pending) = (Position::default(), vec![]);
        loop {
            writes.borrow_and_update();
            pending.extend(self.cloud.tables.read_stream(&self.table, &mut position));
            if pending.is_empty() {
                self.idle.store(true, Ordering::Relaxed);
                if writes.changed().await.is_err() {
                    return;
                }
                self.idle.store(false, Ordering::Relaxed);
                tokio::time::sleep(self.dice.ms(50..400)).await;
                continue;
            }
            let most = u64::try_from(pending.len().min(12)).unwrap();
            let size = usize::try_from(self.dice.within(1..most + 1)).unwrap();
            let kill = self.kill.take().or_else(|| {
                self.cloud.network.chance(self.cloud.network.weather.killed).then(|| self.dice.within(0..24))
            });
            let done = self.show_batch((&projector, &retries), &pending[..size], kill).await;
            if done == size && self.cloud.network.chance(self.cloud.network.weather.batches_again) {
                self.cloud.network.story.tell(self.name, "a batch that succeeded is shown again");
                continue;
            }
            pending.drain(..done);
            if done < size {
                tokio::time::sleep(self.dice.ms(50..1_000)).await;
            }
        }
    }

    /// How many records from the front need not be shown again.
    async fn show_batch(
        &self,
        (projector, retries): (&Projector, &DelayQueue),
        records: &[Record],
        kill: Option<u64>,
    ) -> usize {
        let mut event = Event::default();
        event.records = records.iter().map(read).collect();
        let Some(answer) = Killed::at(projector.on_stream(retries, event), kill).await else {
            self.cloud.network.story.tell(self.name, format_args!("is killed over {} records", records.len()));
            return 0;
        };
        let failed: Vec<String> =
            answer.batch_item_failures.into_iter().filter_map(|failure| failure.item_identifier).collect();
        if !failed.is_empty() {
            self.cloud.network.story.tell(self.name, format_args!("fails at {} records", failed.len()));
        }
        // From the first that failed on, all are shown again.
        let is_failed = |record: &Record| failed.contains(&record.dynamodb.sequence_number);
        records.iter().position(is_failed).unwrap_or(records.len())
    }
}

fn read(record: &Record) -> EventRecord {
    serde_json::from_value(serde_json::to_value(record).unwrap()).unwrap()
}

/// Which function a queue starts, and with what.
#[derive(Clone)]
pub enum Reads {
    /// expire-call, when a call has rung or lasted for long enough.
    Timers(Calls),
    /// The projector, once more.
    Retries(Projector, Arc<DelayQueue>),
}

impl Reads {
    fn queue<'a>(&self, cloud: &'a Cloud) -> &'a DelayedLetters {
        match self {
            Self::Timers(_) => &cloud.timers,
            Self::Retries(..) => &cloud.retries,
        }
    }

    async fn take(&self, event: SqsEvent) -> SqsBatchResponse {
        match self {
            Self::Timers(calls) => Box::pin(expire_call::on_queue(calls, event)).await,
            Self::Retries(projector, queue) => Box::pin(projector_retry::on_queue(projector, &**queue, event)).await,
        }
    }
}

/// A reader of one queue, as Lambda's event source mapping is one.
pub struct QueueReader {
    pub name: &'static str,
    pub cloud: Arc<Cloud>,
    pub dice: Dice,
    /// Kills the first message at this await: for tests of one function.
    pub kill: Option<u64>,
}

impl QueueReader {
    /// Hands over what is due, for ever.
    pub async fn run(mut self, reads: Reads) {
        loop {
            reads.queue(&self.cloud).wait().await;
            for letter in reads.queue(&self.cloud).receive() {
                let kill = self.kill.take().or_else(|| {
                    self.cloud.network.chance(self.cloud.network.weather.killed).then(|| self.dice.within(0..24))
                });
                let (cloud, reads, name) = (self.cloud.clone(), reads.clone(), self.name);
                tokio::spawn(async move { take(name, &cloud, &reads, letter, kill).await });
            }
        }
    }
}

async fn take(name: &str, cloud: &Cloud, reads: &Reads, letter: Letter, kill: Option<u64>) {
    let mut message = SqsMessage::default();
    message.message_id = Some(letter.id.to_string());
    message.body = Some(letter.body.clone());
    let mut event = SqsEvent::default();
    event.records = vec![message];
    match Killed::at(reads.take(event), kill).await {
        Some(answer) if answer.batch_item_failures.is_empty() => reads.queue(cloud).delete(letter.id),
        Some(_) => cloud.network.story.tell(name, "a message fails"),
        None => cloud.network.story.tell(name, "is killed"),
    }
}
