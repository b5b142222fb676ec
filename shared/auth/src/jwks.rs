//! The login service's public keys: fetched, kept, and fetched again when it must be.

mod key;
mod source;

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use ilock_events::Millis;
use jsonwebtoken::DecodingKey;
use key::PublicKey;
use source::Source;
pub use source::{BadSource, JwksSource};
use tokio::sync::Mutex;

use crate::TokenRefused;
use crate::algorithm::AsymmetricAlgorithm;

/// After this the keys are asked for again, in milliseconds: with the time that a fetch may take, a key that the login
/// service takes out stops counting within a minute.
const FRESH_FOR: i64 = 50_000;
/// How long a request waits for the login service whose aged key will do. A call rings only once its token was verified, so
/// that a login service that hangs must not be waited for; one that is asked anew after a quiet time needs some hundred ms.
const AGED_WAIT: Duration = Duration::from_secs(1);
/// So old is a set when the request before must have found it old already: the fetch that it began is waited for too, as an
/// instance of Lambda stands still between two requests.
const OVERDUE: i64 = 60_000;
/// After this keys that could not be asked for again are no longer believed, in milliseconds.
const USABLE_FOR: i64 = 24 * 3_600_000;
/// The most keys that are tried on one token: so many, of one `kid` or without any, no login service has.
const MOST_TRIED: usize = 16;
/// How long a token that no key fits, or a failed fetch, keeps the next one off, in milliseconds.
const QUIET_FOR: i64 = 30_000;
/// The same while there are no keys at all, and so every token is turned away.
const QUIET_WITHOUT_KEYS: i64 = 1_000;

/// A key set as it was once fetched.
struct Fetched {
    keys: Vec<PublicKey>,
    at: Millis,
    /// Counts fetches, so that whoever waited for one can tell that it happened.
    generation: u64,
}

/// When what was last tried; whoever holds its lock is the only one who fetches.
#[derive(Default)]
struct Tried {
    failed: Option<Millis>,
    for_misfit: Option<Millis>,
}

/// Why the keys are asked for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Why {
    NoKeys,
    Aged,
    NoneFits,
}

/// The cached key set. Time is what the callers say it is.
pub(crate) struct Jwks {
    source: Source,
    // A std lock, because it is never held across an await.
    fetched: RwLock<Option<Arc<Fetched>>>,
    // An async lock, because it is held for as long as a fetch takes, which may be longer than anybody waits for it.
    tried: Arc<Mutex<Tried>>,
    /// When a request last waited in vain.
    waited_in_vain: RwLock<Option<Millis>>,
}

impl Jwks {
    pub(crate) fn new(source: &JwksSource) -> Result<Self, BadSource> {
        Ok(Self {
            source: Source::new(source)?,
            fetched: RwLock::new(None),
            tried: Arc::default(),
            waited_in_vain: RwLock::new(None),
        })
    }

    /// What `check` says of a token under the keys named `kid`, or without a name under all of `algorithm`: rotations leave
    /// several of one name behind. Where none fits, the login service may have a new one, also under an old name.
    pub(crate) async fn verify<T>(
        self: &Arc<Self>,
        kid: Option<&str>,
        algorithm: AsymmetricAlgorithm,
        now: Millis,
        check: impl Fn(&DecodingKey) -> Result<T, TokenRefused>,
    ) -> Result<T, TokenRefused> {
        let before = self.usable(now);
        let known = before.as_ref().map(|set| set.tried(kid, algorithm, &check));
        let why = match (&before, &known) {
            (Some(set), Some(_)) if !near(now, set.at, FRESH_FOR) => Why::Aged,
            (Some(_), Some(Err(TokenRefused::UnknownKey | TokenRefused::Signature))) => Why::NoneFits,
            (Some(_), Some(_)) => return known.unwrap_or(Err(TokenRefused::UnknownKey)),
            _ => Why::NoKeys,
        };
        let (seen, seen_at) = before.map(|set| (set.generation, set.at)).unzip();
        let asked = if matches!(known, Some(Ok(_))) {
            let in_vain = *self.waited_in_vain.read().unwrap_or_else(PoisonError::into_inner);
            let overdue = seen_at.is_some_and(|at| !near(now, at, OVERDUE));
            let waits = overdue && !in_vain.is_some_and(|at| near(now, at, QUIET_FOR));
            if tokio::time::timeout(AGED_WAIT, self.refresh(why, seen, waits, now)).await.is_err() {
                *self.waited_in_vain.write().unwrap_or_else(PoisonError::into_inner) = Some(now);
                tracing::warn!(
                    "the login service has not sent its keys yet; those that are known are used until it does"
                );
            }
            Ok(())
        } else {
            let mut tried = self.tried.lock().await;
            self.fetch(&mut tried, why, seen, now).await
        };
        match (self.usable(now).map(|set| set.tried(kid, algorithm, &check)), asked) {
            (Some(Err(TokenRefused::UnknownKey)) | None, Err(unavailable)) => Err(unavailable),
            (found, _) => found.unwrap_or(Err(TokenRefused::UnknownKey)),
        }
    }

