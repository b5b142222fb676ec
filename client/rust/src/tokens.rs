//! Where access tokens come from.

use std::fmt;
use std::sync::Arc;

use futures::future::BoxFuture;

/// What a source of access tokens has.
#[derive(Clone, PartialEq, Eq)]
pub enum Token {
    /// A fresh token.
    Fresh(String),
    /// None at the moment: the login service did not answer. It is asked again.
    Later,
    /// None any more: the person must log in.
    LogIn,
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Fresh(_) => "Fresh(***)",
            Self::Later => "Later",
            Self::LogIn => "LogIn",
        })
    }
}

type Source = dyn Fn() -> BoxFuture<'static, Token> + Send + Sync;

/// A source of access tokens of the operator's login service.
#[derive(Clone)]
pub struct AccessTokens(Arc<Source>);

impl AccessTokens {
    /// Always this token. When it ends, the client is logged out.
    #[must_use]
    pub fn fixed(token: impl Into<String>) -> Self {
        let token = token.into();
        Self::from_source(move || {
            let token = token.clone();
            async move { Token::Fresh(token) }
        })
    }

    /// Calls `source` at the start, and whenever the backend accepts the last token no more. Everything that needs a token
    /// waits for its answer: give its request a timeout, and answer [`Token::Later`] then. A panic counts as that, too.
    ///
    /// ```
    /// use ilock_client::{AccessTokens, Token};
    ///
    /// # async fn refresh() -> std::io::Result<Option<String>> { Ok(None) }
    /// let tokens = AccessTokens::from_source(|| async {
    ///     match refresh().await {
    ///         Ok(Some(token)) => Token::Fresh(token),
    ///         Ok(None) => Token::LogIn,
    ///         Err(_) => Token::Later,
    ///     }
    /// });
    /// # drop(tokens);
    /// ```
    #[must_use]
    pub fn from_source<F, T>(source: F) -> Self
    where
        F: Fn() -> T + Send + Sync + 'static,
        T: Future<Output = Token> + Send + 'static,
    {
        Self(Arc::new(move || Box::pin(source())))
    }

    pub(crate) async fn fetch(&self) -> Token {
        (self.0)().await
    }
}

impl fmt::Debug for AccessTokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AccessTokens")
    }
}
