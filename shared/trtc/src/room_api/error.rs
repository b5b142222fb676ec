//! What can go wrong on the way to Tencent, and whether asking again can help.

use std::error::Error;

use super::pace::PER_SECOND;

/// The most users that one request may name.
pub(crate) const MOST_USERS: usize = 10;

/// Why Tencent did not do it.
///
/// It says nothing that was sent and nothing that somebody else wrote, but for a code and an id of plain letters: so it
/// can be logged.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{action} failed, try {tries}: {fault}{}", .request_id.as_deref().map(|id| format!(" (RequestId {id})")).unwrap_or_default())]
pub struct RoomApiError {
    /// What was asked for: `DismissRoom`, `RemoveUser`.
    pub action: &'static str,
    /// What went wrong at the last try.
    pub fault: Fault,
    /// Whether the same request may go well later. It was repeated already while there was time.
    pub retry: bool,
    /// By which Tencent finds its last answer.
    pub request_id: Option<String>,
    /// How many requests were sent.
    pub tries: u32,
}

impl RoomApiError {
    pub(super) fn new(action: &'static str, tries: u32, failed: Failed) -> Self {
        Self { action, retry: failed.fault.may_pass(), fault: failed.fault, request_id: failed.request_id, tries }
    }

    /// Tencent's error code: `AuthFailure.SignatureFailure`. Its list tells what to do about it.
    #[must_use]
    pub fn code(&self) -> Option<&str> {
        match &self.fault {
            Fault::Refused(code) => Some(code),
            _ => None,
        }
    }
}

/// What went wrong.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// Tencent answered with this error code. Its message is not kept: it may repeat what was sent.
    #[error("Tencent answers {0}")]
    Refused(String),
    /// Another HTTP status than 200: somebody on the way, for Tencent puts its errors into the body.
    #[error("the answer is HTTP {0}")]
    Status(u16),
    /// No whole answer in time; it may have been done all the same.
    #[error("no answer in time")]
    Timeout,
    /// No connection, or it broke.
    #[error("not reached: {0}")]
    Unreachable(String),
    /// An answer in no form that Tencent has.
    #[error("the answer is not in Tencent's form")]
    Malformed,
    /// So much was to be asked that the turn did not come in time.
    #[error("there are more than {PER_SECOND} requests a second to send")]
    Busy,
    /// Too many users, or none.
    #[error("1 to {MOST_USERS} users can be removed at once")]
    Users,
}

/// Error codes, with all that they have after a `.`, that pass by themselves. All others say that the request, the key
/// or the account is wrong, and stay.
const PASSING: [&str; 5] =
    ["RequestLimitExceeded", "InternalError", "ServiceUnavailable", "ResourceUnavailable", "ResourceInsufficient"];

impl Fault {
    /// Whether it may be gone at the next try.
    pub(super) fn may_pass(&self) -> bool {
        match self {
            Self::Refused(code) => PASSING.contains(&code.split('.').next().unwrap_or_default()),
            Self::Status(status) => *status >= 500 || *status == 429,
            Self::Timeout | Self::Unreachable(_) | Self::Malformed | Self::Busy => true,
            Self::Users => false,
        }
    }
}

/// One try that failed.
#[derive(Debug)]
pub(super) struct Failed {
    pub fault: Fault,
    pub request_id: Option<String>,
}

impl From<Fault> for Failed {
    fn from(fault: Fault) -> Self {
        Self { fault, request_id: None }
    }
}

/// What the HTTP client says, without the URL, the proxy and the headers: only the innermost cause.
pub(super) fn unreachable(error: &reqwest::Error) -> Failed {
    if error.is_timeout() {
        return Fault::Timeout.into();
    }
    let mut cause = error.source();
    while let Some(inner) = cause.and_then(Error::source) {
        cause = Some(inner);
    }
    Fault::Unreachable(cause.map_or_else(|| "the request failed".into(), ToString::to_string)).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_pass_is_retried_and_what_stays_is_not() {
        for passing in [
            "RequestLimitExceeded",
            "RequestLimitExceeded.UinLimitExceeded",
            "RequestLimitExceeded.GlobalRegionUinLimitExceeded",
            "InternalError",
            "InternalError.GetRoomCacheIpError",
            "ServiceUnavailable",
            "ResourceInsufficient.RequestRejection",
        ] {
            assert!(Fault::Refused(passing.into()).may_pass(), "{passing}");
        }
        for staying in [
            "AuthFailure.SignatureFailure",
            "AuthFailure.SignatureExpire",
            "AuthFailure.SecretIdNotFound",
            "InvalidParameter.RoomId",
            "InvalidParameterValue.RoomId",
            "MissingParameter.SdkAppId",
            "UnauthorizedOperation.SdkAppId",
            "FailedOperation.SdkAppIdNotExist",
            "RequestSizeLimitExceeded",
            "RequestLimitExceededish",
            "LimitExceeded",
            "UnsupportedRegion",
            "",
        ] {
            assert!(!Fault::Refused(staying.into()).may_pass(), "{staying}");
        }
        assert!(Fault::Status(500).may_pass() && Fault::Status(503).may_pass() && Fault::Status(429).may_pass());
        assert!(!Fault::Status(302).may_pass() && !Fault::Status(403).may_pass() && !Fault::Status(407).may_pass());
    }

    #[test]
    fn an_error_says_what_where_and_how_often() {
        let failed = Failed { fault: Fault::Refused("InternalError".into()), request_id: Some("eac6b301".into()) };
        let error = RoomApiError::new("DismissRoom", 3, failed);
        let text = "DismissRoom failed, try 3: Tencent answers InternalError (RequestId eac6b301)";
        assert_eq!(error.to_string(), text);
        assert!(error.retry);
        assert_eq!(error.code(), Some("InternalError"));
    }
}
