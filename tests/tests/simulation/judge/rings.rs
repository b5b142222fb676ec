//! The phones: nobody rings for nothing, past the bound, or after having been told; and one phone at most is in the call.

use std::time::Duration;

use tokio::time::Instant;

use super::record::Record;
use crate::cloud::{Handed, Written};
use crate::facts::{Facts, Ring};
use crate::time::Time;

/// How long a call that has just ended may still be handed to a carrier: the projector's budget for one round.
const ROUND: Duration = Duration::from_millis(5_300);

/// How long a carrier is tried with one message, which says what was left at the first try.
const TRIES: Duration = Duration::from_millis(3_200);

/// `Date` has whole seconds, and the answer was under way.
const DATE: Duration = Duration::from_millis(1_200);

pub struct Rings<'a> {
    pub facts: &'a Facts,
    pub time: Time,
    pub written: &'a [Written],
    pub handed: &'a [Handed],
    pub skew_ms: u64,
}

impl Rings<'_> {
    fn written_at(&self, call: &str, n: u32) -> Option<Instant> {
        self.written.iter().find(|written| written.call_id == call && written.n == n).map(|written| written.at)
    }

    pub fn judge(&self, record: &Record, found: &mut Vec<String>) {
        let placed = self.written_at(record.id(), 1).unwrap();
        let ended = record.ring_ended().and_then(|commit| self.written_at(record.id(), commit.n.0));
        let rings = self.facts.rings.lock().unwrap();
        for ring in rings.iter().filter(|ring| ring.call == record.id()) {
            for why in self.wrong(record, ring, placed) {
                found.push(format!("{}: {} rang {why}", record.id(), ring.phone));
            }
        }
        let entered = self.facts.entered.lock().unwrap();
        let entered: Vec<&String> =
            entered.iter().filter(|(call, _)| call == record.id()).map(|(_, phone)| phone).collect();
        if entered.iter().any(|phone| Some((*phone).clone()) != record.answerer()) {
            found.push(format!("{}: {entered:?} are in the call, answered by {:?}", record.id(), record.answerer()));
        }
        let Some(ended) = ended else { return };
        let incoming = self.handed.iter().filter(|handed| handed.topic.ends_with("/calls/incoming"));
        for handed in incoming.filter(|handed| handed.message["call_id"] == record.id()) {
            if handed.at > ended + ROUND {
                let late = handed.at - ended;
                found.push(format!("{}: incoming was handed over {late:?} after it had ended", record.id()));
            }
        }
    }

    /// How long after the deadline a phone may ring: as far as it can be wrong about the time; or as long as what made it
    /// ring was under way, where it goes by that.
    fn slack(&self, ring: &Ring) -> Duration {
        let skew = Duration::from_millis(2 * self.skew_ms);
        skew + if ring.knows { DATE } else { (ring.from - ring.handed) + TRIES }
    }

    fn wrong(&self, record: &Record, ring: &Ring, placed: Instant) -> Vec<String> {
        let mut wrong = vec![];
        if ring.from < placed {
            wrong.push("before the call was placed".to_owned());
        }
        let ended = record.ring_ended_for(&ring.phone).and_then(|commit| self.written_at(record.id(), commit.n.0));
        if ended.is_some_and(|ended| ring.handed > ended + ROUND) {
            wrong.push("for nothing: handed over after its person had rejected, or the call had ended".to_owned());
        }
        let deadline = self.time.moment(record.deadline());
        match ring.until {
            None => wrong.push("and never fell silent".to_owned()),
            Some(until) if until > deadline + self.slack(ring) => {
                wrong.push(format!("{:?} past its bound (ended by {})", until - deadline, ring.ended_by));
            }
            Some(_) => {}
        }
        let told = self.facts.told_over.lock().unwrap();
        if told.iter().any(|told| told.phone == ring.phone && told.call == ring.call && told.at < ring.from) {
            wrong.push("after it had been told that it was over".to_owned());
        }
        wrong
    }
}
