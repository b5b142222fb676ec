//! How often something may happen. Each time is remembered, so that a limit holds in any stretch of time and not only in each
//! hour of the clock.

use aws_sdk_dynamodb::types::AttributeValue;
use ilock_dynamo::{Item, number};
use ilock_events::Millis;

/// When something happened, oldest first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Recent(Vec<Millis>);

/// How often something may happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limit {
    pub times: usize,
    pub within_ms: i64,
}

/// It happened too often. After so many milliseconds it may happen again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooOften {
    pub retry_after_ms: i64,
}

impl Recent {
    /// All those that still count once it happened again at `now`.
    ///
    /// # Errors
    /// [`TooOften`].
    pub fn and_now(&self, now: Millis, limit: Limit) -> Result<Self, TooOften> {
        // What lies ahead was written by a clock that is ahead of this one: it counts as now.
        let counts = |at: &Millis| at.plus(limit.within_ms) > now;
        let mut counting: Vec<Millis> = self.0.iter().copied().map(|at| at.min(now)).filter(counts).collect();
        if counting.len() >= limit.times {
            let must_end = counting.len().saturating_sub(limit.times);
            let retry_after_ms =
                counting.get(must_end).map_or(limit.within_ms, |at| at.plus(limit.within_ms).since(now));
            return Err(TooOften { retry_after_ms });
        }
        counting.push(now);
        Ok(Self(counting))
    }

    pub(crate) fn read(item: &Item, name: &str) -> Self {
        let times = item.get(name).and_then(|value| value.as_l().ok()).into_iter().flatten();
        Self(times.filter_map(|at| at.as_n().ok()?.parse().ok()).map(Millis).collect())
    }

    pub(crate) fn stored(&self) -> AttributeValue {
        AttributeValue::L(self.0.iter().map(number).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: i64 = 60_000;

    fn let_through(times: impl IntoIterator<Item = i64>, limit: Limit) -> Vec<i64> {
        let mut recent = Recent::default();
        let mut through = vec![];
        for at in times {
            if let Ok(after) = recent.and_now(Millis(at), limit) {
                recent = after;
                through.push(at);
            }
        }
        through
    }

    #[test]
    fn in_no_minute_are_there_more_than_the_limit_says_and_over_time_as_many() {
        let limit = Limit { times: 20, within_ms: MINUTE };
        let through = let_through((0..36_000).map(|n| 55_000 + n * 100), limit);
        for (first, at) in through.iter().enumerate() {
            let within = through[first..].iter().take_while(|other| *other - at < MINUTE).count();
            assert!(within <= 20, "{within} from {at}");
        }
        assert_eq!(through.len(), 20 * 60);
    }

    #[test]
    fn whoever_waits_as_long_as_told_is_let_through_and_nobody_before() {
        for times in [1, 6, 60] {
            let limit = Limit { times, within_ms: MINUTE };
            let mut recent = Recent::default();
            for n in 0..times {
                recent = recent.and_now(Millis(i64::try_from(n).unwrap() * 7), limit).unwrap();
            }
            let TooOften { retry_after_ms } = recent.and_now(Millis(1000), limit).unwrap_err();
            assert_eq!(retry_after_ms, MINUTE - 1000);
            assert!(recent.and_now(Millis(999 + retry_after_ms), limit).is_err());
            assert!(recent.and_now(Millis(1000 + retry_after_ms), limit).is_ok());
        }
    }

    #[test]
    fn a_clock_that_is_ahead_locks_nobody_out_for_longer() {
        let limit = Limit { times: 1, within_ms: MINUTE };
        let ahead = Recent::default().and_now(Millis(10 * MINUTE), limit).unwrap();
        assert_eq!(ahead.and_now(Millis(0), limit), Err(TooOften { retry_after_ms: MINUTE }));
    }

    #[test]
    fn a_limit_of_none_lets_nobody_through() {
        let limit = Limit { times: 0, within_ms: MINUTE };
        assert_eq!(Recent::default().and_now(Millis(0), limit), Err(TooOften { retry_after_ms: MINUTE }));
    }

    #[test]
    fn what_is_stored_is_read_back() {
        let recent = Recent(vec![Millis(1), Millis(1_700_000_000_000)]);
        let item = Item::from([("at".to_owned(), recent.stored())]);
        assert_eq!(Recent::read(&item, "at"), recent);
        assert_eq!(Recent::read(&Item::new(), "at"), Recent::default());
    }
}
