//! What is known of the backend's time, without trusting any clock of the phone.

/// How much two sources of the backend's time may differ before the earlier one is thought wrong.
const TOLERANCE_MS: i64 = 5_000;

/// The backend's time, as a lower bound: it is at least this late there. A message has expired for certain when its
/// end lies before the bound, and a phone rings at most by the bound's error too long: one second of a `Date`, and the
/// time an answer was under way.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct ServerTime {
    /// The backend's milliseconds since 1970 minus those of the steady clock.
    offset: Option<i64>,
    /// Whether an answer's `Date` was seen, which is never old.
    by_date: bool,
}

fn signed(steady: u64) -> i64 {
    i64::try_from(steady).unwrap_or(i64::MAX)
}

impl ServerTime {
    /// A message that was made at `server` arrived at `now`. It may have waited anywhere.
    pub fn sent_at(&mut self, server: i64, now: u64) {
        let offset = server.saturating_sub(signed(now));
        self.offset = Some(self.offset.map_or(offset, |known| known.max(offset)));
    }

    /// An answer whose `Date` is `header` arrived at `now`.
    pub fn date(&mut self, header: &str, now: u64) {
        let Some(server) = http_date(header) else { return };
        let offset = server.saturating_sub(signed(now));
        let keeps = |known: &i64| *known >= offset && known.saturating_sub(offset) <= TOLERANCE_MS;
        self.offset = Some(self.offset.filter(keeps).unwrap_or(offset));
        self.by_date = true;
    }

    /// Whether the time is known from something that is never old.
    pub fn is_known(&self) -> bool {
        self.by_date
    }

    /// The backend's time.
    pub fn now(&self, now: u64) -> Option<i64> {
        self.offset.map(|offset| signed(now).saturating_add(offset))
    }

    /// Whether `at` has certainly passed.
    pub fn has_passed(&self, at: i64, now: u64) -> bool {
        self.now(now).is_some_and(|server| server >= at)
    }

    /// When it will be `at`, by the steady clock.
    pub fn steady(&self, at: i64) -> Option<u64> {
        self.offset.map(|offset| u64::try_from(at.saturating_sub(offset)).unwrap_or(0))
    }
}

/// `Sun, 06 Nov 1994 08:49:37 GMT` (RFC 9110 §5.6.7, its preferred form) in milliseconds since 1970.
fn http_date(text: &str) -> Option<i64> {
    const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let words: Vec<&str> = text.split_whitespace().collect();
    let [_, day, month, year, clock, "GMT"] = words[..] else { return None };
    let month = i64::try_from(MONTHS.iter().position(|name| *name == month)?).ok()? + 1;
    let number = |text: &str, most: i64| text.parse::<i64>().ok().filter(|n| (0..=most).contains(n));
    let (day, year) = (number(day, 31)?, number(year, 9_999)?);
    let parts: Vec<i64> = clock.split(':').map(|part| number(part, 60)).collect::<Option<_>>()?;
    let [hours, minutes, seconds] = parts[..] else { return None };
    Some(((days(year, month, day) * 24 + hours) * 60 + minutes) * 60_000 + seconds * 1_000)
}

/// Days from 1970-01-01, in the Gregorian calendar: years begin in March, so that a leap day is their last.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_is_read_to_the_second() {
        for (text, seconds) in [
            ("Thu, 01 Jan 1970 00:00:00 GMT", 0),
            ("Sun, 06 Nov 1994 08:49:37 GMT", 784_111_777),
            ("Thu, 29 Feb 2024 23:59:59 GMT", 1_709_251_199),
            ("Wed, 25 Nov 2026 20:35:11 GMT", 1_795_638_911),
        ] {
            assert_eq!(http_date(text), Some(seconds * 1_000), "{text}");
        }
        for bad in
            ["", "now", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun, 06 Nov 1994 08:49 GMT", "Sun, 06 Nov 1994 8:x:37 GMT"]
        {
            assert_eq!(http_date(bad), None, "{bad}");
        }
    }

    #[test]
    fn the_latest_of_what_is_known_counts() {
        let mut time = ServerTime::default();
        assert!(!time.has_passed(0, 5_000));
        time.sent_at(1_000_000, 100);
        assert!(!time.is_known());
        time.sent_at(1_000_010, 600);
        assert_eq!(time.now(600), Some(1_000_500), "a message that waited tells nothing new");
        time.date("Thu, 01 Jan 1970 00:16:40 GMT", 600);
        assert!(time.is_known());
        assert_eq!(time.now(600), Some(1_000_500), "a date is up to a second older than the answer");
        assert_eq!(time.steady(1_002_500), Some(2_600));
        assert!(time.has_passed(1_000_500, 600) && !time.has_passed(1_000_501, 600));
    }

    #[test]
    fn a_wrong_message_does_not_spoil_the_time_for_ever() {
        let mut time = ServerTime::default();
        time.sent_at(99_000_000, 0);
        time.date("Thu, 01 Jan 1970 00:16:40 GMT", 0);
        assert_eq!(time.now(0), Some(1_000_000));
    }
}
