//! Handing notices to the carriers, and what became of each.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use futures::future::join_all;
use ilock_call::Placed;
use ilock_env::Clock;
use ilock_events::{
    Address, CallState, Carrier, ClientName, Control, DeliveryOutcome, Incoming, Millis, Receipt, RoomId, TrtcUser,
};
use tokio::time::{Instant, timeout_at};

use crate::carrier::{CarrierError, Mqtt, NO_LONGER_RANG, Publish, StillRinging, TIME_PASSED, whole_seconds};
use crate::notices::{Channel, Message, Notice};
use crate::push::{DeliveryWindow, FanOutResult, Push, PushSender, Retired};

/// Makes the credentials that travel in an incoming call's message.
pub trait MessageCredentials: Send + Sync {
    /// The operator's TRTC application.
    fn sdk_app_id(&self) -> u32;
    /// The `user_sig` of a message to the person at `to`, who enters rooms as `user`: encrypted, plain, or none, as the
    /// operator chose.
    fn user_sig_in_message(&self, to: &Address, user: &TrtcUser) -> Option<String>;
    /// The `private_map_key` of the same message, for `room`: none, unless the `user_sig` beside it is plain.
    fn private_map_key_in_message(&self, room: RoomId, user: &TrtcUser) -> Option<String>;
}

/// One round of delivery.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Round {
    /// What is settled, by index: handed over, or given up on because its time has passed.
    pub settled: BTreeMap<u32, DeliveryOutcome>,
    /// What is still to be told, and why it could not be.
    pub failed: BTreeMap<u32, CarrierError>,
    /// The phones that are settled for the push among the notices.
    pub phones: BTreeMap<ClientName, DeliveryOutcome>,
    /// Endpoints that turned out not to work any more.
    pub retired: Vec<Retired>,
}

/// What needs no further round.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Delivered {
    /// Notices, by index.
    pub notices: BTreeSet<u32>,
    /// Phones, for the push among them.
    pub phones: BTreeSet<ClientName>,
}

/// What needs no further round, out of all receipts of one commit.
#[must_use]
pub fn settled<'a>(receipts: impl IntoIterator<Item = &'a Receipt>) -> Delivered {
    let mut delivered = Delivered::default();
    for receipt in receipts {
        delivered.notices.extend(receipt.notices.keys().copied());
        delivered.phones.extend(receipt.phones.keys().cloned());
    }
    delivered
}

/// How a round goes.
pub struct Delivery<'a> {
    pub mqtt: &'a dyn Mqtt,
    /// Who makes the credentials.
    pub credentials: &'a dyn MessageCredentials,
    /// Who wakes phones, where pushes are used; else they are left alone, and are neither settled nor failed.
    pub push: Option<PushSender<'a>>,
    pub clock: &'a Clock,
    /// When the commit was made.
    pub since: Millis,
    /// The call as it stood when the round began: nobody is told of an incoming call that does not ring them any more.
    pub call: &'a Placed,
    /// Who knows that later in the round.
    pub still_ringing: &'a dyn StillRinging,
    /// For so long at most.
    pub budget: Duration,
    /// For so long at most it pushes.
    pub push_budget: Duration,
}

enum Outcome {
    Delivered(Option<String>),
    GivenUp(String),
    Failed(CarrierError),
}

