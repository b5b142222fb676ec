//! Delivery: a commit's notices, handed to the carriers, with a receipt for what was handed over.

use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use ilock_events::{Address, CallId, Carrier, ClientName, Commit, CommitNo, DeliveryPath, Millis, PartyId, Receipt};
use ilock_log::{EventLog, History, LogError};
use ilock_notify::{Channel, Delivered, Delivery, Message, Mqtt, Notice, Round, StillRinging, notices, settled};

use crate::metrics;
use crate::service::push_directory::{KnownPhones, PushDirectory};
use crate::service::room_credentials::{KeyedCredentials, RingCredentials};
use crate::service::rung::{AtHand, KnownClients, Rung};
use ilock_env::Clock;

/// The fast path gives up after this: the projector takes over, and the one who asked gets an answer.
pub const FAST_BUDGET: Duration = Duration::from_millis(200);

/// How long the projector leaves a young commit to the fast path: its budget, and the time to keep its receipt.
pub const FAST_HEAD_START: Duration = Duration::from_millis(300);

/// How long one round of the projector may take.
pub const SLOW_BUDGET: Duration = Duration::from_secs(5);

/// How long the pushes of such a round may take while other calls wait behind it.
pub const PUSH_BUDGET: Duration = Duration::from_secs(1);

/// Delivers notices and keeps receipts.
#[derive(Clone)]
pub struct Notifier {
    /// Where receipts are kept.
    pub log: EventLog,
    pub mqtt: Arc<dyn Mqtt>,
    /// Wakes sleeping phones, where the operator uses pushes.
    pub push: Option<PushDirectory>,
    /// The operator's TRTC application.
    pub sdk_app_id: u32,
    /// Makes the credentials that travel in messages that ring; none where a function rings nobody, and so needs no secret.
    pub rings: Option<RingCredentials>,
    pub clock: Clock,
    /// Whether functions deliver what they committed at once.
    pub fast_path: bool,
    /// How long the pushes of one round may take, off the fast path.
    pub push_budget: Duration,
}

/// Why a commit's notices could not all be settled.
#[derive(Debug, thiserror::Error)]
pub enum DeliveryError {
    #[error(transparent)]
    Log(#[from] LogError),
    /// A carrier did not take everything.
    #[error("{open} notices are still open: {why}")]
    Open {
        /// How many notices are still open.
        open: usize,
        /// What the carrier reported for the first.
        why: String,
    },
    /// The commit was written by a newer version, or is not there.
    #[error("{0}")]
    Commit(String),
}

impl Notifier {
    /// The fast path: hands over the notices of `commit` within [`FAST_BUDGET`], and keeps the receipt within
    /// [`FAST_HEAD_START`]. What fails here is only counted; the projector finds that it has no receipt.
    pub async fn deliver_now(&self, history: &History, commit: &Commit, at_hand: &AtHand) {
        if !self.fast_path {
            return;
        }
        let delivered = self.deliver(history, commit, DeliveryPath::Fast, Some(at_hand), |_| {});
        let why = match tokio::time::timeout(FAST_HEAD_START, delivered).await {
            Ok(Ok(())) => return,
            Ok(Err(error)) => error.to_string(),
            Err(_) => "the receipt was not kept in time".to_owned(),
        };
        tracing::warn!(call_id = %commit.call_id, n = %commit.n, why, "fast path gave up; the projector delivers the rest");
    }

    /// The projector's round: every notice of `commit` that has no receipt yet.
    ///
    /// # Errors
    /// [`DeliveryError`] when something is still open; what was handed over has its receipt all the same.
    pub async fn deliver_pending(&self, history: &History, commit: &Commit) -> Result<(), DeliveryError> {
        self.deliver_pending_then(history, commit, |_| {}).await
    }

    /// The same. `published` is called before the pushes are through, and told whether everything is settled by MQTT; it is
    /// dropped where it does not come to that.
    ///
    /// # Errors
    /// As [`Notifier::deliver_pending`].
    pub async fn deliver_pending_then(
        &self,
        history: &History,
        commit: &Commit,
        published: impl FnOnce(bool) + Send,
    ) -> Result<(), DeliveryError> {
        self.deliver(history, commit, DeliveryPath::Projector, None, published).await
    }

    /// For a carrier that may have lost what it had taken: hands over the notices of `commit` once more, under the same
    /// message ids, if they have not expired.
    ///
    /// # Errors
    /// [`DeliveryError`].
    pub async fn redeliver(&self, history: &History, commit: &Commit) -> Result<(), DeliveryError> {
        let mut forgetful = history.clone();
        for receipt in &mut forgetful.receipts {
            // A push was taken by others.
            receipt.notices.retain(|_, handed| handed.error.is_some() || handed.carrier != Carrier::Mqtt);
        }
        self.deliver_pending(&forgetful, commit).await
    }

    /// Rings the phones of `callees` once more, by message alone, as the call's first commit has it: its caller pressed again.
    /// Under the same message ids, so that a phone that rings takes no notice.
    ///
    /// # Errors
    /// [`DeliveryError`].
    pub async fn ring_again(&self, history: &History, callees: &[Address]) -> Result<(), DeliveryError> {
        let first = history.commits.first().ok_or_else(|| DeliveryError::Commit("the call was not placed".into()))?;
        let mut notices = notices_of(history, first)?;
        notices.retain(|notice| rung(notice).is_some_and(|address| callees.contains(&address)));
        let read_now = self.read_for(&notices).await;
        let (path, delivered) = (DeliveryPath::Fast, Delivered::default());
        let round = DueRound { history, commit: first, notices: &notices, delivered: &delivered, path, again: true };
        self.hand_over(&round, &read_now, |_| {}).await
    }

