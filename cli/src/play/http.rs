//! The HTTP API, as a client sees it.

use ilock_events::Envelope;
use reqwest::{Client, Method, StatusCode};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::ui::error::{CommandError, EXIT_LOST_RACE};

/// A backend, and the token to come with.
#[derive(Clone)]
pub struct HttpApi {
    client: Client,
    server: String,
    token: String,
}

impl HttpApi {
    /// The API at `server`.
    pub fn new(server: String, token: String) -> Result<Self, CommandError> {
        let client =
            Client::builder().timeout(std::time::Duration::from_secs(10)).build().map_err(CommandError::new)?;
        Ok(Self { client, server, token })
    }

    /// Asks, and takes the envelope off the answer.
    pub async fn ask<T: DeserializeOwned>(
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
        let answer = request.send().await.map_err(|error| self.unreachable(&error))?;
        let status = answer.status();
        let envelope: Envelope<Value> = answer.json().await.map_err(|error| {
            CommandError::new(format!("{} answered {status}, but not as iLock Call does: {error}", self.server))
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
    let failure = CommandError::new(format!("{} ({}, code {})", envelope.message, status.as_u16(), envelope.code));
    let failure = if envelope.data.is_null() { failure } else { failure.hint(&envelope.data) };
    match status {
        StatusCode::UNAUTHORIZED => failure.hint("the token does not count: see `ilock token --help`"),
        StatusCode::CONFLICT => failure.exit_code(EXIT_LOST_RACE),
        _ => failure,
    }
}
