//! How a login service with a key pair signs.

use jsonwebtoken::Algorithm;

/// An algorithm of key pairs.
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

    pub(crate) const fn algorithm(self) -> Algorithm {
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
