//! The stream's local twin of Lambda's poller: four times a second it shows the projector and the ledger what was
//! written, shows each again what failed, and remembers how far it came.

use std::collections::VecDeque;
use std::time::Duration;

use aws_lambda_events::dynamodb::EventRecord;
use dynoxide::Database;
use dynoxide::actions::get_records::{GetRecordsRequest, Record};
use dynoxide::actions::get_shard_iterator::GetShardIteratorRequest;
use dynoxide::streams::{shard_id, stream_arn};
use ilock_env::Clock;
use ilock_events::{Commit, Millis};
use ilock_functions::service::delivery::DeliveryError;
use ilock_functions::triggers::changed_commit::ChangedCommit;
use ilock_functions::triggers::ledger::{LedgerKeeper, entry_in};
use ilock_functions::triggers::projector::Projector;
use ilock_functions::triggers::stream_batch::commit_in;
use ilock_proof::Entry;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::dynamodb::StreamPosition;
use crate::error::NotStarted;

/// As often as Lambda polls a shard.
pub const POLL: Duration = Duration::from_millis(250);

/// The broker of this process writes its queues to disk four times a second. What it took in its last moments may have
/// died with the process, so a start looks this far back and hands it over again.
const REPLAY_WINDOW: Duration = Duration::from_secs(1);

/// A commit that could not be projected for so long is given up, and said to be.
const GIVE_UP_MS: i64 = 15 * 60 * 1000;

/// Reads the stream of one table, from where an earlier process stopped.
pub struct Poller {
    database: Database,
    table: String,
    projector: Projector,
    ledger: LedgerKeeper,
    clock: Clock,
    poll: Duration,
    position: StreamPosition,
    /// The position as it was last kept.
    kept: Option<String>,
    iterator: Option<String>,
    /// The last record that was read.
    read_to: Option<String>,
    /// How far it had been read, and when: what is older than [`REPLAY_WINDOW`] is kept.
    positions: VecDeque<(Instant, Option<String>)>,
    /// Whether what is read next was written by an earlier process.
    first_round: bool,
    /// What the projector failed at and is shown again, with the last record that was read before it.
    unprojected: Vec<PendingRetry>,
    /// Commits that were removed, of which nobody could say whether they were archived, and the last record that was read before
    /// them.
    unjudged: Option<Unjudged>,
    /// What could not be entered into the ledger yet, and the last record that was read before it.
    not_entered: Option<NotEntered>,
}

/// Which stream is polled, and how.
pub struct StreamSource {
    /// The embedded DynamoDB.
    pub database: Database,
    /// The log's table.
    pub table: String,
    /// How often it is polled.
    pub poll: Duration,
    /// Whether an earlier process may have written to it.
    pub resumes: bool,
}

struct NotEntered {
    entries: Vec<Entry>,
    before: Option<String>,
}

struct Unjudged {
    changed: Vec<ChangedCommit>,
    before: Option<String>,
}

struct PendingRetry {
    commit: Commit,
    before: Option<String>,
}

impl PendingRetry {
    /// What is to be shown again of `failed`, unless it is given up; `before` was the last record before this round.
    fn of<E: std::fmt::Display>(
        failed: Vec<(Commit, E)>,
        earlier: &[Self],
        before: Option<&String>,
        now: Millis,
    ) -> Vec<Self> {
        let again = failed.into_iter().filter_map(|(commit, why)| {
            if given_up(&commit, now) {
                tracing::error!(call_id = %commit.call_id, n = %commit.n, error = %why, "dead letter: given up");
                return None;
            }
            let same = |again: &&Self| again.commit.call_id == commit.call_id && again.commit.n == commit.n;
            let before = earlier.iter().find(same).map_or_else(|| before.cloned(), |again| again.before.clone());
            Some(Self { commit, before })
        });
        again.collect()
    }
}

impl Poller {
    /// It goes on where an earlier process stopped.
    ///
    /// # Errors
    /// [`NotStarted::Database`].
    pub fn new(
        source: StreamSource,
        projector: Projector,
        ledger: LedgerKeeper,
        clock: Clock,
    ) -> Result<Self, NotStarted> {
        let StreamSource { database, table, poll, resumes } = source;
        let position = StreamPosition::new(database.clone(), table.clone());
        let read_to = position.read().map_err(NotStarted::Database)?;
        Ok(Self {
            database,
            table,
            projector,
            ledger,
            clock,
            poll,
            position,
            kept: read_to.clone(),
            iterator: None,
            read_to,
            positions: VecDeque::new(),
            first_round: resumes,
            unprojected: vec![],
            unjudged: None,
            not_entered: None,
        })
    }

