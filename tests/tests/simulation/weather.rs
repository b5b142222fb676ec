//! How much goes wrong in one seed. Half of the seeds have no fault of a kind, so that a fault is also seen alone.

use std::time::Duration;

use crate::dice::Dice;

/// Chances are in permille: of a request, a message, an invocation or a batch.
#[derive(Debug, Clone, Default)]
pub struct Weather {
    /// AWS throttles a request.
    pub throttled: u64,
    /// A request to AWS does not arrive.
    pub lost_requests: u64,
    /// A request to AWS was carried out, and the answer does not arrive.
    pub lost_answers: u64,
    /// A request to AWS takes seconds.
    pub slow_requests: u64,
    /// An invocation of a function ends at one of its awaits.
    pub killed: u64,
    /// A request of an app, or the answer to it, does not arrive.
    pub lost_http: u64,
    /// What was handed over by MQTT or push does not arrive, arrives late, or arrives twice. Late messages overtake.
    pub lost_messages: u64,
    pub late_messages: u64,
    pub doubled_messages: u64,
    /// A connection breaks, for some seconds.
    pub away: u64,
    /// The ring timer's alarm is late, or comes twice.
    pub late_alarms: u64,
    pub doubled_alarms: u64,
    /// A batch of the stream is shown again although it succeeded.
    pub batches_again: u64,
    /// A second projector reads the same stream.
    pub two_projectors: bool,
    /// How far the clocks of functions are off, at most.
    pub function_skew_ms: u64,
    /// How far the clocks of phones are off, at most.
    pub phone_skew_ms: u64,
    /// A shard of the stream is minutes behind.
    pub slow_shards: u64,
    /// A second sequencer works at the same time.
    pub two_sequencers: bool,
    /// How far apart they wake at most, each minute anew: a schedule that fires twice wakes them together.
    pub sequencers_apart_ms: u64,
    /// When the faults end, so that what is to come in the end can come.
    pub lasts: Duration,
}

impl Weather {
    pub fn of(dice: &Dice) -> Self {
        let chance = |most: u64| if dice.permille(500) { 0 } else { dice.within(1..most) };
        Self {
            throttled: chance(150),
            lost_requests: chance(40),
            lost_answers: chance(40),
            slow_requests: chance(60),
            killed: chance(200),
            lost_http: chance(150),
            lost_messages: chance(150),
            late_messages: chance(300),
            doubled_messages: chance(300),
            away: chance(300),
            late_alarms: chance(500),
            doubled_alarms: chance(500),
            batches_again: chance(300),
            two_projectors: dice.permille(400),
            function_skew_ms: dice.pick(&[0, 0, 50, 400]),
            phone_skew_ms: dice.pick(&[0, 0, 2_000, 40_000, 600_000]),
            slow_shards: chance(600),
            two_sequencers: dice.permille(700),
            sequencers_apart_ms: dice.pick(&[300, 5_000, 60_000]),
            lasts: Duration::from_secs(150),
        }
    }

    /// Nothing goes wrong.
    pub fn fair() -> Self {
        Self::default()
    }
}