    /// Fetches while an aged key will do: so one caller waits for it, and not for long. The fetch goes on without them: cut off,
    /// it would keep the next one off, and a login service that is only slow would never get a key taken out.
    async fn refresh(self: &Arc<Self>, why: Why, seen: Option<u64>, waits: bool, now: Millis) {
        let (jwks, tried) = (Arc::clone(self), Arc::clone(&self.tried));
        let mut tried = match Arc::clone(&tried).try_lock_owned() {
            Ok(tried) => tried,
            Err(_) if waits => tried.lock_owned().await,
            Err(_) => return,
        };
        // One that failed is logged, and keeps the next one off for a while.
        tokio::spawn(async move { jwks.fetch(&mut tried, why, seen, now).await }).await.ok();
    }

    /// Fetches, unless somebody did since `seen`, or it is too soon to try again.
    async fn fetch(&self, tried: &mut Tried, why: Why, seen: Option<u64>, now: Millis) -> Result<(), TokenRefused> {
        let generation = self.last().map(|set| set.generation);
        if generation != seen && self.usable(now).is_some() {
            return Ok(());
        }
        let quiet = if why == Why::NoKeys { QUIET_WITHOUT_KEYS } else { QUIET_FOR };
        if tried.failed.is_some_and(|at| near(now, at, quiet)) {
            return Err(TokenRefused::KeysUnavailable);
        }
        if why == Why::NoneFits {
            if tried.for_misfit.is_some_and(|at| near(now, at, quiet)) {
                return Ok(());
            }
            tried.for_misfit = Some(now);
        }
        // Set first: a caller that goes away in the middle leaves a failure behind, not a free try.
        tried.failed = Some(now);
        match self.source.fetch().await {
            Ok(keys) => {
                tried.failed = None;
                self.keep(Fetched { keys, at: now, generation: generation.map_or(0, |n| n + 1) });
                Ok(())
            }
            Err(error) => {
                tracing::warn!(%error, "the login service's keys could not be fetched");
                Err(TokenRefused::KeysUnavailable)
            }
        }
    }

    fn last(&self) -> Option<Arc<Fetched>> {
        self.fetched.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn usable(&self, now: Millis) -> Option<Arc<Fetched>> {
        self.last().filter(|set| near(now, set.at, USABLE_FOR))
    }

    fn keep(&self, fetched: Fetched) {
        *self.fetched.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(fetched));
    }
}

impl Fetched {
    /// What `check` says of the first key that fits; else that the signature is none of theirs, or that there is none.
    fn tried<T>(
        &self,
        kid: Option<&str>,
        algorithm: AsymmetricAlgorithm,
        check: impl Fn(&DecodingKey) -> Result<T, TokenRefused>,
    ) -> Result<T, TokenRefused> {
        let named = |key: &&PublicKey| kid.is_none_or(|kid| key.kid.as_deref() == Some(kid));
        let fitting = self.keys.iter().filter(|key| key.algorithm == algorithm).filter(named);
        let mut refused = TokenRefused::UnknownKey;
        for key in fitting.take(MOST_TRIED) {
            match check(&key.key) {
                Err(TokenRefused::Signature) => refused = TokenRefused::Signature,
                settled => return settled,
            }
        }
        Err(refused)
    }
}

/// Whether two moments are less than `ms` apart. Either way round: requests overtake each other, and clocks are set back.
const fn near(one: Millis, other: Millis, ms: i64) -> bool {
    one.since(other).saturating_abs() < ms
}