    /// Polls until `stop`.
    pub async fn run(mut self, stop: CancellationToken) {
        let mut tick = tokio::time::interval(self.poll);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                // Stopped in good order, the broker keeps everything.
                () = stop.cancelled() => return self.keep_position(Duration::ZERO).await,
                _ = tick.tick() => {}
            }
            // A batch is not torn by the stop: what it delivers, it also keeps the receipt of.
            if let Err(error) = self.round().await {
                tracing::error!(error, "the stream could not be read");
                self.iterator = None;
            }
        }
    }

    async fn round(&mut self) -> Result<(), String> {
        let before = self.read_to.clone();
        let records = self.read().await?;
        let mut due: Vec<Commit> = self.unprojected.iter().map(|again| again.commit.clone()).collect();
        let late = self.not_entered.take();
        let (mut to_enter, entered_before) =
            late.map_or_else(|| (vec![], before.clone()), |late| (late.entries, late.before));
        let unjudged = self.unjudged.take();
        let (mut changed, changed_before) =
            unjudged.map_or_else(|| (vec![], before.clone()), |late| (late.changed, late.before));
        for record in records {
            self.read_to = Some(record.dynamodb.sequence_number.clone());
            let read = serde_json::to_value(&record).and_then(serde_json::from_value::<EventRecord>);
            let record = match read {
                Ok(record) => record,
                Err(error) => {
                    tracing::error!(%error, "dead letter: a stream record cannot be read");
                    continue;
                }
            };
            changed.extend(ChangedCommit::of(&record));
            to_enter.extend(entry_in(record.clone()));
            match commit_in(record) {
                Ok(Some(commit)) => due.push(commit),
                Ok(None) => {}
                Err(error) => tracing::error!(%error, "dead letter: a stream record cannot be read"),
            }
        }
        if std::mem::take(&mut self.first_round) {
            self.redeliver_all(&due).await;
        }
        // As on AWS.
        let changed = self.projector.judge_changed(changed).await;
        self.unjudged = (!changed.is_empty()).then_some(Unjudged { changed, before: changed_before });
        let (failed, entered) = tokio::join!(self.projector.project(due), self.ledger.enter(&to_enter));
        if let Err(error) = entered {
            tracing::warn!(%error, entries = to_enter.len(), "not entered into the ledger yet; trying again");
            self.not_entered = Some(NotEntered { entries: to_enter, before: entered_before });
        }
        self.unprojected = PendingRetry::of(failed, &self.unprojected, before.as_ref(), self.clock.now());
        self.keep_position(REPLAY_WINDOW).await;
        Ok(())
    }

    /// What an earlier process had handed over in its last moments.
    async fn redeliver_all(&self, commits: &[Commit]) {
        for commit in commits {
            let again = async {
                let history = self.projector.log.load(&commit.call_id).await?;
                if history.receipts.iter().any(|receipt| receipt.n == commit.n) {
                    self.projector.notifier.redeliver(&history, commit).await?;
                }
                Ok::<_, DeliveryError>(())
            };
            if let Err(error) = again.await {
                tracing::warn!(call_id = %commit.call_id, n = %commit.n, %error, "a commit's notices were not redelivered");
            }
        }
    }

    async fn read(&mut self) -> Result<Vec<Record>, String> {
        let (database, table) = (self.database.clone(), self.table.clone());
        let (iterator, after) = (self.iterator.take(), self.read_to.clone());
        let read = tokio::task::spawn_blocking(move || read(&database, &table, iterator, after));
        let (records, next) = read.await.map_err(|error| error.to_string())??;
        self.iterator = next;
        Ok(records)
    }

    async fn keep_position(&mut self, window: Duration) {
        // Sequence numbers sort as text, and "from the beginning" before all of them.
        let unprojected = self.unprojected.iter().map(|again| &again.before);
        let late = self.not_entered.iter().map(|again| &again.before);
        let again = unprojected.chain(late).chain(self.unjudged.iter().map(|again| &again.before));
        let position = again.min().unwrap_or(&self.read_to);
        let now = Instant::now();
        self.positions.push_back((now, position.clone()));
        while self.positions.get(1).is_some_and(|(at, _)| now.duration_since(*at) >= window) {
            self.positions.pop_front();
        }
        let old_enough = self.positions.front().filter(|(at, _)| now.duration_since(*at) >= window);
        let Some((_, Some(read_to))) = old_enough else { return };
        if self.kept.as_ref() == Some(read_to) {
            return;
        }
        let (position, read_to) = (self.position.clone(), read_to.clone());
        let kept = tokio::task::spawn_blocking(move || position.keep(read_to.clone()).map(|()| read_to)).await;
        match kept.map_err(|error| error.to_string()).flatten() {
            Ok(read_to) => self.kept = Some(read_to),
            Err(error) => tracing::error!(error, "the stream's position could not be kept"),
        }
    }
}

fn given_up(commit: &Commit, now: Millis) -> bool {
    now.since(commit.at) > GIVE_UP_MS
}

type Page = (Vec<Record>, Option<String>);

fn read(database: &Database, table: &str, iterator: Option<String>, after: Option<String>) -> Result<Page, String> {
    let said = |error: dynoxide::DynoxideError| error.to_string();
    let iterator = match iterator {
        Some(iterator) => iterator,
        None => first_iterator(database, table, after).map_err(said)?,
    };
    let page = database.get_records(GetRecordsRequest { shard_iterator: iterator, limit: None }).map_err(said)?;
    Ok((page.records, page.next_shard_iterator))
}

fn first_iterator(database: &Database, table: &str, after: Option<String>) -> dynoxide::Result<String> {
    let kind = if after.is_some() { "AFTER_SEQUENCE_NUMBER" } else { "TRIM_HORIZON" };
    let found = database.get_shard_iterator(GetShardIteratorRequest {
        // A stream is found by its table's name; a table of this database has one stream, of one shard.
        stream_arn: stream_arn(table, ""),
        shard_id: shard_id(table),
        shard_iterator_type: kind.into(),
        sequence_number: after,
    })?;
    Ok(found.shard_iterator.unwrap_or_default())
}
