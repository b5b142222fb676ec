//! Hours (UTC): one checkpoint each.

use ilock_events::Millis;

use ilock_events::Day;

const MS: i64 = 3_600_000;

/// An hour, written as `2026-11-22T13`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Hour(i64);

impl Hour {
    /// The hour that a moment is in.
    #[must_use]
    pub const fn of(at: Millis) -> Self {
        Self(at.0.div_euclid(MS))
    }

    /// The hours of a day.
    pub fn of_day(day: &Day) -> impl Iterator<Item = Self> + use<> {
        let first = Self::of(day.begins()).0;
        (first..first + 24).map(Self)
    }

    /// When it begins.
    #[must_use]
    pub const fn begins(self) -> Millis {
        Millis(self.0.saturating_mul(MS))
    }

    /// When it is over.
    #[must_use]
    pub const fn ends(self) -> Millis {
        self.next().begins()
    }

    /// The hour after.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }

    /// The hour before.
    #[must_use]
    pub const fn before(self) -> Self {
        Self(self.0.saturating_sub(1))
    }

    #[must_use]
    pub fn day(self) -> Day {
        Day::of(self.begins())
    }

    /// What its files are called, without what they end with.
    #[must_use]
    pub fn file(self) -> String {
        format!("{}/{:02}", self.day(), self.0.rem_euclid(24))
    }

    /// Reads it as it is written.
    #[must_use]
    pub fn read(text: &str) -> Option<Self> {
        let (day, hour) = text.split_once('T')?;
        let hour = hour.parse().ok().filter(|hour| (0..24).contains(hour))?;
        let found = Self::of_day(&day.parse().ok()?).nth(hour)?;
        (found.to_string() == text).then_some(found)
    }
}

impl std::fmt::Display for Hour {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}T{:02}", self.day(), self.0.rem_euclid(24))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_hour_is_read_as_it_is_written_and_nothing_else_is_one() {
        for good in ["2026-11-22T00", "2026-11-22T13", "2026-11-22T23", "0000-01-01T00", "9999-12-31T23"] {
            assert_eq!(Hour::read(good).map(|hour| hour.to_string()).as_deref(), Some(good));
        }
        for bad in [
            "",
            "2026-11-22",
            "2026-11-22T",
            "2026-11-22T24",
            "2026-11-22T7",
            "2026-11-22T+7",
            "2026-11-22T-1",
            "2026-11-31T00",
            "2026-11-22T9223372036854775807",
            "9999-12-31T9223372036854775807",
        ] {
            assert_eq!(Hour::read(bad), None, "{bad}");
        }
    }

    #[test]
    fn the_first_and_the_last_hour_that_there_are_have_neighbours_too() {
        for at in [i64::MIN, i64::MIN + 1, -1, 0, 1, i64::MAX - 1, i64::MAX] {
            let hour = Hour::of(Millis(at));
            assert!(hour.begins().0 <= at && at <= hour.ends().0, "{at}");
            assert!(hour.before() <= hour && hour <= hour.next());
            let _ = (hour.to_string(), hour.file(), hour.day());
        }
        let last = Hour(i64::MAX);
        assert_eq!((last.next(), last.ends(), Hour(i64::MIN).before()), (last, Millis(i64::MAX), Hour(i64::MIN)));
    }
}
