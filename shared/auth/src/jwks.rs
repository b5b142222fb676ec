//! The login service's public keys: fetched, kept, and fetched again when it must be.

mod key;
mod source;

use std::sync::{Arc, PoisonError, RwLock};

use ilock_events::Millis;
use jsonwebtoken::DecodingKey;
use key::PublicKey;
use source::Source;
pub use source::{BadSource, JwksSource};
use tokio::sync::Mutex;

use crate::TokenRefused;
use crate::algorithm::AsymmetricAlgorithm;

/// After this the keys are asked for again, in milliseconds.
const FRESH_FOR: i64 = 10 * 60_000;
/// After this keys that could not be asked for again are no longer believed, in milliseconds.
const USABLE_FOR: i64 = 24 * 3_600_000;
/// How long an unknown `kid`, or a failed fetch, keeps the next one off, in milliseconds.
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
    for_unknown_kid: Option<Millis>,
}

/// Why the keys are asked for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Why {
    NoKeys,
    Aged,
    UnknownKid,
}

/// The cached key set. Time is what the callers say it is.
pub(crate) struct Jwks {
    source: Source,
    // A std lock, because it is never held across an await.
    fetched: RwLock<Option<Arc<Fetched>>>,
    // An async lock, because it is held for as long as a fetch takes.
    tried: Mutex<Tried>,
}

impl Jwks {
    pub(crate) fn new(source: &JwksSource) -> Result<Self, BadSource> {
        Ok(Self { source: Source::new(source)?, fetched: RwLock::new(None), tried: Mutex::default() })
    }

    /// The key named `kid` for `algorithm`; without a name the only one that fits, when only one does.
    pub(crate) async fn key(
        &self,
        kid: Option<&str>,
        algorithm: AsymmetricAlgorithm,
        now: Millis,
    ) -> Result<DecodingKey, TokenRefused> {
        let before = self.usable(now);
        let found = before.as_ref().and_then(|set| set.find(kid, algorithm));
        let why = match (&before, &found) {
            (None, _) => Why::NoKeys,
            (Some(set), _) if !near(now, set.at, FRESH_FOR) => Why::Aged,
            (Some(_), None) => Why::UnknownKid,
            (Some(_), Some(key)) => return Ok(key.clone()),
        };
        let seen = before.map(|set| set.generation);
        let asked = if found.is_some() {
            // The aged key will do; so only one caller waits for the fetch.
            match self.tried.try_lock() {
                Ok(mut tried) => self.fetch(&mut tried, why, seen, now).await,
                Err(_) => Ok(()),
            }
        } else {
            let mut tried = self.tried.lock().await;
            self.fetch(&mut tried, why, seen, now).await
        };
        let now_found = self.usable(now).and_then(|set| set.find(kid, algorithm));
        now_found.ok_or(match asked {
            Ok(()) => TokenRefused::UnknownKey,
            Err(refused) => refused,
        })
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
        if why == Why::UnknownKid {
            if tried.for_unknown_kid.is_some_and(|at| near(now, at, quiet)) {
                return Ok(());
            }
            tried.for_unknown_kid = Some(now);
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
    fn find(&self, kid: Option<&str>, algorithm: AsymmetricAlgorithm) -> Option<DecodingKey> {
        let mut fitting = self.keys.iter().filter(|key| key.algorithm == algorithm);
        let found = match kid {
            Some(kid) => fitting.find(|key| key.kid.as_deref() == Some(kid))?,
            None => fitting.next()?,
        };
        (kid.is_some() || fitting.next().is_none()).then(|| found.key.clone())
    }
}

/// Whether two moments are less than `ms` apart. Either way round: requests overtake each other, and clocks are set back.
const fn near(one: Millis, other: Millis, ms: i64) -> bool {
    one.since(other).saturating_abs() < ms
}
