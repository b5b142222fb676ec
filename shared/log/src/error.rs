//! What may go wrong on the way to the log.

use ilock_call::BrokenLog;
use ilock_dynamo::StoreError;
use ilock_events::CallId;

/// Why the log could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// DynamoDB did not do it: throttled, timed out, unreachable, refused.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// What is stored does not add up.
    #[error("the log of call {call_id} is broken")]
    Broken {
        call_id: CallId,
        #[source]
        source: BrokenLog,
    },
    /// An item cannot be read.
    #[error("item {key} cannot be read")]
    Item {
        /// Its sort key.
        key: String,
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// Others were first so many times that we gave up. Asking again is right.
    #[error("call {call_id} is contended")]
    Contended { call_id: CallId },
}

pub(crate) fn store<E>(operation: &'static str) -> impl FnOnce(E) -> LogError
where
    E: std::error::Error + Send + Sync + 'static,
{
    move |source| LogError::Store(StoreError::new(operation, source))
}
