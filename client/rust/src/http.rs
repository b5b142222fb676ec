//! Requests to the backend.

use std::time::Duration;

use ilock_client_core::{Command, Input, Method};
use reqwest::StatusCode;

/// Where requests go.
#[derive(Debug, Clone)]
pub(crate) struct Http {
    pub client: reqwest::Client,
    /// Without a trailing slash.
    pub server: String,
    /// Of the messages in answers.
    pub language: String,
}

fn header(response: &reqwest::Response, name: &str) -> Option<String> {
    response.headers().get(name)?.to_str().ok().map(str::to_owned)
}

impl Http {
    /// Makes the request that `command` is, and says how it went. None when it is no request. Without a token it is refused
    /// here, as the backend would refuse it.
    pub async fn request(self, command: Command, token: Option<String>) -> Option<Input> {
        let Command::Request { id, method, path, body, idempotency_key, timeout_ms } = command else { return None };
        let Some(token) = token else {
            let (status, body) = (StatusCode::UNAUTHORIZED.as_u16(), String::new());
            return Some(Input::HttpAnswer { id, status, retry_after: None, date: None, body });
        };
        let method = match method {
            Method::Get => reqwest::Method::GET,
            Method::Post => reqwest::Method::POST,
            Method::Put => reqwest::Method::PUT,
            Method::Delete => reqwest::Method::DELETE,
        };
        let mut request = self.client.request(method, format!("{}{path}", self.server)).bearer_auth(token);
        request = request.header("accept-language", self.language).timeout(Duration::from_millis(timeout_ms));
        if let Some(key) = idempotency_key {
            request = request.header("idempotency-key", key);
        }
        if let Some(body) = body {
            request = request.header("content-type", "application/json").body(body);
        }
        Some(answer(id, request).await.unwrap_or(Input::HttpFailed { id }))
    }
}

async fn answer(id: u64, request: reqwest::RequestBuilder) -> Result<Input, reqwest::Error> {
    let response = request.send().await?;
    let status = response.status().as_u16();
    let (retry_after, date) = (header(&response, "retry-after"), header(&response, "date"));
    Ok(Input::HttpAnswer { id, status, retry_after, date, body: response.text().await? })
}
