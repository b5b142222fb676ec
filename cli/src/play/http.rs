//! A client of the backend's HTTP API.

use std::time::Duration;

use ilock_events::Envelope;
use reqwest::{Client, Method, StatusCode};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::ui::error::{CommandError, EXIT_LOST_RACE};

const TIMEOUT: Duration = Duration::from_secs(10);

#[derive(Clone)]
pub struct HttpApi {
    client: Client,
    server: String,
    token: String,
}

impl HttpApi {
    pub fn new(server: String, token: String) -> Result<Self, CommandError> {
        let client = Client::builder().timeout(TIMEOUT).build().map_err(CommandError::new)?;
        Ok(Self { client, server, token })
    }

    /// Sends a request and returns the `data` of the response. An error response becomes a [`CommandError`].
    pub async fn request<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: Option<&(impl Serialize + ?Sized)>,
    ) -> Result<T, CommandError> {
        let mut request = self.client.request(method, format!("{}{path}", self.server)).bearer_auth(&self.token);
        request = request.header("accept-language", "en");
        if let Some(body) = body {
            request = request.json(body);
        }
        let response = request.send().await.map_err(|error| self.unreachable(&error))?;
        let status = response.status();
        let envelope: Envelope<Value> = response.json().await.map_err(|error| {
            CommandError::new(format!("{} answered {status}, but not in iLock Call's format: {error}", self.server))
        })?;
        if envelope.code != 0 {
            return Err(refused(status, &envelope));
        }
        serde_json::from_value(envelope.data).map_err(CommandError::new)
    }

    fn unreachable(&self, error: &reqwest::Error) -> CommandError {
        CommandError::new(format!("{} does not answer: {error}", self.server))
            .hint("is it running? `make run` or `ilock dev` starts it; --server or ILOCK_SERVER names another")
    }
}

fn refused(status: StatusCode, envelope: &Envelope<Value>) -> CommandError {
    let error = CommandError::new(format!("{} ({}, code {})", envelope.message, status.as_u16(), envelope.code));
    let error = if envelope.data.is_null() { error } else { error.hint(&envelope.data) };
    match status {
        StatusCode::UNAUTHORIZED => error.hint("the backend does not accept the token: see `ilock token --help`"),
        StatusCode::CONFLICT => error.exit_code(EXIT_LOST_RACE),
        _ => error,
    }
}
