//! What a function is made of, once its secrets are there.

use std::convert::Infallible;
use std::sync::Arc;

use axum::Router;
use axum::extract::Request;
use axum::response::Response;
use ilock_functions::error::ApiError;
use ilock_functions::http::router::refusing;
use ilock_functions::settings::BadSetting;
use lambda_http::tower::ServiceExt;
use tokio::sync::OnceCell;

use crate::aws::{OnAws, SecretUnread, Secrets};

type Make<T> = Box<dyn Fn(&OnAws) -> Result<T, BadSetting> + Send + Sync>;

/// Made once, when it is first asked for or the secrets have come, whichever is later. What fails is tried again by the next
/// who asks.
pub struct Ready<T> {
    on_aws: OnAws,
    secrets: Arc<Secrets>,
    client: aws_sdk_secretsmanager::Client,
    make: Make<T>,
    made: OnceCell<T>,
}

/// Why a function is not ready.
#[derive(Debug, thiserror::Error)]
pub enum NotReady {
    #[error(transparent)]
    Secret(#[from] SecretUnread),
    #[error(transparent)]
    Setting(#[from] BadSetting),
}

impl NotReady {
    /// What a request is answered: a secret may be there the next time, a setting that is wrong stays so.
    fn answer(&self) -> ApiError {
        match self {
            Self::Secret(_) => ApiError::Busy,
            Self::Setting(bad) => ApiError::Internal(bad.to_string()),
        }
    }
}

impl Ready<Router> {
    /// Answers a request, or says why nothing can be answered yet.
    ///
    /// # Errors
    /// None.
    pub async fn answer(&self, request: Request) -> Result<Response, Infallible> {
        match self.get().await {
            Ok(router) => router.clone().oneshot(request).await,
            Err(not_ready) => {
                tracing::error!(error = %not_ready, "no request can be answered; the next one tries again");
                let not_ready = Arc::new(not_ready);
                refusing(move || not_ready.answer()).oneshot(request).await
            }
        }
    }
}

impl<T> Ready<T> {
    /// Not made yet.
    pub fn new(
        on_aws: OnAws,
        secrets: Arc<Secrets>,
        client: aws_sdk_secretsmanager::Client,
        make: impl Fn(&OnAws) -> Result<T, BadSetting> + Send + Sync + 'static,
    ) -> Self {
        Self { on_aws, secrets, client, make: Box::new(make), made: OnceCell::new() }
    }

    /// The parts that need no secret.
    #[must_use]
    pub const fn on_aws(&self) -> &OnAws {
        &self.on_aws
    }

    /// What was made.
    ///
    /// # Errors
    /// [`NotReady`].
    pub async fn get(&self) -> Result<&T, NotReady> {
        let make = || async {
            self.secrets.fetch(&self.client).await?;
            Ok::<T, NotReady>((self.make)(&self.on_aws)?)
        };
        self.made.get_or_try_init(make).await
    }
}