impl Delivery<'_> {
    /// Hands over every notice that is not `delivered` yet: all at once, but for those that wait for another. MQTT does
    /// not wait for pushes. `published` is called when MQTT is through, and told whether everything is settled there.
    pub async fn deliver(
        &self,
        notices: &[Notice],
        delivered: &Delivered,
        published: impl FnOnce(bool) + Send,
    ) -> Round {
        let now = Instant::now();
        let (until, pushed_until) = (now + self.budget, now + self.push_budget);
        let due: Vec<&Notice> = notices.iter().filter(|notice| !delivered.notices.contains(&notice.index)).collect();
        let publishing = async {
            let round = self.publish(&due, delivered, until).await;
            published(round.failed.is_empty());
            round
        };
        let (mut round, woken) = futures::join!(publishing, self.wake(&due, delivered, pushed_until));
        for (notice, FanOutResult { phones, retired, open, nobody }, at) in woken {
            round.phones.extend(phones);
            round.retired.extend(retired);
            match open {
                Some(error) => drop(round.failed.insert(notice.index, error)),
                None => drop(round.settled.insert(notice.index, self.handed(notice, None, nobody, at))),
            }
        }
        round
    }

    async fn publish(&self, due: &[&Notice], delivered: &Delivered, until: Instant) -> Round {
        let mut round = Round::default();
        let (mut at_once, mut after) = (vec![], vec![]);
        for notice in due {
            if let Channel::Mqtt { topic, message } = &notice.channel {
                let wave = if notice.after.is_empty() { &mut at_once } else { &mut after };
                wave.push((*notice, topic, message));
            }
        }
        for wave in [at_once, after] {
            let mut handing = vec![];
            for (notice, topic, message) in &wave {
                let waits = waits_for(notice, delivered, &round);
                handing.push(async move {
                    let outcome = match waits {
                        Some(outcome) => outcome,
                        None => self.hand_over(notice, topic, message, until).await,
                    };
                    // Each by its own time, not by that of the slowest.
                    (outcome, self.clock.now())
                });
            }
            let outcomes = join_all(handing).await;
            for ((notice, ..), (outcome, at)) in wave.into_iter().zip(outcomes) {
                let (carrier_id, error) = match outcome {
                    Outcome::Delivered(carrier_id) => (carrier_id, None),
                    Outcome::GivenUp(why) => (None, Some(why)),
                    Outcome::Failed(error) => {
                        round.failed.insert(notice.index, error);
                        continue;
                    }
                };
                round.settled.insert(notice.index, self.handed(notice, carrier_id, error, at));
            }
        }
        round
    }

    fn handed(
        &self,
        notice: &Notice,
        carrier_id: Option<String>,
        error: Option<String>,
        at: Millis,
    ) -> DeliveryOutcome {
        let ms = at.since(self.since);
        DeliveryOutcome { target: notice.target(), carrier: notice.carrier(), carrier_id, ms, error }
    }

    async fn wake<'n>(
        &self,
        due: &[&'n Notice],
        delivered: &Delivered,
        until: Instant,
    ) -> Vec<(&'n Notice, FanOutResult, Millis)> {
        let Some(sender) = self.push else { return vec![] };
        let mut woken = vec![];
        // One for each person.
        for notice in due {
            if let Channel::Push(push) = &notice.channel {
                woken.push(async {
                    let result = self.wake_for(sender, notice, push, delivered, until).await;
                    (*notice, result, self.clock.now())
                });
            }
        }
        join_all(woken).await
    }

    async fn wake_for(
        &self,
        sender: PushSender<'_>,
        notice: &Notice,
        push: &Push,
        delivered: &Delivered,
        until: Instant,
    ) -> FanOutResult {
        let nobody = |why: &str| FanOutResult { nobody: Some(why.into()), ..FanOutResult::default() };
        if self.rings_in_vain(notice) {
            return nobody(NO_LONGER_RANG);
        }
        let left_ms = notice.expires_at.since(self.clock.now());
        if left_ms <= 0 {
            return nobody(TIME_PASSED);
        }
        let until = until.min(expiry(left_ms));
        let window = DeliveryWindow {
            clock: self.clock,
            call: self.call,
            since: self.since,
            expires_at: notice.expires_at,
            until,
            began: Instant::now(),
            still_ringing: notice.rings().then_some(self.still_ringing),
        };
        sender.fan_out(push, &delivered.phones, &window).await
    }

    /// Whether `notice` is to ring phones that the call does not ring any more.
    fn rings_in_vain(&self, notice: &Notice) -> bool {
        notice.rung().is_some_and(|callee| !self.call.rings(callee))
    }

    async fn hand_over(&self, notice: &Notice, topic: &str, message: &Message, until: Instant) -> Outcome {
        let failed = |why: String| Outcome::Failed(CarrierError { carrier: Carrier::Mqtt, why });
        if self.rings_in_vain(notice) {
            return Outcome::GivenUp(NO_LONGER_RANG.into());
        }
        let left_ms = notice.expires_at.since(self.clock.now());
        if left_ms <= 0 {
            return Outcome::GivenUp(TIME_PASSED.into());
        }
        let payload = match self.payload(message) {
            Ok(payload) => payload,
            Err(error) => return failed(error.to_string()),
        };
        let message_id = message.id().clone();
        let message = Publish { topic: topic.to_owned(), payload, expiry_seconds: whole_seconds(left_ms), message_id };
        match timeout_at(until.min(expiry(left_ms)), self.mqtt.publish(message)).await {
            Ok(Ok(carrier_id)) => Outcome::Delivered(carrier_id),
            Ok(Err(error)) => Outcome::Failed(error),
            Err(_) => failed("no answer in time".into()),
        }
    }
}

