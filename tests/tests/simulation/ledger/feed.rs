//! What feeds the ledger function: shards of the log's stream, each at its own pace, and the queue of what was given up.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_lambda_events::dynamodb::{Event, EventRecord};
use dynoxide::actions::get_records::Record;
use ilock_functions::triggers::ledger::LedgerKeeper;
use tokio::time::sleep;

use super::EVENTS;
use crate::cloud::{Cloud, Position};
use crate::dice::Dice;
use crate::killed::Killed;

/// Lambda collects for so long.
const WINDOW: Duration = Duration::from_secs(5);
/// A batch that failed so often is given up.
const MOST_TRIES: u32 = 2;
const LARGEST: u64 = 40;

/// The stream, between the log and the function.
pub struct Feed {
    pub cloud: Arc<Cloud>,
    pub keeper: LedgerKeeper,
    pub shards: Vec<Shard>,
    /// Batches that were given up.
    pub dead: Mutex<Vec<Vec<EventRecord>>>,
    /// Records that were shown to nobody yet, or not for the last time.
    pub waiting: AtomicUsize,
}

/// One shard: its records come later by `behind`, and are read every `pause`.
pub struct Shard {
    pub behind: Duration,
    pub dice: Dice,
    records: Mutex<VecDeque<EventRecord>>,
}

impl Shard {
    pub fn new(behind: Duration, dice: Dice) -> Self {
        Self { behind, dice, records: Mutex::default() }
    }
}

impl Feed {
    /// Hands what the log's stream shows to its shards, by partition key, until nothing new is there.
    pub fn split(&self, position: &mut Position) {
        for record in self.cloud.tables.read_stream(EVENTS, position) {
            let record = read(&record);
            let keys = serde_json::to_value(&record.change.keys).unwrap();
            let pk = keys["pk"]["S"].as_str().unwrap();
            let shard = pk.bytes().map(usize::from).sum::<usize>() % self.shards.len();
            self.waiting.fetch_add(1, Ordering::SeqCst);
            self.shards[shard].records.lock().unwrap().push_back(record);
        }
    }

    /// Shows a shard to the function, for ever: in order, each time in another cut.
    pub async fn show(self: Arc<Self>, shard: usize) {
        let shard = &self.shards[shard];
        let mut tries = 0;
        loop {
            sleep(WINDOW + if self.cloud.network.chance(1000) { shard.behind } else { Duration::ZERO }).await;
            let all: Vec<EventRecord> = shard.records.lock().unwrap().iter().cloned().collect();
            if all.is_empty() {
                continue;
            }
            let most = LARGEST.min(u64::try_from(all.len()).unwrap());
            let size = usize::try_from(shard.dice.within(1..most + 1)).unwrap();
            let batch = all[..size].to_vec();
            let kill = self.kill(&shard.dice);
            if !self.deliver(batch.clone(), kill).await {
                tries += 1;
                if tries < MOST_TRIES {
                    continue;
                }
                self.cloud.network.story.tell("stream", format_args!("{size} records are given up"));
                self.dead.lock().unwrap().push(batch);
                shard.records.lock().unwrap().drain(..size);
            } else if self.cloud.network.chance(self.cloud.network.weather.batches_again) {
                self.cloud.network.story.tell("stream", "a batch that succeeded is shown again");
                continue;
            } else {
                self.waiting.fetch_sub(size, Ordering::SeqCst);
                shard.records.lock().unwrap().drain(..size);
            }
            tries = 0;
        }
    }

    fn kill(&self, dice: &Dice) -> Option<u64> {
        self.cloud.network.chance(self.cloud.network.weather.killed).then(|| dice.within(0..8))
    }

    async fn deliver(&self, records: Vec<EventRecord>, kill: Option<u64>) -> bool {
        let mut event = Event::default();
        event.records = records;
        let answer = Killed::at(self.keeper.on_stream(event), kill).await;
        answer.is_some_and(|answer| answer.batch_item_failures.is_empty())
    }

    /// Shows what was given up, the last first, until all of it is entered.
    pub async fn redrive(&self) {
        loop {
            let Some(letter) = self.dead.lock().unwrap().pop() else { return };
            if self.deliver(letter.clone(), None).await {
                self.waiting.fetch_sub(letter.len(), Ordering::SeqCst);
            } else {
                self.dead.lock().unwrap().push(letter);
                sleep(WINDOW).await;
            }
        }
    }
}

fn read(record: &Record) -> EventRecord {
    serde_json::from_value(serde_json::to_value(record).unwrap()).unwrap()
}
