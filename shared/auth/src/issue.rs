//! Tokens, signed here: MQTT passwords, and for `ilock token` and tests what the login service would sign.

use ilock_events::{ClientName, Millis};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde::Serialize;

use crate::{Identity, Role, Secret, ShortSecret};

/// Why a token was not made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotIssued {
    /// The secret is too short to sign with.
    #[error(transparent)]
    ShortSecret(#[from] ShortSecret),
    /// An auditor has no business on the broker.
    #[error("an auditor gets no MQTT password")]
    Auditor,
    /// The client is somebody else's installation.
    #[error("the client does not belong to the token's owner")]
    ForeignClient,
    /// The cryptographic library refused.
    #[error("the token could not be signed")]
    Signing,
}

/// A token as both kinds have it; what is none is not written.
#[derive(Serialize)]
pub(crate) struct Claimed<'a> {
    sub: &'a str,
    role: Role,
    tenant: &'a str,
    iat: i64,
    exp: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    iss: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    aud: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    client_id: Option<&'a str>,
}

impl<'a> Claimed<'a> {
    pub(crate) fn new(identity: &'a Identity, now: Millis, ttl_seconds: u32) -> Self {
        let iat = now.0.div_euclid(1_000);
        Self {
            sub: identity.id.as_str(),
            role: identity.role,
            tenant: identity.tenant.as_str(),
            iat,
            exp: iat.saturating_add(i64::from(ttl_seconds)),
            iss: None,
            aud: None,
            client_id: None,
        }
    }

    pub(crate) const fn from(self, iss: Option<&'a str>) -> Self {
        Self { iss, ..self }
    }

    pub(crate) const fn to(self, aud: Option<&'a str>) -> Self {
        Self { aud, ..self }
    }

    pub(crate) fn of_client(self, client: &'a ClientName) -> Self {
        Self { client_id: Some(client.as_str()), ..self }
    }

    pub(crate) fn sign(&self, secret: &Secret) -> Result<String, NotIssued> {
        let key = EncodingKey::from_secret(secret.expose());
        jsonwebtoken::encode(&Header::new(Algorithm::HS256), self, &key).map_err(|_| NotIssued::Signing)
    }
}

/// An access token as a login service with a shared secret would sign it (HS256), good from `now`, cut to the second,
/// for `ttl_seconds`.
///
/// # Errors
/// [`NotIssued::ShortSecret`] with fewer than 32 bytes.
pub fn issue_access_token(
    secret: &Secret,
    identity: &Identity,
    issuer: Option<&str>,
    audience: Option<&str>,
    now: Millis,
    ttl_seconds: u32,
) -> Result<String, NotIssued> {
    let secret = secret.clone().long_enough()?;
    Claimed::new(identity, now, ttl_seconds).from(issuer).to(audience).sign(&secret)
}
