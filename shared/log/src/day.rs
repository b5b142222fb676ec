//! Days, and the index of the calls that were placed on one.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use ilock_events::{CallId, Millis, TenantId};
use sha2::{Digest, Sha256};
use time::{Date, Month, OffsetDateTime};

use crate::raw::DayPages;
use crate::{EventLog, LogError};

/// Over so many keys a day is spread, so that no one of them runs hot.
pub const BUCKETS: u8 = 8;

/// A day (UTC), written as `2026-11-22`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
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

/// In which bucket of a day a call is.
#[must_use]
pub fn bucket(call_id: &CallId) -> u8 {
    Sha256::digest(call_id.as_str().as_bytes())[0] % BUCKETS
}

/// The key of the day index under which a call stands that was placed at `at`.
pub(crate) fn key(tenant: &TenantId, call_id: &CallId, at: Millis) -> String {
    format!("{tenant}#{}#{}", Day::of(at), bucket(call_id))
}

/// A call of a day: when it was placed, and which. In this order they are told.
pub type PlacedOn = (Millis, CallId);

impl EventLog {
    /// The next `most` calls that `tenant` placed on `day`, in order, after the call `after`. The index is a moment
    /// behind the log.
    ///
    /// # Errors
    /// [`LogError::Store`], or [`LogError::Item`] when the index holds what is no call.
    pub async fn placed_on(
        &self,
        tenant: &TenantId,
        day: &Day,
        after: Option<&PlacedOn>,
        most: usize,
    ) -> Result<Vec<PlacedOn>, LogError> {
        let from = after.map_or(Millis(i64::MIN), |(at, _)| *at);
        let buckets = (0..BUCKETS).map(|bucket| {
            let pages = self.placed_under_from(format!("{tenant}#{day}#{bucket}"), from, most);
            first_of(pages, after, most)
        });
        let mut found = BTreeSet::new();
        for bucket in futures::future::try_join_all(buckets).await? {
            found.extend(bucket);
        }
        Ok(found.into_iter().take(most).collect())
    }
}

/// The first `most` calls after `after` under one key. The index does not order calls of one moment, so all of the last
/// moment are read.
async fn first_of(mut pages: DayPages, after: Option<&PlacedOn>, most: usize) -> Result<BTreeSet<PlacedOn>, LogError> {
    let mut found = BTreeSet::new();
    while let Some(page) = pages.next().await? {
        let read_to = page.last().map(|(at, _)| *at);
        found.extend(page.into_iter().filter(|call| after.is_none_or(|after| call > after)));
        let enough = found.iter().nth(most.saturating_sub(1)).map(|(at, _)| *at);
        if enough.is_some_and(|enough| read_to.is_some_and(|read_to| read_to > enough)) {
            break;
        }
    }
    Ok(found)
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
        assert_eq!(Day::of(Millis(1_772_323_199_999)).as_str(), "2026-02-28");
    }
}
