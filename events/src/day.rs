//! Days (UTC).

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use time::{Date, Duration, Month, OffsetDateTime};

use crate::Millis;

/// A day (UTC), written as `2026-11-22`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(extend("pattern" = "^[0-9]{4}-[0-9]{2}-[0-9]{2}$"))]
pub struct Day(String);

/// A text that is no day.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("must be a day, written as 2026-11-22")]
pub struct BadDay;

impl Day {
    /// The day of a moment.
    #[must_use]
    pub fn of(at: Millis) -> Self {
        let moment = OffsetDateTime::from_unix_timestamp(at.0.div_euclid(1000));
        Self::on(moment.unwrap_or(OffsetDateTime::UNIX_EPOCH).date())
    }

    fn on(date: Date) -> Self {
        Self(format!("{:04}-{:02}-{:02}", date.year(), u8::from(date.month()), date.day()))
    }

    /// As it is written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The day before.
    #[must_use]
    pub fn before(&self) -> Self {
        self.date().and_then(Date::previous_day).map_or_else(|| self.clone(), Self::on)
    }

    /// The day `days` after it.
    #[must_use]
    pub fn plus(&self, days: u32) -> Self {
        let later = self.date().and_then(|date| date.checked_add(Duration::days(i64::from(days))));
        later.map_or_else(|| self.clone(), Self::on)
    }

    /// The first millisecond of it.
    #[must_use]
    pub fn begins(&self) -> Millis {
        let midnight = self.date().map_or(OffsetDateTime::UNIX_EPOCH, |date| date.midnight().assume_utc());
        Millis(midnight.unix_timestamp() * 1000)
    }

    fn date(&self) -> Option<Date> {
        let mut parts = self.0.split('-');
        let (year, month, day) = (parts.next()?, parts.next()?, parts.next()?);
        let plain = [(year, 4), (month, 2), (day, 2)]
            .iter()
            .all(|(part, length)| part.len() == *length && part.bytes().all(|byte| byte.is_ascii_digit()));
        if !plain || parts.next().is_some() {
            return None;
        }
        let month = Month::try_from(month.parse::<u8>().ok()?).ok()?;
        Date::from_calendar_date(year.parse().ok()?, month, day.parse().ok()?).ok()
    }
}

impl FromStr for Day {
    type Err = BadDay;

    fn from_str(text: &str) -> Result<Self, BadDay> {
        let day = Self(text.to_owned());
        if day.date().is_some() { Ok(day) } else { Err(BadDay) }
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for Day {
    type Error = BadDay;

    fn try_from(text: String) -> Result<Self, BadDay> {
        text.parse()
    }
}

impl From<Day> for String {
    fn from(day: Day) -> Self {
        day.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_is_one_that_the_calendar_has() {
        for good in ["2026-11-22", "2024-02-29", "1970-01-01"] {
            assert!(good.parse::<Day>().is_ok(), "{good}");
        }
        for bad in ["", "2026-11-31", "2023-02-29", "2026-1-2", "2026-11-22#", "+026-11-22", "2026-11-22-1", "today"] {
            assert_eq!(bad.parse::<Day>(), Err(BadDay), "{bad}");
        }
    }

    #[test]
    fn a_day_begins_at_midnight_and_follows_the_one_before() {
        let day = Day::of(Millis(1_679_886_450_000));
        assert_eq!((day.as_str(), day.before().as_str()), ("2023-03-27", "2023-03-26"));
        assert_eq!(Day::of(day.begins()), day);
        assert_eq!(Day::of(Millis(day.begins().0 - 1)), day.before());
        assert_eq!(day.plus(180).as_str(), "2023-09-23");
        assert_eq!(Day::of(Millis(1_772_323_199_999)).as_str(), "2026-02-28");
    }
}
