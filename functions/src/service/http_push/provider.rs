//! A row of the table of [`HttpPush`](super::HttpPush): one push service.

use std::sync::Arc;
use std::time::Duration;

use ilock_events::PushService;
use ilock_notify::push::{PushError, PushRequest};
use serde_json::Value;

use super::access::{AccessIssuer, AccessToken};

/// A push service that is asked by HTTP: `POST` of JSON, with an access token as `Authorization: Bearer`.
pub trait PushProvider: Send + Sync {
    fn service(&self) -> PushService;

    /// Who issues its access tokens.
    fn issuer(&self) -> Arc<dyn AccessIssuer>;

    /// The address and the body of the request that hands `push` to the phone with `token`.
    ///
    /// # Errors
    /// [`PushError::Refused`] for a push that this service has no form for.
    fn request(&self, token: &str, push: &PushRequest, access: &AccessToken) -> Result<(String, Value), PushError>;

    /// What its answer means.
    fn verdict(&self, answer: &HttpAnswer) -> Verdict;
}

/// What a push service answered.
#[derive(Debug, Clone)]
pub struct HttpAnswer {
    pub status: u16,
    /// `Retry-After` in seconds; none where there is none, or another form of it.
    pub retry_after: Option<Duration>,
    /// The body; null where it is not JSON.
    pub body: Value,
}

/// What became of one request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Taken; the service's own id of it.
    Taken(Option<String>),
    /// The access token is not good any more.
    Unauthorized(String),
    /// The phone's token will not work again until the phone registers anew.
    Retired(String),
    /// It would not be taken the next time either.
    Refused(String),
    /// It may be taken later.
    Busy(String, Wait),
}

/// What is not to be tried before when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wait {
    /// Nothing is said about it: the delivery's own pauses do.
    Unsaid,
    /// This phone alone.
    Phone(Duration),
    /// The whole service.
    Service(Duration),
}