    /// With what is at hand, where something is.
    async fn deliver(
        &self,
        history: &History,
        commit: &Commit,
        path: DeliveryPath,
        at_hand: Option<&AtHand>,
        published: impl FnOnce(bool) + Send,
    ) -> Result<(), DeliveryError> {
        let mut notices = notices_of(history, commit)?;
        if self.push.is_none() {
            notices.retain(|notice| !matches!(notice.channel, Channel::Push(_)));
        }
        let delivered = settled(history.receipts.iter().filter(|receipt| receipt.n == commit.n));
        if notices.iter().all(|notice| delivered.notices.contains(&notice.index)) {
            published(true);
            return Ok(());
        }
        let read_now;
        let at_hand = if let Some(at_hand) = at_hand {
            at_hand
        } else {
            read_now = self.read_for(&notices).await;
            &read_now
        };
        let round = DueRound { history, commit, notices: &notices, delivered: &delivered, path, again: false };
        self.hand_over(&round, at_hand, published).await
    }

    async fn hand_over(
        &self,
        due: &DueRound<'_>,
        at_hand: &AtHand,
        published: impl FnOnce(bool) + Send,
    ) -> Result<(), DeliveryError> {
        let DueRound { history, commit, notices, delivered, path, again } = *due;
        let call =
            history.call.placed.as_ref().ok_or_else(|| DeliveryError::Commit("the call was not placed".into()))?;
        let still_ringing = LoggedCall { log: &self.log, call_id: &commit.call_id };
        let phones = self.push.as_ref().map(|push| push.knowing(&at_hand.clients));
        let (budget, push_budget) = match path {
            DeliveryPath::Fast => (FAST_BUDGET, FAST_BUDGET),
            DeliveryPath::Projector => (SLOW_BUDGET, self.push_budget),
        };
        let delivery = Delivery {
            mqtt: &*self.mqtt,
            credentials: &at_hand.credentials,
            push: phones.as_ref().map(KnownPhones::sender),
            clock: &self.clock,
            since: commit.at,
            call,
            still_ringing: &still_ringing,
            budget,
            push_budget,
        };
        let round = delivery.deliver(notices, delivered, published).await;
        metrics::count_delivery(&round);
        if commit.n == CommitNo::FIRST && !again {
            metrics::count_rings(notices, &round, path);
        }
        let Round { settled, failed, phones, retired } = round;
        if let Some(push) = &self.push {
            push.retire(retired, self.clock.now()).await;
        }
        if !settled.is_empty() || !phones.is_empty() {
            let receipt = Receipt { n: commit.n, path, at: self.clock.now(), notices: settled, phones };
            // Round 0 is the fast path's, so that it need not look first.
            let earlier = history.receipts.iter().filter(|receipt| receipt.n == commit.n).count();
            let earlier = u32::try_from(earlier).unwrap_or(u32::MAX);
            let round = if path == DeliveryPath::Fast { earlier } else { earlier.max(1) };
            self.log.keep_receipt(&commit.call_id, &receipt, round).await?;
        }
        match failed.values().next() {
            None => Ok(()),
            Some(error) => Err(DeliveryError::Open { open: failed.len(), why: error.to_string() }),
        }
    }

    /// What is at hand for a delivery to those of whom `rung` knows.
    #[must_use]
    pub fn at_hand(&self, Rung { key_versions, clients }: Rung) -> AtHand {
        let credentials = match &self.rings {
            Some(rings) => rings.keyed(key_versions),
            None => KeyedCredentials::of_no_ring(self.sdk_app_id),
        };
        AtHand { credentials, clients }
    }

    /// Reads what `notices` need.
    async fn read_for(&self, notices: &[Notice]) -> AtHand {
        let credentials = match &self.rings {
            Some(rings) => rings.for_messages_to(notices.iter().filter_map(rung)).await,
            None => KeyedCredentials::of_no_ring(self.sdk_app_id),
        };
        AtHand { credentials, clients: KnownClients::new() }
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

/// What one round is to deliver.
struct DueRound<'a> {
    history: &'a History,
    commit: &'a Commit,
    notices: &'a [Notice],
    delivered: &'a Delivered,
    path: DeliveryPath,
    /// Whether it repeats what was told before: how long that took is not how long a phone waited for its ring.
    again: bool,
}

/// A call as the log has it by now.
struct LoggedCall<'a> {
    log: &'a EventLog,
    call_id: &'a CallId,
}

impl StillRinging for LoggedCall<'_> {
    fn still_rings<'a>(&'a self, callee: &'a PartyId, phone: &'a ClientName) -> BoxFuture<'a, bool> {
        Box::pin(async move {
            match self.log.load(self.call_id).await {
                Ok(history) => history.call.placed.is_some_and(|placed| placed.rings_on(callee, phone)),
                Err(error) => {
                    tracing::warn!(call_id = %self.call_id, %error, "whether the call still rings cannot be read; it is rung");
                    true
                }
            }
        })
    }
}

fn notices_of(history: &History, commit: &Commit) -> Result<Vec<Notice>, DeliveryError> {
    let Some(then) = history.placed_at(commit.n) else {
        return Err(DeliveryError::Commit("the call has no such commit".into()));
    };
    notices(commit, &then, Some(&history.words_of(commit.n)))
        .map_err(|unknown| DeliveryError::Commit(unknown.to_string()))
}

/// Whose phones a notice rings: it carries a `user_sig` that is theirs alone to open.
fn rung(notice: &Notice) -> Option<Address> {
    match &notice.channel {
        Channel::Mqtt { message: Message::Incoming { to, .. }, .. } => Some(to.clone()),
        _ => None,
    }
}
