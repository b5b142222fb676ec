//! Access tokens of Google, for a service account.
//!
//! From Google's page "Using OAuth 2.0 for Server to Server Applications", "Preparing to make an authorized API call",
//! HTTP/REST: a JWT that the account's key signs (RS256) is exchanged for an access token at the account's `token_uri`.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use ilock_env::Clock;
use ilock_notify::push::PushError;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use reqwest::redirect::Policy;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::access::{AccessIssuer, AccessToken};

/// What FCM's HTTP v1 API asks for: "Send a Message using FCM HTTP v1 API", "Authorize HTTP v1 send requests".
const SCOPE: &str = "https://www.googleapis.com/auth/firebase.messaging";
const GRANT_TYPE: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";
/// "This value has a maximum of 1 hour after the issued time."
const JWT_SECONDS: i64 = 3600;
const TIMEOUT: Duration = Duration::from_secs(3);

/// Where the service account's JSON is, as Google's console gives it.
pub trait AccountSource: Send + Sync {
    /// Reads it; else why it cannot be read.
    fn read(&self) -> BoxFuture<'_, Result<String, String>>;
}

/// The parts of a service account that are needed. Others are passed over.
#[derive(Deserialize)]
struct ServiceAccount {
    project_id: String,
    private_key_id: String,
    private_key: String,
    client_email: String,
    token_uri: String,
}

#[derive(Serialize)]
struct Claims<'a> {
    iss: &'a str,
    scope: &'static str,
    aud: &'a str,
    iat: i64,
    exp: i64,
}

#[derive(Deserialize)]
struct Issued {
    access_token: String,
    /// In seconds, from now.
    expires_in: i64,
}

/// Google, as it issues access tokens. The account is read for each: one that was changed is used from the next token on.
pub struct GoogleAccess {
    http: reqwest::Client,
    source: Arc<dyn AccountSource>,
    clock: Clock,
}

impl fmt::Debug for GoogleAccess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("GoogleAccess")
    }
}

impl GoogleAccess {
    /// For the account of `source`.
    ///
    /// # Errors
    /// Why there can be no HTTP client.
    pub fn new(source: Arc<dyn AccountSource>, clock: Clock) -> Result<Self, String> {
        let http = reqwest::Client::builder().timeout(TIMEOUT).redirect(Policy::none()).build();
        Ok(Self { http: http.map_err(|error| error.to_string())?, source, clock })
    }

    fn assertion(&self, account: &ServiceAccount) -> Result<String, PushError> {
        let key = EncodingKey::from_rsa_pem(account.private_key.as_bytes());
        let key = key.map_err(|_| PushError::Refused("the service account's private_key is no RSA key".into()))?;
        let iat = self.clock.now().0.div_euclid(1000);
        let claims = Claims {
            iss: &account.client_email,
            scope: SCOPE,
            aud: &account.token_uri,
            iat,
            exp: iat.saturating_add(JWT_SECONDS),
        };
        let header = Header { kid: Some(account.private_key_id.clone()), ..Header::new(Algorithm::RS256) };
        jsonwebtoken::encode(&header, &claims, &key).map_err(|error| PushError::Refused(error.to_string()))
    }

    async fn exchange(&self) -> Result<AccessToken, PushError> {
        let text = self.source.read().await.map_err(|why| PushError::Unavailable(format!("service account: {why}")))?;
        // Without serde's text: it may repeat what it read.
        let account: ServiceAccount = serde_json::from_str(&text)
            .map_err(|_| PushError::Refused("what is kept as service account is not Google's JSON of one".into()))?;
        if account.project_id.is_empty() || account.project_id.contains(['/', '?', '#']) {
            return Err(PushError::Refused("the service account's project_id is not valid".into()));
        }
        let form = [("grant_type", GRANT_TYPE), ("assertion", &self.assertion(&account)?)];
        let body = form.map(|(name, value)| format!("{name}={}", value.replace(':', "%3A"))).join("&");
        let asked = self.http.post(&account.token_uri).header("content-type", "application/x-www-form-urlencoded");
        let failed = |error: reqwest::Error| PushError::Unavailable(error.without_url().to_string());
        let now = self.clock.now();
        let answer = asked.body(body).send().await.map_err(failed)?;
        let status = answer.status().as_u16();
        let answer = answer.bytes().await.map_err(failed)?;
        if status != 200 {
            return Err(not_issued(status, &serde_json::from_slice(&answer).unwrap_or_default()));
        }
        let issued: Issued = serde_json::from_slice(&answer)
            .map_err(|_| PushError::Unavailable("Google answered without an access token".into()))?;
        let until = now.plus(issued.expires_in.clamp(0, JWT_SECONDS) * 1000);
        Ok(AccessToken { token: issued.access_token, project: account.project_id, until })
    }
}

/// Google's OAuth errors: `invalid_grant`, `invalid_client` … with 400 or 401. They stay until the operator corrects the account.
fn not_issued(status: u16, answer: &Value) -> PushError {
    let error = answer["error"].as_str().unwrap_or("no access token");
    let about = answer["error_description"].as_str().unwrap_or_default();
    let why = format!("Google: {status} {error} {about}").trim_end().to_owned();
    if matches!(status, 400 | 401 | 403) { PushError::Refused(why) } else { PushError::Unavailable(why) }
}

impl AccessIssuer for GoogleAccess {
    fn issue(&self) -> BoxFuture<'_, Result<AccessToken, PushError>> {
        Box::pin(self.exchange())
    }
}
