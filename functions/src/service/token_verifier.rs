//! Whose token a request bears, and whether the login that it comes from was ended.

use std::sync::Arc;

use ilock_auth::{AccessToken, AccessTokens, TokenRefused};
use ilock_directory::{Account, Client, Directory, DirectoryError};
use ilock_env::Clock;
use ilock_events::TopicPrefix;

/// Verifies access tokens at the time of its clock.
#[derive(Clone)]
pub struct TokenVerifier {
    tokens: Arc<AccessTokens>,
    directory: Directory,
    clock: Clock,
    /// What stands before the names of clients: with whose token it is, it says which client is meant.
    pub prefix: TopicPrefix,
}

impl TokenVerifier {
    /// By the rules of `tokens`; what was ended stands in `directory`.
    #[must_use]
    pub fn new(tokens: AccessTokens, directory: Directory, clock: Clock, prefix: TopicPrefix) -> Self {
        Self { tokens: Arc::new(tokens), directory, clock, prefix }
    }

    /// What `token` proves. Its login may have been ended.
    ///
    /// # Errors
    /// [`TokenRefused`].
    pub async fn verify(&self, token: &str) -> Result<AccessToken, TokenRefused> {
        self.tokens.verify(token, self.clock.now()).await
    }

    /// The account of whoever shows `token`; none where its login was ended.
    ///
    /// # Errors
    /// [`DirectoryError`].
    pub async fn account(&self, token: &AccessToken) -> Result<Option<Account>, DirectoryError> {
        let account = self.directory.account(&token.identity.logged_in_at(), self.clock.now()).await?;
        Ok(Some(account).filter(|account| !account.has_ended(&token.login)))
    }

    /// The clients of whoever shows `token`, read with their account; none where its login was ended.
    ///
    /// # Errors
    /// [`DirectoryError`].
    pub async fn clients(&self, token: &AccessToken) -> Result<Option<Vec<Client>>, DirectoryError> {
        let at = token.identity.logged_in_at();
        let (account, clients) = self.directory.account_and_clients(&at, self.clock.now()).await?;
        Ok((!account.has_ended(&token.login)).then_some(clients))
    }
}
