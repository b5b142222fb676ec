//! Tokens, signed here: MQTT passwords, and for `ilock token` and tests what the login service would sign.

use ilock_events::Millis;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde::Serialize;
use serde_json::{Map, Value};

use crate::{Identity, Secret, ShortSecret};

/// Why a token was not made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotIssued {
    /// The secret is too short to sign with.
    #[error(transparent)]
    ShortSecret(#[from] ShortSecret),
    /// An auditor or operator has no business on the broker.
    #[error("only users and devices get an MQTT password")]
    NoParty,
    /// The client is somebody else's installation.
    #[error("the client does not belong to the token's owner")]
    ForeignClient,
    /// The cryptographic library refused.
    #[error("the token could not be signed")]
    Signing,
}

/// A token as both kinds have it; what is none is not written.
#[derive(Default, Serialize)]
pub(crate) struct Claimed<'a> {
    pub(crate) sub: &'a str,
    pub(crate) role: &'static str,
    pub(crate) tenant: &'a str,
    pub(crate) iat: i64,
    pub(crate) exp: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) iss: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) aud: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) sid: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) auth_time: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) client_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) generation: Option<&'a str>,
}

impl<'a> Claimed<'a> {
    pub(crate) fn new(identity: &'a Identity, now: Millis, ttl_seconds: u32) -> Self {
        let iat = now.0.div_euclid(1_000);
        Self {
            sub: identity.id.as_str(),
            role: identity.role.word(),
            tenant: identity.tenant.as_str(),
            iat,
            exp: iat.saturating_add(i64::from(ttl_seconds)),
            ..Self::default()
        }
    }
}

pub(crate) fn sign(claims: &impl Serialize, secret: &Secret) -> Result<String, NotIssued> {
    let key = EncodingKey::from_secret(secret.expose());
    jsonwebtoken::encode(&Header::new(Algorithm::HS256), claims, &key).map_err(|_| NotIssued::Signing)
}

/// An access token as a login service with a shared secret would sign it.
#[derive(Debug, Clone)]
pub struct AccessClaims<'a> {
    pub identity: &'a Identity,
    /// `iss`.
    pub issuer: Option<&'a str>,
    /// `aud`.
    pub audience: Option<&'a str>,
    /// `iat`, cut to the second.
    pub issued_at: Millis,
    /// From `iat` to `exp`.
    pub ttl_seconds: u32,
    /// `sid`: the login session.
    pub session: Option<&'a str>,
    /// Further claims, which go before those above.
    pub more: Map<String, Value>,
}

impl AccessClaims<'_> {
    /// Signs it (HS256).
    ///
    /// # Errors
    /// [`NotIssued::ShortSecret`] with fewer than 32 bytes.
    pub fn sign(self, secret: &Secret) -> Result<String, NotIssued> {
        let secret = secret.clone().long_enough()?;
        let claimed = Claimed::new(self.identity, self.issued_at, self.ttl_seconds);
        let claimed = Claimed { iss: self.issuer, aud: self.audience, sid: self.session, ..claimed };
        let Ok(Value::Object(mut claims)) = serde_json::to_value(claimed) else { return Err(NotIssued::Signing) };
        claims.extend(self.more);
        sign(&claims, &secret)
    }
}

/// [`AccessClaims`] of no issuer and no session, with nothing more, good from `now` for `ttl_seconds`.
///
/// # Errors
/// [`NotIssued::ShortSecret`] with fewer than 32 bytes.
pub fn issue_access_token(
    secret: &Secret,
    identity: &Identity,
    audience: Option<&str>,
    now: Millis,
    ttl_seconds: u32,
) -> Result<String, NotIssued> {
    let (issued_at, more) = (now, Map::new());
    AccessClaims { identity, issuer: None, audience, issued_at, ttl_seconds, session: None, more }.sign(secret)
}
