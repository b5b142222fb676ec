//! The one error type of every function: what was asked wrongly, what the domain refuses, what the world did to us.

use ilock_auth::TokenRefused;
use ilock_call::Refusal;
use ilock_directory::DirectoryError;
use ilock_env::NoRandomness;
use ilock_events::Day;
use ilock_log::LogError;
use ilock_log::ledger::LedgerError;
use ilock_notify::QueueError;

/// Every way in which an answer is not what was asked for.
#[derive(Debug, thiserror::Error)]
pub enum ApiError {
    /// A field is missing, of the wrong type, or breaks its rule.
    /// The rule may quote what was sent, and below the first name of the path stand names that the sender chose: both go into the
    /// answer and never into a log.
    #[error("{} breaks its rule", first_name(.field))]
    Field {
        /// Which: a path in the body, a header, or a part of the address.
        field: String,
        /// What would be right.
        rule: String,
    },
    /// The body is larger than is ever needed.
    #[error("the body is larger than {most} bytes")]
    TooLarge {
        /// The most that is taken.
        most: usize,
    },
    /// The body did not come to its end in time.
    #[error("the body took longer than {seconds} seconds")]
    TooSlow {
        /// How long it may take.
        seconds: u64,
    },
    /// The body is compressed, or encoded in another way.
    #[error("the body has a content encoding")]
    Encoded,
    /// No token, or one that does not count.
    #[error("not authenticated: {0}")]
    Unauthenticated(String),
    /// The token is good, but not for this.
    #[error("forbidden: {0}")]
    Forbidden(&'static str),
    /// The login that the token comes from was ended.
    #[error("logged out")]
    LoggedOut,
    /// The asker did that too often.
    #[error("too often: {0:?}")]
    TooOften(TooMany),
    /// The asker has blocked as many callers as anybody may.
    #[error("too many blocks")]
    TooManyBlocks,
    /// There is no such thing, or none that the asker may know of.
    #[error("no such {0}")]
    NotFound(&'static str),
    /// The call was moved into the archive of this day.
    #[error("in the archive of {0}")]
    Archived(Day),
    /// There is no such route.
    #[error("no such route")]
    NoRoute,
    /// The route takes another method.
    #[error("the route takes another method")]
    WrongMethod,
    /// The domain's own answer.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// Nobody is called but the caller itself.
    #[error("{field} names nobody but the caller")]
    CallsSelf {
        /// Which field of the request says so.
        field: &'static str,
    },
    /// Too many writers at once; asking again is right.
    #[error("busy")]
    Busy,
    #[error(transparent)]
    Log(LogError),
    #[error(transparent)]
    Directory(#[from] DirectoryError),
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// The ring timer: without it no call is placed.
    #[error(transparent)]
    Timer(QueueError),
    /// Something that cannot be, was.
    #[error("internal: {0}")]
    Internal(String),
}

/// Of what there were too many, and after how many milliseconds there may be one more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TooMany {
    /// Calls that one caller places.
    Presses { retry_after_ms: i64 },
    /// Calls that one caller places to one person.
    PressesForOne { retry_after_ms: i64 },
    /// Calls of strangers that ring one person at a time.
    Strangers { retry_after_ms: i64 },
    /// Registrations of one party.
    Registrations { retry_after_ms: i64 },
}

impl ApiError {
    /// A field that breaks its rule.
    pub fn field(field: impl Into<String>, rule: impl Into<String>) -> Self {
        Self::Field { field: field.into(), rule: rule.into() }
    }
}

/// The first name of a path in a body, which is one of ours: `invitation_data` of `invitation_data.names[0]`.
fn first_name(path: &str) -> &str {
    path.split(['.', '[']).next().unwrap_or_default()
}

impl From<LogError> for ApiError {
    fn from(error: LogError) -> Self {
        match error {
            LogError::Contended { .. } => Self::Busy,
            other => Self::Log(other),
        }
    }
}

impl From<NoRandomness> for ApiError {
    fn from(error: NoRandomness) -> Self {
        Self::Internal(error.to_string())
    }
}

impl From<TokenRefused> for ApiError {
    fn from(refused: TokenRefused) -> Self {
        match refused {
            TokenRefused::KeysUnavailable => Self::Busy,
            other => Self::Unauthenticated(other.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_a_sender_chose_are_not_logged() {
        for (field, logged) in [
            ("invitation_data.Frau Meier\u{1b}[31m\n2026 ERROR TAMPERED[0]", "invitation_data breaks its rule"),
            ("caller_info.name", "caller_info breaks its rule"),
            ("callee_ids[1]", "callee_ids breaks its rule"),
            ("Idempotency-Key", "Idempotency-Key breaks its rule"),
        ] {
            assert_eq!(ApiError::field(field, "must be a text").to_string(), logged);
        }
    }
}
