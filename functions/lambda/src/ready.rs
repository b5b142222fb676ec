//! What a function is made of, once its secrets are there.

use std::sync::Arc;

use ilock_functions::settings::BadSetting;
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
