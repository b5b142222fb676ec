//! A service account that is kept in Secrets Manager.

use aws_sdk_secretsmanager::Client;
use aws_sdk_secretsmanager::error::DisplayErrorContext;
use futures::future::BoxFuture;
use ilock_functions::service::http_push::AccountSource;

/// The secret of one ARN.
#[derive(Debug, Clone)]
pub struct KeptAccount {
    client: Client,
    arn: String,
}

impl KeptAccount {
    #[must_use]
    pub fn new(client: Client, arn: String) -> Self {
        Self { client, arn }
    }
}

impl AccountSource for KeptAccount {
    fn read(&self) -> BoxFuture<'_, Result<String, String>> {
        Box::pin(async move {
            let read = self.client.get_secret_value().secret_id(&self.arn).send().await;
            let read = read.map_err(|error| DisplayErrorContext(error).to_string())?;
            read.secret_string.ok_or_else(|| "the secret is no text".to_owned())
        })
    }
}
