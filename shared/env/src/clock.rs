//! The one clock. Everything that needs the time is given it, so a test or a simulation decides what time it is.

use std::fmt;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use ilock_events::Millis;

/// Where the time comes from. Clones read the same clock.
#[derive(Clone)]
pub struct Clock(Arc<dyn Fn() -> Millis + Send + Sync>);

impl Clock {
    /// A clock that calls `read` each time it is asked.
    pub fn new(read: impl Fn() -> Millis + Send + Sync + 'static) -> Self {
        Self(Arc::new(read))
    }

    /// The system's clock.
    #[must_use]
    #[allow(clippy::disallowed_methods, reason = "the one place that reads it")]
    pub fn system() -> Self {
        Self::new(|| {
            let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
            Millis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
        })
    }

    /// A clock that stands still at `at`.
    #[must_use]
    pub fn fixed(at: Millis) -> Self {
        Self::new(move || at)
    }

    /// The time now.
    #[must_use]
    pub fn now(&self) -> Millis {
        (self.0)()
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Clock").field(&self.now()).finish()
    }
}
