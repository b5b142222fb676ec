//! Access tokens: the operator's login service says who somebody is.

use std::{fmt, sync::Arc};

use ilock_events::{Login, Millis};
use jsonwebtoken::DecodingKey;

use crate::algorithm::AsymmetricAlgorithm;
use crate::{
    AccessKeys, AccessRules, BadRules, ClaimNames, Identity, LongestLife, MQTT_AUDIENCE, TokenRefused, claims::Claims,
    jwks::Jwks, jwt::Unverified,
};

/// Checks access tokens. A clone shares the fetched keys.
#[derive(Clone)]
pub struct AccessTokens(Arc<Inner>);

struct Inner {
    keys: Keys,
    issuer: Option<String>,
    audience: Option<String>,
    audience_may_be_absent: bool,
    names: ClaimNames,
    session_claims: Vec<String>,
    longest: LongestLife,
}

enum Keys {
    Shared(Vec<DecodingKey>),
    Jwks { jwks: Arc<Jwks>, algorithms: Vec<AsymmetricAlgorithm> },
}

/// What a good access token says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessToken {
    /// Whose it is.
    pub identity: Identity,
    /// The login that it comes from. Whether that was ended is not known here.
    pub login: Login,
    /// `exp`. Within the 60 s of leeway it may be past already.
    pub expires_at: Millis,
}

impl AccessTokens {
    /// Fetches nothing yet: the login service may start after us.
    ///
    /// # Errors
    /// [`BadRules`] when no token could safely be believed under `rules`.
    pub fn new(rules: AccessRules) -> Result<Self, BadRules> {
        if rules.audience.as_deref() == Some(MQTT_AUDIENCE) {
            return Err(BadRules::ReservedAudience);
        }
        if rules.session_claims.iter().any(|name| name == "jti") {
            return Err(BadRules::SessionIsToken);
        }
        if rules.names.subject.as_str() == "jti" {
            return Err(BadRules::SubjectIsToken);
        }
        let keys = match rules.keys {
            AccessKeys::Shared(secret) => Keys::Shared(vec![secret.decoding_key()?]),
            AccessKeys::SharedTwo(one, other) => Keys::Shared(vec![one.decoding_key()?, other.decoding_key()?]),
            AccessKeys::Jwks { algorithms, .. } if algorithms.is_empty() => {
                return Err(BadRules::NoAlgorithm);
            }
            AccessKeys::Jwks { source, algorithms } => Keys::Jwks { jwks: Arc::new(Jwks::new(&source)?), algorithms },
        };
        let AccessRules { issuer, audience, audience_may_be_absent, names, session_claims, longest, .. } = rules;
        Ok(Self(Arc::new(Inner { keys, issuer, audience, audience_may_be_absent, names, session_claims, longest })))
    }

    /// Who shows `token` at `now`, and from which login.
    ///
    /// # Errors
    /// [`TokenRefused`] says why it is not believed. [`TokenRefused::KeysUnavailable`] is not the token's fault.
    pub async fn verify(&self, token: &str, now: Millis) -> Result<AccessToken, TokenRefused> {
        let claims = self.0.signed_claims(token, now).await?;
        let expires_at = claims.check_time(now)?;
        if let Some(issuer) = &self.0.issuer {
            claims.check_issuer(issuer)?;
        }
        self.0.check_audience(&claims)?;
        let identity = claims.identity(&self.0.names)?;
        claims.check_life(self.0.longest.of(identity.role), now)?;
        let login = claims.login(&self.0.session_claims, now)?;
        Ok(AccessToken { identity, login, expires_at })
    }
}

impl Inner {
    async fn signed_claims(&self, token: &str, now: Millis) -> Result<Claims, TokenRefused> {
        let token = Unverified::read(token)?;
        match &self.keys {
            Keys::Shared(keys) => token.verify_hs256(keys),
            Keys::Jwks { jwks, algorithms } => {
                let algorithm = algorithms
                    .iter()
                    .copied()
                    .find(|algorithm| algorithm.name() == token.header.alg)
                    .ok_or(TokenRefused::Algorithm)?;
                let check = |key: &DecodingKey| token.verify(key, algorithm.algorithm(), algorithm.name());
                jwks.verify(token.header.kid.as_deref(), algorithm, now, check).await
            }
        }
    }

    fn check_audience(&self, claims: &Claims) -> Result<(), TokenRefused> {
        let audiences = claims.audiences()?;
        let named = |audience: &str| audiences.as_ref().is_some_and(|all| all.contains(&audience));
        let good = match &self.audience {
            None => true,
            Some(_) if audiences.is_none() => self.audience_may_be_absent,
            Some(audience) => named(audience),
        };
        if good && !named(MQTT_AUDIENCE) { Ok(()) } else { Err(TokenRefused::Audience) }
    }
}

impl fmt::Debug for AccessTokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AccessTokens")
            .field("issuer", &self.0.issuer)
            .field("audience", &self.0.audience)
            .finish_non_exhaustive()
    }
}
