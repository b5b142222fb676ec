//! Time and randomness: handed in, so that what decides stays a function of its arguments.

use std::sync::Arc;

use ilock_events::Millis;

use crate::answer::ApiError;

/// Where the time comes from.
#[derive(Clone)]
pub struct Clock(Arc<dyn Fn() -> Millis + Send + Sync>);

impl Clock {
    /// A clock that `read` reads.
    pub fn new(read: impl Fn() -> Millis + Send + Sync + 'static) -> Self {
        Self(Arc::new(read))
    }

    /// The system's.
    #[must_use]
    pub fn system() -> Self {
        Self::new(|| {
            let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
            Millis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
        })
    }

    /// Now.
    #[must_use]
    pub fn now(&self) -> Millis {
        (self.0)()
    }
}

/// `N` random bytes.
///
/// # Errors
/// 500 when the system has none.
pub fn random<const N: usize>() -> Result<[u8; N], ApiError> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|error| ApiError::Internal(error.to_string()))?;
    Ok(bytes)
}
