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
        Millis(self.0 * MS)
    }

    /// When it is over.
    #[must_use]
    pub const fn ends(self) -> Millis {
        self.next().begins()
    }

    /// The hour after.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0 + 1)
    }

    /// The hour before.
    #[must_use]
    pub const fn before(self) -> Self {
        Self(self.0 - 1)
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
        let found = Self(Self::of(day.parse::<Day>().ok()?.begins()).0 + hour.parse::<i64>().ok()?);
        (found.to_string() == text).then_some(found)
    }
}

impl std::fmt::Display for Hour {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}T{:02}", self.day(), self.0.rem_euclid(24))
    }
}
