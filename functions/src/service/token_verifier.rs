//! Whose token a request bears.

use std::sync::Arc;

use ilock_auth::{AccessTokens, Identity, TokenRefused};
use ilock_env::Clock;
use ilock_events::TopicPrefix;

/// Verifies access tokens at the time of its clock.
#[derive(Clone)]
pub struct TokenVerifier {
    tokens: Arc<AccessTokens>,
    clock: Clock,
    /// What stands before the names of clients: with whose token it is, it says which client is meant.
    pub prefix: TopicPrefix,
}

impl TokenVerifier {
    /// By the rules of `tokens`.
    #[must_use]
    pub fn new(tokens: AccessTokens, clock: Clock, prefix: TopicPrefix) -> Self {
        Self { tokens: Arc::new(tokens), clock, prefix }
    }

    /// The identity that `token` proves.
    ///
    /// # Errors
    /// [`TokenRefused`].
    pub async fn verify(&self, token: &str) -> Result<Identity, TokenRefused> {
        self.tokens.verify(token, self.clock.now()).await
    }
}
