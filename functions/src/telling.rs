//! Telling: a commit's notices, handed to the carriers, with a receipt for what was handed over.

use std::sync::Arc;
use std::time::Duration;

use ilock_events::{CallState, Commit, CommitNo, Millis, Receipt};
use ilock_log::{EventLog, History, LogError};
use ilock_notify::{Delivery, Mqtt, Round, Tickets, Via, notices, settled};

use crate::metrics;
use crate::phones::WakingPhones;
use ilock_env::Clock;

/// The fast path gives up after this: the projector takes over, and the one who asked gets an answer.
pub const FAST_BUDGET: Duration = Duration::from_millis(200);

/// So long the projector leaves a young commit to the fast path: its budget, and the time to keep its receipt.
pub const FAST_HEAD_START: Duration = Duration::from_millis(300);

/// The projector's own patience with one round.
const SLOW_BUDGET: Duration = Duration::from_secs(5);

/// Who tells.
#[derive(Clone)]
pub struct Telling {
    /// Where receipts are kept.
    pub log: EventLog,
    /// Who carries.
    pub mqtt: Arc<dyn Mqtt>,
    /// Who wakes sleeping phones, where the operator uses pushes.
    pub push: Option<WakingPhones>,
    /// Who makes tickets.
    pub tickets: Arc<dyn Tickets>,
    /// The time.
    pub clock: Clock,
    /// Whether functions deliver what they committed at once.
    pub fast_path: bool,
}

/// Why a commit's notices could not all be settled.
#[derive(Debug, thiserror::Error)]
pub enum Untold {
    /// The log.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The carrier: so many notices are still open.
    #[error("{open} notices are still open: {why}")]
    Open {
        /// How many.
        open: usize,
        /// What the carrier said of the first.
        why: String,
    },
    /// The commit was written by a newer version, or is not there.
    #[error("{0}")]
    Commit(String),
}

impl Telling {
    /// The fast path: hands over what `commit` has to tell within [`FAST_BUDGET`], and keeps the receipt within
    /// [`FAST_HEAD_START`]. What fails here is only counted;
    /// the projector finds that it has no receipt.
    pub async fn at_once(&self, history: &History, commit: &Commit) {
        if !self.fast_path {
            return;
        }
        let why = match tokio::time::timeout(FAST_HEAD_START, self.tell(history, commit, true)).await {
            Ok(Ok(())) => return,
            Ok(Err(error)) => error.to_string(),
            Err(_) => "its receipt was not kept in time".to_owned(),
        };
        tracing::warn!(call_id = %commit.call_id, n = %commit.n, why, "fast path left it to the projector");
    }

    /// The projector's round: whatever of `commit` has no receipt yet.
    ///
    /// # Errors
    /// [`Untold`] when something is still open; what was handed over has its receipt all the same.
    pub async fn the_rest(&self, history: &History, commit: &Commit) -> Result<(), Untold> {
        self.tell(history, commit, false).await
    }

    /// For a carrier that may have lost what it had taken: hands over once more, under the same message ids, what
    /// `commit` had to tell and is still worth telling.
    ///
    /// # Errors
    /// [`Untold`].
    pub async fn again(&self, history: &History, commit: &Commit) -> Result<(), Untold> {
        let mut forgetful = history.clone();
        for receipt in &mut forgetful.receipts {
            // A push was taken by others.
            receipt.notices.retain(|_, handed| handed.error.is_some() || handed.carrier != "mqtt");
        }
        self.tell(&forgetful, commit, false).await
    }

    async fn tell(&self, history: &History, commit: &Commit, fast: bool) -> Result<(), Untold> {
        let Some(placed) = &history.call.placed else {
            return Err(Untold::Commit("the call was never placed".into()));
        };
        // A missed call has no words of its own: its name is the one that it was placed with.
        let text = history.text_of(commit.n).or_else(|| history.text_of(CommitNo::FIRST));
        let mut notices = notices(commit, placed, text).map_err(|unknown| Untold::Commit(unknown.to_string()))?;
        if self.push.is_none() {
            notices.retain(|notice| !matches!(notice.via, Via::Push(_)));
        }
        let earlier: Vec<&Receipt> = history.receipts.iter().filter(|receipt| receipt.n == commit.n).collect();
        let done = settled(earlier.iter().copied());
        if notices.iter().all(|notice| done.notices.contains(&notice.index)) {
            return Ok(());
        }
        let delivery = Delivery {
            mqtt: &*self.mqtt,
            tickets: &*self.tickets,
            push: self.push.as_ref().map(WakingPhones::waking),
            clock: &self.clock,
            since: commit.at,
            ringing: placed.state == CallState::Ringing,
            budget: if fast { FAST_BUDGET } else { SLOW_BUDGET },
        };
        let round = delivery.deliver(&notices, &done).await;
        metrics::told(commit.n, &notices, &round, fast);
        let Round { settled, failed, phones, retired } = round;
        if let Some(push) = &self.push {
            push.retire(placed, retired, self.clock.now()).await;
        }
        if !settled.is_empty() || !phones.is_empty() {
            let path = if fast { "fast" } else { "projector" };
            let receipt = Receipt { n: commit.n, path: path.into(), at: self.clock.now(), notices: settled, phones };
            // Round 0 is the fast path's, so that it need not look first.
            let round = if fast { 0 } else { u32::try_from(earlier.len()).unwrap_or(u32::MAX).max(1) };
            self.log.keep_receipt(&commit.call_id, &receipt, round).await?;
        }
        match failed.values().next() {
            None => Ok(()),
            Some(error) => Err(Untold::Open { open: failed.len(), why: error.to_string() }),
        }
    }

    /// How long the projector waits before it looks at a commit made at `at`.
    #[must_use]
    pub fn head_start(&self, at: Millis) -> Duration {
        if !self.fast_path {
            return Duration::ZERO;
        }
        let age = u64::try_from(self.clock.now().since(at)).unwrap_or(0);
        FAST_HEAD_START.saturating_sub(Duration::from_millis(age))
    }
}
