//! The time of a simulation: tokio's paused clock, counted from a day that the seed decides; and clocks that are off.

use ilock_env::Clock;
use ilock_events::Millis;
use tokio::time::Instant;

/// 2026-11-25, 00:00 UTC.
const DAY: i64 = 1_795_564_800_000;

/// The time that it really is.
#[derive(Debug, Clone, Copy)]
pub struct Time {
    begun: Instant,
    from: Millis,
}

impl Time {
    /// Begins now, `ms` after midnight.
    pub fn beginning(ms: u64) -> Self {
        Self { begun: Instant::now(), from: Millis(DAY + i64::try_from(ms).unwrap()) }
    }

    pub fn now(&self) -> Millis {
        self.at(Instant::now())
    }

    pub fn at(&self, moment: Instant) -> Millis {
        self.from.plus(i64::try_from(moment.duration_since(self.begun).as_millis()).unwrap())
    }

    /// The moment at which it is `at`; the beginning for what was before.
    pub fn moment(&self, at: Millis) -> Instant {
        self.begun + std::time::Duration::from_millis(u64::try_from(at.since(self.from)).unwrap_or_default())
    }

    /// A clock that is `ahead_ms` ahead.
    pub fn clock(&self, ahead_ms: i64) -> Clock {
        let time = *self;
        Clock::new(move || time.now().plus(ahead_ms))
    }
}
