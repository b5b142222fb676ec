//! Compares this machine's clock with that of AWS: tokens signed with a wrong clock are refused.

use std::sync::{Arc, Mutex};

use aws_sdk_cloudformation::config::interceptors::BeforeDeserializationInterceptorContextRef;
use aws_sdk_cloudformation::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_cloudformation::error::BoxError;
use aws_sdk_cloudformation::primitives::{DateTime, DateTimeFormat};
use ilock_env::Clock;
use ilock_functions::lock::lock;

use crate::aws::doctor::check_result::CheckResult;

const ABOUT: &str = "clock";
/// The leeway that the backend has for tokens.
const FAILED_SECONDS: i64 = 60;
const WARNING_SECONDS: i64 = 10;

/// Remembers how many seconds the `Date` header of the last response was ahead of this machine's clock.
#[derive(Debug, Clone, Default)]
pub struct ClockSkew(Arc<Mutex<Option<i64>>>);

impl Intercept for ClockSkew {
    fn name(&self) -> &'static str {
        "clock skew"
    }

    fn read_after_transmit(
        &self,
        context: &BeforeDeserializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let date = context.response().headers().get("date").and_then(parse_date);
        let here = Clock::system().now().0 / 1000;
        if let Some(there) = date {
            *lock(&self.0) = Some(there - here);
        }
        Ok(())
    }
}

fn parse_date(date: &str) -> Option<i64> {
    DateTime::from_str(date, DateTimeFormat::HttpDate).ok().map(|date| date.secs())
}

impl ClockSkew {
    /// None before the first response.
    pub fn result(&self) -> Option<CheckResult> {
        lock(&self.0).map(judge)
    }
}

fn judge(ahead: i64) -> CheckResult {
    let direction = if ahead > 0 { "behind" } else { "ahead of" };
    let found = format!("this machine's clock is {} s {direction} AWS's", ahead.abs());
    let remedy = "set the clock, for example with NTP: tokens signed on this machine would be refused";
    match ahead.abs() {
        off if off > FAILED_SECONDS => CheckResult::failed(ABOUT, found, remedy),
        off if off > WARNING_SECONDS => CheckResult::warning(ABOUT, found, remedy),
        off => CheckResult::ok(ABOUT, format!("this machine's clock is AWS's, within {} s", off.max(1))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aws::doctor::check_result::Outcome;

    #[test]
    fn a_clock_may_be_a_little_off_and_not_a_minute() {
        for (ahead, outcome) in [
            (0, Outcome::Ok),
            (-10, Outcome::Ok),
            (11, Outcome::Warning),
            (-60, Outcome::Warning),
            (61, Outcome::Failed),
            (-3600, Outcome::Failed),
        ] {
            assert_eq!(judge(ahead).outcome, outcome, "{ahead}");
        }
        assert!(judge(90).found.contains("90 s behind"));
        assert!(judge(-90).found.contains("90 s ahead of"));
    }

    #[test]
    fn the_date_of_a_response_is_parsed() {
        assert_eq!(parse_date("Sun, 06 Nov 1994 08:49:37 GMT"), Some(784_111_777));
        assert_eq!(parse_date("yesterday"), None);
    }
}
