//! Why a token is not believed.

/// Why a token is not believed. Never says anything that stood in the token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TokenRefused {
    /// Over 8 KB, or not three parts of base64url with JSON in them.
    #[error("the token is malformed")]
    Malformed,
    /// Signed in a way that the configuration does not name, or not signed.
    #[error("the token's algorithm is not accepted")]
    Algorithm,
    /// The signature is not its key's.
    #[error("the token's signature is wrong")]
    Signature,
    /// `exp` is more than 60 s past.
    #[error("the token has expired")]
    Expired,
    /// `nbf` is more than 60 s ahead.
    #[error("the token is not valid yet")]
    NotYetValid,
    /// `iat` or `auth_time` is more than 60 s ahead: no logout would end such a login.
    #[error("the token's claim {name} lies ahead")]
    Ahead {
        /// Which of the two.
        name: &'static str,
    },
    /// `exp` is further from `iat`, or from now, than is allowed for the role. One in milliseconds is.
    #[error("the token is good for longer than is allowed for its role")]
    TooLong,
    /// `iss` is not the configured issuer.
    #[error("the token is from another issuer")]
    Issuer,
    /// `aud` does not name the configured audience; or names the broker, where an access token is asked for.
    #[error("the token is for another audience")]
    Audience,
    /// A claim is missing or not what it must be.
    #[error("the token's claim {name} is missing or bad")]
    Claim {
        /// Which: `sub`, `role`, `exp` …
        name: &'static str,
    },
    /// No key of the login service fits the token's `kid` and algorithm.
    #[error("the token's key is unknown")]
    UnknownKey,
    /// The login service's keys cannot be had. Not the token's fault: worth asking again.
    #[error("the login service's keys are not available")]
    KeysUnavailable,
}

impl TokenRefused {
    /// A stable word for logs, metrics and answers.
    #[must_use]
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::Malformed => "malformed",
            Self::Algorithm => "algorithm",
            Self::Signature => "signature",
            Self::Expired => "expired",
            Self::NotYetValid => "not_yet_valid",
            Self::Ahead { .. } => "ahead",
            Self::TooLong => "too_long",
            Self::Issuer => "issuer",
            Self::Audience => "audience",
            Self::Claim { .. } => "claim",
            Self::UnknownKey => "unknown_key",
            Self::KeysUnavailable => "keys_unavailable",
        }
    }
}
