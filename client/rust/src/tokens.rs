//! Where access tokens come from.

use std::fmt;
use std::sync::Arc;

use futures::future::BoxFuture;

type Source = dyn Fn() -> BoxFuture<'static, Option<String>> + Send + Sync;

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
            async move { Some(token) }
        })
    }

    /// Calls `source` at the start, and whenever the backend accepts the last token no more. None: the person must log in.
    #[must_use]
    pub fn from_source<F, T>(source: F) -> Self
    where
        F: Fn() -> T + Send + Sync + 'static,
        T: Future<Output = Option<String>> + Send + 'static,
    {
        Self(Arc::new(move || Box::pin(source())))
    }

    pub(crate) async fn fetch(&self) -> Option<String> {
        (self.0)().await
    }
}

impl fmt::Debug for AccessTokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AccessTokens")
    }
}
