//! projector: fed by the log's stream, it keeps the histories and delivers every notice that has no receipt yet.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use aws_lambda_events::dynamodb::Event;
use aws_lambda_events::streams::DynamoDbEventResponse;
use futures::channel::oneshot;
use futures::future::{BoxFuture, join_all};
use ilock_call::Placed;
use ilock_directory::{Directory, DirectoryError, leased_until};
use ilock_events::{CallId, Commit, CommitNo, Millis};
use ilock_log::{EventLog, History, LogError};
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout, timeout_at};
use tracing::{Instrument, Span};

use crate::metrics;
use crate::service::delivery::{DeliveryError, Notifier, SLOW_BUDGET};
use crate::service::room_dismisser::RoomDismisser;
use crate::settings::BadSetting;
use crate::triggers::changed_commit::ChangedCommit;
use crate::triggers::retry_queue::{RetryQueue, leave_to_queue};
use crate::triggers::stream_batch::StreamBatch;
use crate::wiring::Wiring;

/// How many commits are told by MQTT at once, and how many calls are noted at once.
pub const AT_ONCE: usize = 16;

/// How long those who are called may have to wait until their call stands in the histories.
const NOTE_HEAD_START: Duration = Duration::from_millis(500);

/// How long one note may take, and so how much later a batch may end because of the histories: deliveries do not wait for
/// that, but the next batch of the shard does.
const NOTE_BUDGET: Duration = Duration::from_secs(2);

/// Keeps the histories and delivers what has no receipt.
#[derive(Clone)]
pub struct Projector {
    pub log: EventLog,
    pub directory: Directory,
    pub notifier: Notifier,
    /// The rooms of calls that are over.
    pub rooms: RoomDismisser,
}