impl Delivery<'_> {
    /// The message as it is handed over now: with its credential, and with how long the call still rings.
    fn payload(&self, message: &Message) -> Result<Vec<u8>, serde_json::Error> {
        let now = self.clock.now();
        match message {
            Message::Incoming { incoming, to, room, .. } => {
                let mut incoming: Incoming = (**incoming).clone();
                let info = &mut incoming.room_info;
                info.sdk_app_id = self.credentials.sdk_app_id();
                info.user_sig = self.credentials.user_sig_in_message(to, &info.user_id);
                info.private_map_key = self.credentials.private_map_key_in_message(*room, &info.user_id);
                incoming.sent_at = now;
                incoming.remaining_ms = incoming.expires_at.since(now).max(0);
                serde_json::to_vec(&incoming)
            }
            Message::Control(control) if control.state == CallState::Ringing => {
                let remaining_ms = Some(control.expires_at.since(now).max(0));
                serde_json::to_vec(&Control { sent_at: Some(now), remaining_ms, ..control.clone() })
            }
            Message::Control(control) => serde_json::to_vec(control),
            Message::Sync(sync) => {
                let mut sync = sync.clone();
                // It was made with the commit, and says what was left then.
                if let (Some(made), Some(left)) = (sync.sent_at, sync.remaining_ms) {
                    sync.sent_at = Some(now);
                    sync.remaining_ms = Some(left.saturating_sub(now.since(made).max(0)).max(0));
                }
                serde_json::to_vec(&sync)
            }
        }
    }
}

/// When a notice expires that is of use for `left_ms` more: a carrier that has not answered by then is not waited for, so that
/// nobody is told too late.
fn expiry(left_ms: i64) -> Instant {
    Instant::now() + Duration::from_millis(left_ms.unsigned_abs())
}

/// What becomes of a notice that waits for one of several others; none where it need not wait any more.
fn waits_for(notice: &Notice, delivered: &Delivered, so_far: &Round) -> Option<Outcome> {
    let first = notice.after.first()?;
    let outcomes: Vec<_> = notice.after.iter().filter_map(|before| so_far.settled.get(before)).collect();
    if notice.after.iter().any(|before| delivered.notices.contains(before))
        || outcomes.iter().any(|one| one.error.is_none())
    {
        return None;
    }
    // None of them was handed over. While one is still open, it may be.
    if let Some(given_up) = outcomes.first().filter(|_| outcomes.len() == notice.after.len()) {
        Some(Outcome::GivenUp(given_up.error.clone().unwrap_or_default()))
    } else {
        let why = format!("waits for notice {first}");
        Some(Outcome::Failed(CarrierError { carrier: Carrier::Mqtt, why }))
    }
}
