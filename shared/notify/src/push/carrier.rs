//! The carrier of pushes, and what it is given.

use std::collections::BTreeMap;
use std::time::Duration;

use futures::future::BoxFuture;
use ilock_events::PushService;

/// The headers that APNs wants beside the payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ApnsHeaders {
    /// `apns-push-type`: `voip`, `alert` or `background`.
    pub push_type: &'static str,
    /// `apns-priority`: 10 at once, 5 when it suits the battery.
    pub priority: u8,
}

/// One push to one phone, as its service is given it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PushRequest {
    /// To which endpoint, in the carrier's words.
    pub endpoint: String,
    /// By which service.
    pub service: PushService,
    pub payload: String,
    /// For Apple's services.
    pub apns: Option<ApnsHeaders>,
    /// The service drops it undelivered after so many seconds; at least 1.
    pub ttl_seconds: u32,
}

/// What the error of a push begins with that would not be taken the next time either.
pub const REFUSED: &str = "refused";

/// What the error of a push begins with whose service asked for a longer wait than there was time.
pub const HELD_BACK: &str = "held back";

/// Why a push service did not take a push, or a token.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PushError {
    /// This endpoint will not work again until the phone registers anew; the service's word for why.
    #[error("{0}")]
    Retired(String),
    /// It would not be taken the next time either.
    #[error("{REFUSED}: {0}")]
    Refused(String),
    /// No token is taken until the operator changes something; what the service said.
    #[error("the operator's setup does not permit it: {0}")]
    Unusable(String),
    /// It may be taken the next time.
    #[error("unavailable: {0}")]
    Unavailable(String),
    /// It will not be taken before `wait` has passed: the service has asked for that.
    #[error("unavailable: {why}")]
    Later { why: String, wait: Duration },
}

/// `wait` in milliseconds; one that is too long for that is so long that a sum with it is still a time.
#[must_use]
pub fn millis(wait: Duration) -> i64 {
    i64::try_from(wait.as_millis()).unwrap_or(i64::MAX / 2)
}

/// The operator's platform applications at SNS.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PushApps {
    /// The ARN of each that is set up.
    pub arns: BTreeMap<PushService, String>,
    /// The iOS app's bundle id: the topic of its alerts, and with `.voip` of its calls.
    pub bundle_id: Option<String>,
}

/// Who carries pushes. On AWS: SNS; locally one that shows them.
pub trait PushCarrier: Send + Sync {
    /// Makes `token` an endpoint of `service` that works, and answers what the carrier calls it; none where the operator
    /// has not set up the service. The same token is the same endpoint.
    fn register(&self, service: PushService, token: String) -> BoxFuture<'_, Result<Option<String>, PushError>>;

    /// One try of one push. Answers the carrier's own id of it, where it gives one.
    fn send(&self, request: PushRequest) -> BoxFuture<'_, Result<Option<String>, PushError>>;
}
