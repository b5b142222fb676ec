//! Handing notices to the carriers, and saying what became of each.

use std::collections::BTreeMap;
use std::time::Duration;

use futures::future::join_all;
use ilock_events::{Handed, Incoming, Millis, PartyId, Receipt};

use tokio::time::{Instant, timeout_at};

use crate::{CarrierError, Message, Mqtt, Notice, Publish};

const MQTT: &str = "mqtt";

/// What a receipt says of a notice that could not be told in time.
pub const TIME_PASSED: &str = "its time had passed";

/// Who makes the ticket that travels in an incoming call's message.
pub trait Tickets: Send + Sync {
    /// The operator's TRTC application.
    fn sdk_app_id(&self) -> u32;
    /// The `user_sig` of a message to `user`: sealed, plain, or none, as the operator chose.
    fn in_message(&self, user: &PartyId) -> Option<String>;
}

/// One round of delivery.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Round {
    /// What is settled, by index: handed over, or given up on because its time has passed.
    pub settled: BTreeMap<u32, Handed>,
    /// What is still to be told, and why it could not be.
    pub failed: BTreeMap<u32, CarrierError>,
}

/// The indices that need no further round, out of all receipts of one commit.
#[must_use]
pub fn settled<'a>(receipts: impl IntoIterator<Item = &'a Receipt>) -> Vec<u32> {
    receipts.into_iter().flat_map(|receipt| receipt.notices.keys().copied()).collect()
}

/// How a round goes.
pub struct Delivery<'a> {
    /// Who carries.
    pub mqtt: &'a dyn Mqtt,
    /// Who makes the tickets.
    pub tickets: &'a dyn Tickets,
    /// The time.
    pub clock: &'a (dyn Fn() -> Millis + Sync),
    /// When the commit was made.
    pub since: Millis,
    /// Whether the call still rings: an incoming call is not told once it is answered or over.
    pub ringing: bool,
    /// For so long at most.
    pub budget: Duration,
}

enum Outcome {
    Handed(Option<String>),
    GivenUp(String),
    Failed(CarrierError),
}

impl Delivery<'_> {
    /// Hands over every notice that is not `done` yet: all at once, but for those that wait for another.
    pub async fn deliver(&self, notices: &[Notice], done: &[u32]) -> Round {
        let until = Instant::now() + self.budget;
        let mut round = Round::default();
        let due = notices.iter().filter(|notice| !done.contains(&notice.index));
        let (at_once, after): (Vec<&Notice>, Vec<&Notice>) = due.partition(|notice| notice.after.is_none());
        for wave in [at_once, after] {
            let outcomes = join_all(wave.iter().map(|notice| self.hand_over(notice, done, &round, until))).await;
            for (notice, outcome) in wave.into_iter().zip(outcomes) {
                let (carrier_id, error) = match outcome {
                    Outcome::Handed(carrier_id) => (carrier_id, None),
                    Outcome::GivenUp(why) => (None, Some(why)),
                    Outcome::Failed(error) => {
                        round.failed.insert(notice.index, error);
                        continue;
                    }
                };
                let ms = (self.clock)().since(self.since);
                let handed = Handed { target: notice.topic.clone(), carrier: MQTT.into(), carrier_id, ms, error };
                round.settled.insert(notice.index, handed);
            }
        }
        round
    }

    async fn hand_over(&self, notice: &Notice, done: &[u32], so_far: &Round, until: Instant) -> Outcome {
        let failed = |why: String| Outcome::Failed(CarrierError { carrier: MQTT, why });
        if let Some(before) = notice.after.filter(|before| !done.contains(before)) {
            match so_far.settled.get(&before) {
                Some(Handed { error: None, .. }) => {}
                Some(Handed { error: Some(why), .. }) => return Outcome::GivenUp(why.clone()),
                None => return failed(format!("waits for notice {before}")),
            }
        }
        if !self.ringing && matches!(notice.message, Message::Incoming(_)) {
            return Outcome::GivenUp("the call no longer rang".into());
        }
        let left_ms = notice.expires_at.since((self.clock)());
        if left_ms <= 0 {
            return Outcome::GivenUp(TIME_PASSED.into());
        }
        let payload = match payload(notice, self.tickets) {
            Ok(payload) => payload,
            Err(error) => return failed(error.to_string()),
        };
        let message = Publish {
            topic: notice.topic.clone(),
            payload,
            expiry_seconds: whole_seconds(left_ms),
            message_id: notice.message.id().clone(),
        };
        match timeout_at(until, self.mqtt.publish(message)).await {
            Ok(Ok(carrier_id)) => Outcome::Handed(carrier_id),
            Ok(Err(error)) => Outcome::Failed(error),
            Err(_) => failed("no answer in time".into()),
        }
    }
}

/// Rounded down, so that a message never outlives its moment; but MQTT takes 0 for "drop at once".
fn whole_seconds(left_ms: i64) -> u32 {
    u32::try_from(left_ms / 1000).unwrap_or(u32::MAX).max(1)
}

fn payload(notice: &Notice, tickets: &dyn Tickets) -> Result<Vec<u8>, serde_json::Error> {
    match &notice.message {
        Message::Incoming(incoming) => {
            let mut incoming: Incoming = (**incoming).clone();
            incoming.room_info.sdk_app_id = tickets.sdk_app_id();
            incoming.room_info.user_sig = tickets.in_message(&incoming.room_info.user_id);
            serde_json::to_vec(&incoming)
        }
        Message::Control(control) => serde_json::to_vec(control),
        Message::Sync(sync) => serde_json::to_vec(sync),
    }
}
