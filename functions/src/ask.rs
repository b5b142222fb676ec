//! What comes in: who asks, under which key, and the body, each checked before a handler sees it.

use axum::body::to_bytes;
use axum::extract::{FromRef, FromRequest, FromRequestParts, Request};
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use ilock_auth::{Identity, Role};
use ilock_events::{Actor, BadId, CallId, ClientId, CommandId, Party, PartyId, PartyKind, TenantId};
use serde::de::DeserializeOwned;

use crate::answer::ApiError;
use crate::app::Access;
use ilock_env::random;

/// The largest body that is read, in bytes.
pub const MAX_BODY: usize = 16 * 1024;

/// A verified token of a user or a door station.
#[derive(Debug, Clone)]
pub struct Caller {
    /// Who asks.
    pub party: Party,
    /// Whose they are.
    pub tenant: TenantId,
}

impl<S> FromRequestParts<S> for Caller
where
    Access: FromRef<S>,
    S: Send + Sync,
{
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let identity = bearer(parts, &Access::from_ref(state)).await?;
        let kind = match identity.role {
            Role::User => PartyKind::User,
            Role::Device => PartyKind::Device,
            Role::Auditor => return Err(ApiError::Forbidden("for users and devices only")),
        };
        Ok(Self { party: Party { kind, id: identity.id }, tenant: identity.tenant })
    }
}

/// Whose token the request bears.
async fn bearer(parts: &Parts, access: &Access) -> Result<Identity, ApiError> {
    let token = parts
        .headers
        .get(AUTHORIZATION)
        .ok_or_else(|| ApiError::Unauthenticated("no Authorization header".into()))?
        .to_str()
        .ok()
        .and_then(|value| {
            let (scheme, token) = value.split_once(' ')?;
            scheme.eq_ignore_ascii_case("bearer").then_some(token.trim())
        })
        .ok_or_else(|| ApiError::Unauthenticated("Authorization must be: Bearer <token>".into()))?;
    Ok(access.tokens.verify(token, access.clock.now()).await?)
}

/// A verified token of an auditor.
#[derive(Debug, Clone)]
pub struct Auditor {
    /// Who asks.
    pub id: PartyId,
    /// Whose calls they may see.
    pub tenant: TenantId,
}

impl<S> FromRequestParts<S> for Auditor
where
    Access: FromRef<S>,
    S: Send + Sync,
{
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let identity = bearer(parts, &Access::from_ref(state)).await?;
        match identity.role {
            Role::Auditor => Ok(Self { id: identity.id, tenant: identity.tenant }),
            Role::User | Role::Device => Err(ApiError::Forbidden("for auditors only")),
        }
    }
}

impl Caller {
    /// That this is a person.
    ///
    /// # Errors
    /// 403.
    pub fn person(&self) -> Result<(), ApiError> {
        match self.party.kind {
            PartyKind::User => Ok(()),
            PartyKind::Device => Err(ApiError::Forbidden("for users only")),
        }
    }

    /// The hand of this party, where it matters not which of its clients it was.
    #[must_use]
    pub fn hand(&self) -> Actor {
        match self.party.kind {
            PartyKind::User => Actor::User { id: self.party.id.clone(), client: None },
            PartyKind::Device => Actor::Device { id: self.party.id.clone() },
        }
    }

    /// That `client` is one of the asker's own.
    ///
    /// # Errors
    /// 403.
    pub fn owns(&self, client: &ClientId) -> Result<(), ApiError> {
        if client.belongs_to(&self.party.id) {
            Ok(())
        } else {
            Err(ApiError::Forbidden("client_id must be one of your own: your id, _, and what the app adds"))
        }
    }
}

/// The request's `Idempotency-Key`, where it has one.
#[derive(Debug, Clone)]
pub struct IdempotencyKey(pub Option<CommandId>);

impl<S: Send + Sync> FromRequestParts<S> for IdempotencyKey {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        let Some(value) = parts.headers.get("idempotency-key") else { return Ok(Self(None)) };
        let key = value.to_str().unwrap_or_default();
        CommandId::new(key).map(|key| Self(Some(key))).map_err(|bad| bad_id("Idempotency-Key", &bad))
    }
}

impl IdempotencyKey {
    /// The key, or one that nobody else has.
    ///
    /// # Errors
    /// 500 when the system has no randomness.
    pub fn or_fresh(self) -> Result<CommandId, ApiError> {
        match self.0 {
            Some(key) => Ok(key),
            None => CommandId::new(hex::encode(random::<16>()?)).map_err(|bad| ApiError::Internal(bad.to_string())),
        }
    }
}

/// What a broken id in `field` is answered with.
#[must_use]
pub fn bad_id(field: &str, bad: &BadId) -> ApiError {
    ApiError::field(field, bad.to_string())
}

/// A call id out of the address.
///
/// # Errors
/// 400 when it cannot be one.
pub fn call_id(text: &str) -> Result<CallId, ApiError> {
    CallId::new(text).map_err(|bad| bad_id("call_id", &bad))
}

/// The body, as JSON of type `T`. What is wrong is answered with the path of the field that it is wrong in.
#[derive(Debug)]
pub struct Ask<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Ask<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, _: &S) -> Result<Self, ApiError> {
        let body = to_bytes(request.into_body(), MAX_BODY).await.map_err(|_| ApiError::TooLarge { most: MAX_BODY })?;
        // serde would take an array for an object whose fields have no names.
        if body.trim_ascii_start().first() != Some(&b'{') {
            return Err(ApiError::field("body", "must be a JSON object"));
        }
        let mut json = serde_json::Deserializer::from_slice(&body);
        let asked: T = serde_path_to_error::deserialize(&mut json).map_err(|error| {
            let path = error.path().to_string();
            named(&path, &error.into_inner())
        })?;
        json.end().map_err(|error| named(".", &error))?;
        Ok(Self(asked))
    }
}

fn named(path: &str, error: &serde_json::Error) -> ApiError {
    let said = error.to_string();
    let rule = said.split(" at line ").next().unwrap_or_default().to_owned();
    if !error.is_data() {
        return ApiError::field("body", format!("must be JSON: {rule}"));
    }
    if let Some(missing) = rule.strip_prefix("missing field `").and_then(|rest| rest.strip_suffix('`')) {
        return ApiError::field(missing, "is missing");
    }
    ApiError::field(if path == "." { "body" } else { path }, rule)
}

/// That `text` in `field` has at most `most` bytes and no control characters.
///
/// # Errors
/// 400.
pub fn short(field: &str, text: Option<&String>, most: usize) -> Result<(), ApiError> {
    match text {
        Some(text) if text.len() > most => Err(ApiError::field(field, format!("must have at most {most} bytes"))),
        Some(text) if text.chars().any(char::is_control) => {
            Err(ApiError::field(field, "must not contain control characters"))
        }
        _ => Ok(()),
    }
}
