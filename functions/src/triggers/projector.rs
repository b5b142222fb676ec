//! projector: fed by the log's stream, it keeps the histories and delivers every notice that has no receipt yet.

use std::collections::BTreeMap;

use aws_lambda_events::dynamodb::Event;
use aws_lambda_events::streams::DynamoDbEventResponse;
use futures::StreamExt;
use futures::channel::oneshot;
use futures::stream;
use ilock_directory::{Directory, DirectoryError, leased_until};
use ilock_events::{CallId, Commit, CommitNo};
use ilock_log::{EventLog, History, LogError};
use tracing::{Instrument, Span};

use crate::metrics;
use crate::service::delivery::{DeliveryError, Notifier};
use crate::service::room_dismisser::RoomDismisser;
use crate::settings::BadSetting;
use crate::triggers::changed_commit::ChangedCommit;
use crate::triggers::stream_batch::StreamBatch;
use crate::wiring::Wiring;

/// How many calls are projected at once.
pub const AT_ONCE: usize = 16;

/// Keeps the histories and delivers what has no receipt.
#[derive(Clone)]
pub struct Projector {
    pub log: EventLog,
    /// Histories.
    pub directory: Directory,
    /// Delivers notices.
    pub notifier: Notifier,
    /// The rooms of calls that are over.
    pub rooms: RoomDismisser,
}

/// Why a commit could not be projected. It will be shown again.
#[derive(Debug, thiserror::Error)]
pub enum Unprojected {
    /// The log: unreachable, or broken.
    #[error(transparent)]
    Log(#[from] LogError),
    #[error(transparent)]
    Directory(#[from] DirectoryError),
    /// A carrier.
    #[error(transparent)]
    Delivery(#[from] DeliveryError),
    /// An earlier commit of the same call failed; order is kept per call.
    #[error("waits for an earlier commit of the call")]
    Waits,
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

    /// Projects commits, each call's in order, calls beside each other. Answers which could not be, and why.
    pub async fn project(&self, commits: Vec<Commit>) -> Vec<(Commit, Unprojected)> {
        let mut by_call: BTreeMap<CallId, Vec<Commit>> = BTreeMap::new();
        for commit in commits {
            by_call.entry(commit.call_id.clone()).or_default().push(commit);
        }
        let (placings, calls): (Vec<_>, Vec<_>) = by_call.into_values().map(CallCommits::of).unzip();
        let noting = stream::iter(placings.into_iter().flatten())
            .map(|placing| self.note(placing))
            .buffer_unordered(AT_ONCE)
            .for_each(|()| async {});
        let telling = stream::iter(calls)
            .map(|call| self.project_call(call))
            .buffer_unordered(AT_ONCE)
            .flat_map(stream::iter)
            .collect();
        let ((), failed) = futures::join!(noting, telling);
        // Behind everybody who was to be told.
        self.rooms.run(self.notifier.clock.now()).await;
        failed
    }

    async fn project_call(&self, CallCommits { commits, mut noted }: CallCommits) -> Vec<(Commit, Unprojected)> {
        let mut failed: Vec<(Commit, Unprojected)> = vec![];
        for commit in commits {
            if !failed.is_empty() {
                failed.push((commit, Unprojected::Waits));
                continue;
            }
            let projected = async {
                if let Some(noted) = noted.take() {
                    noted.await.unwrap_or(Err(Unprojected::Waits))?;
                }
                self.project_one(&commit).await
            };
            if let Err(why) = projected.instrument(in_call(&commit)).await {
                tracing::warn!(call_id = %commit.call_id, n = %commit.n, error = %why, "not projected yet");
                failed.push((commit, why));
            }
        }
        failed
    }

    async fn project_one(&self, commit: &Commit) -> Result<(), Unprojected> {
        tokio::time::sleep(self.notifier.head_start(commit.at)).await;
        // The whole call, not the stream's picture of one commit: what is delivered is what is stored, chain and all.
        let history = self.log.load(&commit.call_id).await?;
        if let Some(placed) = &history.call.placed
            && commit.state.is_final()
            && commit.n != CommitNo::FIRST
        {
            let (n, at) = history.commits.last().map_or((commit.n, commit.at), |last| (last.n, last.at));
            self.directory.note(&commit.call_id, placed, n, at).await?;
        }
        let Some(stored) = history.commits.iter().find(|stored| stored.n == commit.n) else {
            return Err(DeliveryError::Commit(format!("commit {} is not in the log", commit.n)).into());
        };
        self.notifier.deliver_pending(&history, stored).await?;
        if stored.state.is_final()
            && let Some(placed) = &history.call.placed
        {
            self.rooms.enqueue(placed.terms.room_id, leased_until(placed.at));
        }
        Ok(())
    }

    async fn note(&self, Placing { commit, noted }: Placing) {
        let outcome = self.note_placing(&commit).instrument(in_call(&commit)).await;
        // Who waits for it is gone only where the whole batch is.
        noted.send(outcome).ok();
    }

    async fn note_placing(&self, commit: &Commit) -> Result<(), Unprojected> {
        let mut shown = History::unplaced(commit.call_id.clone());
        // One that does not add up is refused below, where the log is read.
        if shown.push(commit.clone()).is_ok()
            && let Some(placed) = &shown.call.placed
        {
            self.directory.note(&commit.call_id, placed, commit.n, commit.at).await?;
        }
        Ok(())
    }

    /// The stream's batch. What fails is shown again by its sequence number.
    pub async fn on_stream(&self, event: Event) -> DynamoDbEventResponse {
        let mut batch = StreamBatch::read(event);
        let unjudged = self.judge_changed(std::mem::take(&mut batch.changed)).await;
        let failed = self.project(std::mem::take(&mut batch.commits)).await;
        batch.answer(failed, unjudged)
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

/// The commits of one call in a batch, in their order.
struct CallCommits {
    commits: Vec<Commit>,
    /// Says that the call stands in the histories, where it was just placed: nobody is told before. A phone that a push woke
    /// asks for them first, and is to find the call.
    noted: Option<oneshot::Receiver<Result<(), Unprojected>>>,
}

/// A call that was just placed. It is noted beside the telling of others, which may take seconds.
struct Placing {
    commit: Commit,
    noted: oneshot::Sender<Result<(), Unprojected>>,
}

impl CallCommits {
    fn of(mut commits: Vec<Commit>) -> (Option<Placing>, Self) {
        commits.sort_by_key(|commit| commit.n);
        let Some(first) = commits.first().filter(|commit| commit.n == CommitNo::FIRST).cloned() else {
            return (None, Self { commits, noted: None });
        };
        let (says, noted) = oneshot::channel();
        (Some(Placing { commit: first, noted: says }), Self { commits, noted: Some(noted) })
    }
}

/// The span of one commit's projection.
fn in_call(commit: &Commit) -> Span {
    tracing::info_span!("projecting", call_id = %commit.call_id, n = commit.n.0)
}
