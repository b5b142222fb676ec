//! The carrier of pushes by HTTP.

use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use ilock_env::Clock;
use ilock_events::PushService;
use ilock_notify::push::{PushCarrier, PushError, PushRequest};
use reqwest::header::RETRY_AFTER;
use reqwest::redirect::Policy;
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::access::{AccessCache, AccessToken};
use super::holds::Holds;
use super::provider::{HttpAnswer, PushProvider, Verdict, Wait};

/// How long one request may take. The delivery tries again, with the time that is left then.
const TIMEOUT: Duration = Duration::from_secs(1);
/// What the endpoints of this carrier begin with: then the service, a colon, and the phone's token.
const PREFIX: &str = "http:";
/// Tokens are shorter; one that is longer would not fit into a key of the directory.
const MAX_TOKEN: usize = 1500;

struct Row {
    provider: Arc<dyn PushProvider>,
    access: AccessCache,
    holds: Holds,
}

/// Hands pushes to the providers in its table, and what is not theirs to the carrier beside it.
pub struct HttpPush {
    http: reqwest::Client,
    rows: Vec<Row>,
    beside: Option<Arc<dyn PushCarrier>>,
    clock: Clock,
}

impl HttpPush {
    /// With `providers`, one for a push service; `beside` it the carrier of the others.
    ///
    /// # Errors
    /// Why there can be no HTTP client.
    pub fn new(
        providers: Vec<Arc<dyn PushProvider>>,
        beside: Option<Arc<dyn PushCarrier>>,
        clock: Clock,
    ) -> Result<Self, String> {
        let http = reqwest::Client::builder().timeout(TIMEOUT).redirect(Policy::none()).build();
        let http = http.map_err(|error| error.to_string())?;
        let row = |provider: Arc<dyn PushProvider>| {
            let access = AccessCache::new(provider.issuer(), clock.clone());
            Row { provider, access, holds: Holds::default() }
        };
        Ok(Self { http, rows: providers.into_iter().map(row).collect(), beside, clock })
    }

    /// Asks for the access tokens, so that the first push need not wait for them. Does nothing outside a runtime.
    pub fn prepare(&self) {
        if tokio::runtime::Handle::try_current().is_ok() {
            for row in &self.rows {
                row.access.prepare();
            }
        }
    }

    fn row(&self, service: PushService) -> Option<&Row> {
        self.rows.iter().find(|row| row.provider.service() == service)
    }

    async fn deliver(&self, push: PushRequest) -> Result<Option<String>, PushError> {
        let Some(named) = push.endpoint.strip_prefix(PREFIX) else {
            let beside = self.beside.as_ref().ok_or_else(|| nobody(&push.endpoint))?;
            return beside.send(push).await;
        };
        let token = named.split_once(':').map(|(_, token)| token).ok_or_else(|| nobody(named))?;
        let row = self.row(push.service).ok_or_else(|| nobody(push.service.word()))?;
        row.holds.check(token, self.clock.now())?;
        let access = row.access.get().await?;
        let mut verdict = self.try_once(row, token, &push, &access).await?;
        if let Verdict::Unauthorized(_) = verdict {
            // A key that was changed, or a token that was taken back: another one may do.
            row.access.forget(&access);
            let access = row.access.get().await?;
            verdict = self.try_once(row, token, &push, &access).await?;
        }
        match verdict {
            Verdict::Taken(id) => Ok(id),
            Verdict::Retired(why) => Err(PushError::Retired(why)),
            Verdict::Refused(why) | Verdict::Unauthorized(why) => Err(PushError::Refused(why)),
            Verdict::Busy(why, wait) => {
                row.holds.note(token, wait, self.clock.now());
                Err(match wait {
                    Wait::Unsaid => PushError::Unavailable(why),
                    Wait::Phone(wait) | Wait::Service(wait) => PushError::Later { why, wait },
                })
            }
        }
    }

    async fn try_once(
        &self,
        row: &Row,
        token: &str,
        push: &PushRequest,
        access: &AccessToken,
    ) -> Result<Verdict, PushError> {
        let (url, body) = row.provider.request(token, push, access)?;
        // Without the address: it may contain a token.
        let failed = |error: reqwest::Error| PushError::Unavailable(error.without_url().to_string());
        let sent = self.http.post(url).bearer_auth(&access.token).json(&body).send().await.map_err(failed)?;
        let retry_after = sent.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
        let status = sent.status().as_u16();
        let body = sent.bytes().await.map_err(failed)?;
        let body: Value = serde_json::from_slice(&body).unwrap_or_default();
        Ok(row.provider.verdict(&HttpAnswer { status, retry_after: retry_after.map(Duration::from_secs), body }))
    }
}

/// `endpoint` as it may stand in a log: an endpoint of this carrier contains the phone's token.
#[must_use]
pub fn for_the_log(endpoint: &str) -> String {
    match endpoint.strip_prefix(PREFIX).and_then(|named| named.split_once(':')) {
        Some((service, token)) => format!("{PREFIX}{service}:sha256-{}", &hex::encode(Sha256::digest(token))[..16]),
        None => endpoint.to_owned(),
    }
}

fn nobody(what: &str) -> PushError {
    let what = what.split(':').next().unwrap_or_default();
    PushError::Refused(format!("{what}: no carrier of this service is set up any more"))
}

impl PushCarrier for HttpPush {
    fn register(&self, service: PushService, token: String) -> BoxFuture<'_, Result<Option<String>, PushError>> {
        Box::pin(async move {
            if self.row(service).is_none() {
                return match &self.beside {
                    Some(beside) => beside.register(service, token).await,
                    None => Ok(None),
                };
            }
            if token.len() > MAX_TOKEN {
                return Err(PushError::Refused(format!("a token has at most {MAX_TOKEN} characters")));
            }
            Ok(Some(format!("{PREFIX}{}:{token}", service.word())))
        })
    }

    fn send(&self, push: PushRequest) -> BoxFuture<'_, Result<Option<String>, PushError>> {
        Box::pin(self.deliver(push))
    }
}
