//! Who asks: the token's owner, checked before a handler sees the request.

use axum::extract::{FromRef, FromRequestParts};
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use ilock_auth::{Identity, Role};
use ilock_events::{Actor, ClientName, Party, PartyAddress, PartyId, PartyKind, SentClientId, TenantId, TopicPrefix};

use crate::error::ApiError;
use crate::http::body::bad_id;
use crate::service::token_verifier::TokenVerifier;

/// A verified token of a user or a door station.
#[derive(Debug, Clone)]
pub struct Caller {
    /// Who asks.
    pub party: Party,
    /// Whose they are.
    pub tenant: TenantId,
    /// What stands before the names of clients in this stack.
    pub prefix: TopicPrefix,
}

impl<S> FromRequestParts<S> for Caller
where
    TokenVerifier: FromRef<S>,
    S: Send + Sync,
{
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let verifier = TokenVerifier::from_ref(state);
        let identity = bearer(parts, &verifier).await?;
        let kind = match identity.role {
            Role::User => PartyKind::User,
            Role::Device => PartyKind::Device,
            Role::Auditor => return Err(ApiError::Forbidden("for users and devices only")),
        };
        Ok(Self { party: Party { kind, id: identity.id }, tenant: identity.tenant, prefix: verifier.prefix })
    }
}

/// Whose token the request bears.
async fn bearer(parts: &Parts, verifier: &TokenVerifier) -> Result<Identity, ApiError> {
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
    Ok(verifier.verify(token).await?)
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
    TokenVerifier: FromRef<S>,
    S: Send + Sync,
{
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let identity = bearer(parts, &TokenVerifier::from_ref(state)).await?;
        match identity.role {
            Role::Auditor => Ok(Self { id: identity.id, tenant: identity.tenant }),
            Role::User | Role::Device => Err(ApiError::Forbidden("for auditors only")),
        }
    }
}

impl Caller {
    /// Refuses a door station.
    ///
    /// # Errors
    /// 403.
    pub fn person(&self) -> Result<(), ApiError> {
        match self.party.kind {
            PartyKind::User => Ok(()),
            PartyKind::Device => Err(ApiError::Forbidden("for users only")),
        }
    }

    /// The actor for this party, by `client`.
    #[must_use]
    pub fn actor(&self, client: Option<ClientName>) -> Actor {
        match self.party.kind {
            PartyKind::User => Actor::User { id: self.party.id.clone(), client },
            PartyKind::Device => Actor::Device { id: self.party.id.clone() },
        }
    }

    /// Where the asker is found.
    #[must_use]
    pub fn at(&self) -> PartyAddress {
        PartyAddress::of(&self.tenant, &self.party)
    }

    /// The one name of the asker's client that was sent as `sent`.
    ///
    /// # Errors
    /// 400.
    pub fn client(&self, sent: &SentClientId) -> Result<ClientName, ApiError> {
        sent.name(&self.at(), &self.party.id, &self.prefix).map_err(|bad| bad_id("client_id", &bad))
    }
}
