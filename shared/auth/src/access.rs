//! Access tokens: the operator's login service says who somebody is.

use std::{fmt, sync::Arc};

use ilock_events::Millis;
use jsonwebtoken::{Algorithm, DecodingKey};

use crate::{
    Identity, JwksSource, MQTT_AUDIENCE, Secret, ShortSecret, TokenRefused,
    claims::Claims,
    jwks::{BadSource, Jwks},
    jwt::Unverified,
};

/// Which tokens are believed.
#[derive(Debug, Clone)]
pub struct AccessRules {
    /// What they are signed with.
    pub keys: AccessKeys,
    /// When set, `iss` must be exactly this.
    pub issuer: Option<String>,
    /// When set, `aud` must be this or name it among others.
    pub audience: Option<String>,
}

/// What access tokens are signed with. The configuration says it; a token's own header never does.
#[derive(Debug, Clone)]
pub enum AccessKeys {
    /// HS256 with a secret that we share with the login service, of at least 32 bytes.
    Shared(Secret),
    /// Private keys of the login service, whose public halves it publishes.
    Jwks {
        source: JwksSource,
        /// The only algorithms that are accepted; at least one.
        algorithms: Vec<AsymmetricAlgorithm>,
    },
}

/// How a login service with a key pair signs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AsymmetricAlgorithm {
    /// RSASSA-PKCS1-v1_5 with SHA-256, keys of at least 2,048 bits.
    Rs256,
    /// ECDSA on P-256 with SHA-256.
    Es256,
    /// Ed25519.
    EdDsa,
}

impl AsymmetricAlgorithm {
    /// The name in a token's header and in configuration: `RS256`, `ES256`, `EdDSA`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Rs256 => "RS256",
            Self::Es256 => "ES256",
            Self::EdDsa => "EdDSA",
        }
    }

    const fn algorithm(self) -> Algorithm {
        match self {
            Self::Rs256 => Algorithm::RS256,
            Self::Es256 => Algorithm::ES256,
            Self::EdDsa => Algorithm::EdDSA,
        }
    }
}

/// A configured algorithm by another name than `RS256`, `ES256` and `EdDSA`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an algorithm must be RS256, ES256 or EdDSA")]
pub struct BadAlgorithm;

impl std::str::FromStr for AsymmetricAlgorithm {
    type Err = BadAlgorithm;
    fn from_str(name: &str) -> Result<Self, BadAlgorithm> {
        [Self::Rs256, Self::Es256, Self::EdDsa]
            .into_iter()
            .find(|algorithm| algorithm.name() == name)
            .ok_or(BadAlgorithm)
    }
}

/// Why rules cannot be worked with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadRules {
    /// The shared secret can be guessed.
    #[error(transparent)]
    ShortSecret(#[from] ShortSecret),
    /// A JWKS without algorithms would refuse everything.
    #[error("no algorithm is configured for the login service's keys")]
    NoAlgorithm,
    /// `ilock-mqtt` is the audience of MQTT passwords, which are no access tokens.
    #[error("the audience {MQTT_AUDIENCE} is reserved")]
    ReservedAudience,
    /// The keys can never come from there.
    #[error(transparent)]
    Source(#[from] BadSource),
}

/// Checks access tokens. A clone shares the fetched keys.
#[derive(Clone)]
pub struct AccessTokens(Arc<Inner>);

struct Inner {
    keys: Keys,
    issuer: Option<String>,
    audience: Option<String>,
}

enum Keys {
    Shared(DecodingKey),
    Jwks { jwks: Jwks, algorithms: Vec<AsymmetricAlgorithm> },
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
        let keys = match rules.keys {
            AccessKeys::Shared(secret) => Keys::Shared(DecodingKey::from_secret(secret.long_enough()?.expose())),
            AccessKeys::Jwks { algorithms, .. } if algorithms.is_empty() => {
                return Err(BadRules::NoAlgorithm);
            }
            AccessKeys::Jwks { source, algorithms } => Keys::Jwks { jwks: Jwks::new(&source)?, algorithms },
        };
        Ok(Self(Arc::new(Inner { keys, issuer: rules.issuer, audience: rules.audience })))
    }

    /// Who shows `token` at `now`.
    ///
    /// # Errors
    /// [`TokenRefused`] says why it is not believed. [`TokenRefused::KeysUnavailable`] is not the token's fault.
    pub async fn verify(&self, token: &str, now: Millis) -> Result<Identity, TokenRefused> {
        let claims = self.0.signed_claims(token, now).await?;
        claims.check_time(now)?;
        if let Some(issuer) = &self.0.issuer {
            claims.check_issuer(issuer)?;
        }
        let audiences = claims.audiences()?;
        let wanted = |audience: &String| audiences.contains(&audience.as_str());
        if audiences.contains(&MQTT_AUDIENCE) || !self.0.audience.as_ref().is_none_or(wanted) {
            return Err(TokenRefused::Audience);
        }
        claims.identity()
    }
}

impl Inner {
    async fn signed_claims(&self, token: &str, now: Millis) -> Result<Claims, TokenRefused> {
        let token = Unverified::read(token)?;
        match &self.keys {
            Keys::Shared(key) => token.verify_hs256(key),
            Keys::Jwks { jwks, algorithms } => {
                let algorithm = algorithms
                    .iter()
                    .copied()
                    .find(|algorithm| algorithm.name() == token.header.alg)
                    .ok_or(TokenRefused::Algorithm)?;
                let key = jwks.key(token.header.kid.as_deref(), algorithm, now).await?;
                token.verify(&key, algorithm.algorithm(), algorithm.name())
            }
        }
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
