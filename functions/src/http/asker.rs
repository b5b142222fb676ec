//! Who asks: the token's owner. The one gate of every endpoint: a login that was ended gets no further.

use axum::extract::{FromRef, FromRequestParts};
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use ilock_auth::{AccessToken, Identity, Role};
use ilock_directory::{Account, Client};
use ilock_events::{
    Actor, ClientName, Login, Millis, Party, PartyAddress, PartyId, PartyKind, SentClientId, TenantId, TopicPrefix,
};

use crate::error::ApiError;
use crate::http::body::bad_id;
use crate::service::token_verifier::TokenVerifier;

/// A user or a door station that is logged in.
#[derive(Debug, Clone)]
pub struct Caller {
    pub party: Party,
    /// Whose they are.
    pub tenant: TenantId,
    /// What stands before the names of clients in this stack.
    pub prefix: TopicPrefix,
    /// The login that the token comes from.
    pub login: Login,
    /// Until when the token works.
    pub token_until: Millis,
}

/// A verified token of a user or a door station. Whether its login was ended has not been read yet.
pub struct Asker(Caller, Admission);

/// Whether a login still stands, which is read beside the first that a handler reads itself. Nothing is answered, and what was
/// begun is undone, unless it was [granted](Admission::granted).
#[must_use]
pub struct Admission {
    verifier: TokenVerifier,
    token: AccessToken,
}

impl Admission {
    /// The account of whoever asks.
    ///
    /// # Errors
    /// 403 (40302) where the login was ended.
    pub async fn granted(self) -> Result<Account, ApiError> {
        self.verifier.account(&self.token).await?.ok_or(ApiError::LoggedOut)
    }

    /// As [`Admission::granted`], for whoever asks for the asker's clients too: they are read with the account.
    ///
    /// # Errors
    /// As there.
    pub async fn granted_with_clients(self) -> Result<Vec<Client>, ApiError> {
        self.verifier.clients(&self.token).await?.ok_or(ApiError::LoggedOut)
    }
}

impl Asker {
    /// Who asks, and what must be granted before they are answered.
    pub fn arrives(self) -> (Caller, Admission) {
        (self.0, self.1)
    }
}

impl<S> FromRequestParts<S> for Asker
where
    TokenVerifier: FromRef<S>,
    S: Send + Sync,
{
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let (token, admission) = bearer(parts, TokenVerifier::from_ref(state)).await?;
        let party = token.identity.party().ok_or(ApiError::Forbidden("for users and devices only"))?;
        let AccessToken { identity, login, expires_at: token_until } = token;
        let prefix = admission.verifier.prefix.clone();
        Ok(Self(Caller { party, tenant: identity.tenant, prefix, login, token_until }, admission))
    }
}

impl<S> FromRequestParts<S> for Caller
where
    TokenVerifier: FromRef<S>,
    S: Send + Sync,
{
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let (caller, admission) = Asker::from_request_parts(parts, state).await?.arrives();
        admission.granted().await?;
        Ok(caller)
    }
}

/// The token that the request bears.
async fn bearer(parts: &Parts, verifier: TokenVerifier) -> Result<(AccessToken, Admission), ApiError> {
    let mut sent = parts.headers.get_all(AUTHORIZATION).iter();
    let header = sent.next().ok_or_else(|| ApiError::Unauthenticated("no Authorization header".into()))?;
    let value = header.to_str().unwrap_or_default();
    // API Gateway joins several by a comma, which no token contains. Of two tokens each reader would take another.
    if sent.next().is_some() || value.contains(',') {
        return Err(ApiError::field("Authorization", "must be there once"));
    }
    let token = value
        .split_once(' ')
        .and_then(|(scheme, token)| scheme.eq_ignore_ascii_case("bearer").then_some(token.trim()))
        .ok_or_else(|| ApiError::Unauthenticated("Authorization must be: Bearer <token>".into()))?;
    let token = verifier.verify(token).await?;
    Ok((token.clone(), Admission { verifier, token }))
}

/// An auditor who is logged in.
#[derive(Debug, Clone)]
pub struct Auditor {
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
        let Identity { id, tenant, .. } = of_role(parts, state, Role::Auditor, "for auditors only").await?;
        Ok(Self { id, tenant })
    }
}

/// An operator who is logged in.
#[derive(Debug, Clone)]
pub struct Operator {
    pub id: PartyId,
    /// Whose people and devices they may log out.
    pub tenant: TenantId,
}

impl<S> FromRequestParts<S> for Operator
where
    TokenVerifier: FromRef<S>,
    S: Send + Sync,
{
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let Identity { id, tenant, .. } = of_role(parts, state, Role::Operator, "for operators only").await?;
        Ok(Self { id, tenant })
    }
}

async fn of_role<S>(parts: &Parts, state: &S, role: Role, otherwise: &'static str) -> Result<Identity, ApiError>
where
    TokenVerifier: FromRef<S>,
{
    let (token, admission) = bearer(parts, TokenVerifier::from_ref(state)).await?;
    if token.identity.role != role {
        return Err(ApiError::Forbidden(otherwise));
    }
    admission.granted().await?;
    Ok(token.identity)
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