/// Why a commit could not be projected. It is shown again, or waits in the retry queue.
#[derive(Debug, thiserror::Error)]
pub enum Unprojected {
    /// The log: unreachable, or broken.
    #[error(transparent)]
    Log(#[from] LogError),
    #[error(transparent)]
    Directory(#[from] DirectoryError),
    #[error("the histories did not answer in time")]
    NotNoted,
    #[error(transparent)]
    Delivery(#[from] DeliveryError),
    /// An earlier commit of the same call failed; order is kept per call.
    #[error("waits for an earlier commit of the call")]
    Waits,
    /// Everybody was told by MQTT. A push, a row of the histories or a receipt is left, for which no other call need wait.
    #[error("told by MQTT, but not done: {0}")]
    Rest(#[source] Box<Unprojected>),
}

impl Unprojected {
    /// Whether everybody was told by MQTT.
    #[must_use]
    pub fn is_rest(&self) -> bool {
        matches!(self, Self::Rest(_))
    }

    fn rest(self) -> Self {
        match self {
            Self::Rest(_) => self,
            why => Self::Rest(Box::new(why)),
        }
    }
}

impl Projector {
    /// With the parts that `wiring` has.
    ///
    /// # Errors
    /// [`BadSetting`].
    pub fn new(wiring: &Wiring) -> Result<Self, BadSetting> {
        Ok(Self {
            log: wiring.log()?,
            directory: wiring.directory()?.keeping_histories(wiring.settings.personal_days()?),
            notifier: wiring.notifier()?,
            rooms: RoomDismisser::new(wiring.room_api()?),
        })
    }

    /// The same, for commits that no other call waits behind: a slow push service is given more time.
    #[must_use]
    pub fn unhurried(&self) -> Self {
        let mut unhurried = self.clone();
        unhurried.notifier.push_budget = SLOW_BUDGET;
        unhurried
    }

    /// Projects commits, calls beside each other, each call's in order: a commit's messages by MQTT go out after those of the
    /// commits before it. No message by MQTT waits for a push, of its own call or of another one. Answers which commits could
    /// not be projected, and why.
    pub async fn project(&self, commits: Vec<Commit>) -> Vec<(Commit, Unprojected)> {
        let mut by_call: BTreeMap<CallId, Vec<Commit>> = BTreeMap::new();
        for commit in commits {
            by_call.entry(commit.call_id.clone()).or_default().push(commit);
        }
        let batch = Batch::begin();
        let mut projecting: Vec<BoxFuture<'_, Option<(Commit, Unprojected)>>> = vec![];
        for mut commits in by_call.into_values() {
            commits.sort_by_key(|commit| commit.n);
            let mut before = None;
            for commit in commits {
                let (published, next) = oneshot::channel();
                let turn = Turn { before: before.replace(next), published };
                projecting.push(Box::pin(self.project_in_turn(commit, turn, &batch)));
            }
        }
        let failed = join_all(projecting).await.into_iter().flatten().collect();
        // Behind everybody who was to be told.
        self.rooms.run(self.notifier.clock.now()).await;
        failed
    }

    async fn project_in_turn(&self, commit: Commit, turn: Turn, batch: &Batch) -> Option<(Commit, Unprojected)> {
        let Turn { before, published } = turn;
        if let Some(before) = before
            && before.await.is_err()
        {
            return Some((commit, Unprojected::Waits));
        }
        let why = self.project_one(&commit, published, batch).instrument(in_call(&commit)).await.err()?;
        tracing::warn!(call_id = %commit.call_id, n = %commit.n, error = %why, "not projected yet");
        Some((commit, why))
    }

    async fn project_one(&self, commit: &Commit, published: Published, batch: &Batch) -> Result<(), Unprojected> {
        if commit.n != CommitNo::FIRST {
            return Box::pin(self.tell(commit, published, batch)).await;
        }
        let (says, noted) = oneshot::channel();
        let noting = async {
            let outcome = Box::pin(self.note_placing(commit, batch)).await;
            // Who waited for it may have gone on without it.
            says.send(()).ok();
            outcome
        };
        let delivering = async {
            // A phone that a push woke asks for the histories first, and is to find the call.
            timeout_at(batch.noted_by, noted).await.ok();
            Box::pin(self.tell(commit, published, batch)).await
        };
        let (noted, told) = futures::join!(noting, delivering);
        // Tried again for the note alone: what was told has its receipt.
        told.and(noted.map_err(Unprojected::rest))
    }

    /// Tells whom `commit` concerns, and notes beside it that the call is over.
    async fn tell(&self, commit: &Commit, published: Published, batch: &Batch) -> Result<(), Unprojected> {
        tokio::time::sleep(self.notifier.head_start(commit.at)).await;
        let permit = batch.publishing.acquire().await;
        // The whole call, not the stream's picture of one commit: what is delivered is what is stored, chain and all.
        let history = self.log.load(&commit.call_id).await?;
        let Some(stored) = history.commits.iter().find(|stored| stored.n == commit.n) else {
            return Err(DeliveryError::Commit(format!("commit {} is not in the log", commit.n)).into());
        };
        let everybody = AtomicBool::new(false);
        let by_mqtt = |all: bool| {
            drop(permit);
            everybody.store(all, Ordering::Relaxed);
            if all {
                // There may be no later commit of the call.
                published.send(()).ok();
            }
        };
        let delivering = Box::pin(self.notifier.deliver_pending_then(&history, stored, by_mqtt));
        let noting = Box::pin(self.note_end(&history, stored, batch));
        let (told, noted) = futures::join!(delivering, noting);
        let all_told = everybody.load(Ordering::Relaxed);
        told.map_err(Unprojected::from).and(noted).map_err(|why| if all_told { why.rest() } else { why })?;
        if stored.state.is_final()
            && let Some(placed) = &history.call.placed
        {
            self.rooms.enqueue(placed.terms.room_id, leased_until(placed.at));
        }
        Ok(())
    }

    async fn note_placing(&self, commit: &Commit, batch: &Batch) -> Result<(), Unprojected> {
        let mut shown = History::unplaced(commit.call_id.clone());
        // One that does not add up is refused where the log is read.
        let adds_up = shown.push(commit.clone()).is_ok();
        match &shown.call.placed {
            Some(placed) if adds_up => self.note(&commit.call_id, placed, commit.n, commit.at, batch).await,
            _ => Ok(()),
        }
    }

    /// Notes that the call is over, where `commit` ended it.
    async fn note_end(&self, history: &History, commit: &Commit, batch: &Batch) -> Result<(), Unprojected> {
        match &history.call.placed {
            Some(placed) if commit.state.is_final() && commit.n != CommitNo::FIRST => {
                let (n, at) = history.commits.last().map_or((commit.n, commit.at), |last| (last.n, last.at));
                self.note(&commit.call_id, placed, n, at, batch).await
            }
            _ => Ok(()),
        }
    }

    /// Notes where the call stands after commit `n` of `at`, in a short time or not at all.
    async fn note(
        &self,
        call_id: &CallId,
        placed: &Placed,
        n: CommitNo,
        at: Millis,
        batch: &Batch,
    ) -> Result<(), Unprojected> {
        let _permit = batch.noting.acquire().await;
        if batch.histories_hang.load(Ordering::Relaxed) {
            return Err(Unprojected::NotNoted);
        }
        let Ok(noted) = timeout(NOTE_BUDGET, Box::pin(self.directory.note(call_id, placed, n, at))).await else {
            batch.histories_hang.store(true, Ordering::Relaxed);
            return Err(Unprojected::NotNoted);
        };
        noted.map_err(Unprojected::from)
    }

    /// The stream's batch. What fails is left to `queue`, or shown again by its sequence number.
    pub async fn on_stream(&self, queue: &dyn RetryQueue, event: Event) -> DynamoDbEventResponse {
        let mut batch = StreamBatch::read(event);
        let unjudged = self.judge_changed(std::mem::take(&mut batch.changed)).await;
        let failed = self.project(std::mem::take(&mut batch.commits)).await;
        let (rest, mut again): (Vec<_>, Vec<_>) = failed.into_iter().partition(|(_, why)| why.is_rest());
        // From the first record on that fails, the stream shows all again.
        let end = batch.shown_again_from(&again, &unjudged);
        let (waits, with_it): (Vec<_>, Vec<_>) = rest.into_iter().partition(|(commit, _)| batch.is_before(end, commit));
        again.extend(with_it);
        again.extend(leave_to_queue(queue, waits).await);
        batch.answer(again, unjudged)
    }

    /// Raises the alarm for each commit that was changed or removed, unless its call is archived. Answers those of which that
    /// cannot be said just now: they are to be shown again.
    pub async fn judge_changed(&self, changed: Vec<ChangedCommit>) -> Vec<ChangedCommit> {
        let (now, mut unjudged) = (self.notifier.clock.now(), vec![]);
        for changed in changed {
            match changed.is_archived(&self.log, now).await {
                Ok(true) => {
                    tracing::info!(key = changed.key, "a commit of an archived call was removed");
                    ::metrics::counter!(metrics::ARCHIVED).increment(1);
                }
                Ok(false) => {
                    changed.raise();
                    ::metrics::counter!(metrics::TAMPERED).increment(1);
                }
                Err(error) => {
                    tracing::warn!(key = changed.key, %error, "a commit was removed, and whether its call is archived cannot be read");
                    unjudged.push(changed);
                }
            }
        }
        unjudged
    }
}

/// What the calls of one batch share.
struct Batch {
    /// One permit for each commit that may be told by MQTT just now. Pushes have a limit of their own.
    publishing: Semaphore,
    /// One permit for each call that may be noted just now.
    noting: Semaphore,
    /// Until when a call that was just placed is not told, unless it is noted.
    noted_by: Instant,
    /// Whether a note took too long: those that have not begun are left for the next time, as the next batch of the shard waits.
    histories_hang: AtomicBool,
}

impl Batch {
    fn begin() -> Self {
        Self {
            publishing: Semaphore::new(AT_ONCE),
            noting: Semaphore::new(AT_ONCE),
            noted_by: Instant::now() + NOTE_HEAD_START,
            histories_hang: AtomicBool::new(false),
        }
    }
}

/// Says that nothing of a commit is left for MQTT; dropped where something is.
type Published = oneshot::Sender<()>;

/// A commit's place among those of its call in a batch.
struct Turn {
    /// The commit before it.
    before: Option<oneshot::Receiver<()>>,
    /// What the commit after it waits for.
    published: Published,
}

/// The span of one commit's projection.
fn in_call(commit: &Commit) -> Span {
    tracing::info_span!("projecting", call_id = %commit.call_id, n = commit.n.0)
}
