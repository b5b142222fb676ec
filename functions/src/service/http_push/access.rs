//! Access tokens: kept until shortly before they run out, and asked for once, however many want one.

use std::sync::{Arc, Mutex, MutexGuard};

use futures::FutureExt;
use futures::future::{BoxFuture, Shared};
use ilock_env::Clock;
use ilock_events::Millis;
use ilock_notify::push::PushError;

use crate::lock::lock;

/// A token with less time left is not used any more: the request would arrive too late.
const SPARE_MS: i64 = 60_000;
/// With less time left the next one is asked for, while this one is used.
const RENEW_MS: i64 = 300_000;

/// An access token.
#[derive(Clone, PartialEq, Eq)]
pub struct AccessToken {
    pub token: String,
    /// The provider's project that it is for.
    pub project: String,
    pub until: Millis,
}

/// Who issues access tokens.
pub trait AccessIssuer: Send + Sync {
    /// A new one.
    fn issue(&self) -> BoxFuture<'_, Result<AccessToken, PushError>>;
}

type Asking = Shared<BoxFuture<'static, Result<AccessToken, PushError>>>;

#[derive(Default)]
struct Kept {
    current: Option<AccessToken>,
    asking: Option<Asking>,
}

/// The access tokens of one provider.
pub(super) struct AccessCache {
    issuer: Arc<dyn AccessIssuer>,
    clock: Clock,
    kept: Arc<Mutex<Kept>>,
}

impl AccessCache {
    pub fn new(issuer: Arc<dyn AccessIssuer>, clock: Clock) -> Self {
        Self { issuer, clock, kept: Arc::default() }
    }

    /// One that works. What asks for it goes on when who waits for it gives up: the next one finds it there.
    pub async fn get(&self) -> Result<AccessToken, PushError> {
        let asking = {
            let mut kept = lock(&self.kept);
            let left = |access: &AccessToken| access.until.since(self.clock.now());
            match kept.current.clone().filter(|access| left(access) > SPARE_MS) {
                Some(access) => {
                    if left(&access) < RENEW_MS {
                        drop(self.ask(&mut kept));
                    }
                    return Ok(access);
                }
                None => self.ask(&mut kept),
            }
        };
        asking.await
    }

    /// Asks for one, without waiting for it.
    pub fn prepare(&self) {
        drop(self.ask(&mut lock(&self.kept)));
    }

    /// `access` turned out not to work.
    pub fn forget(&self, access: &AccessToken) {
        let mut kept = lock(&self.kept);
        if kept.current.as_ref() == Some(access) {
            kept.current = None;
        }
    }

    fn ask(&self, kept: &mut MutexGuard<'_, Kept>) -> Asking {
        if let Some(asking) = &kept.asking {
            return asking.clone();
        }
        let (issuer, shared) = (self.issuer.clone(), self.kept.clone());
        let task = tokio::spawn(async move {
            let issued = issuer.issue().await;
            let mut kept = lock(&shared);
            kept.asking = None;
            if let Ok(access) = &issued {
                kept.current = Some(access.clone());
            }
            issued
        });
        let ended = |error: tokio::task::JoinError| Err(PushError::Unavailable(error.to_string()));
        let asking = async move { task.await.unwrap_or_else(ended) }.boxed().shared();
        kept.asking = Some(asking.clone());
        asking
    }
}
