//! Bytes that must not be seen.

use std::fmt;

use hkdf::Hkdf;
use jsonwebtoken::DecodingKey;
use sha2::Sha256;

/// The fewest bytes that HS256 may be keyed with (RFC 7518 §3.2: at least as many as the hash has).
const FEWEST_BYTES: usize = 32;

/// A secret's bytes. No `Display`, no `PartialEq`, and `Debug` shows nothing, so that it is neither logged nor compared
/// by accident.
#[derive(Clone)]
pub struct Secret(Vec<u8>);

/// A secret of fewer than 32 bytes, which can be guessed offline from any one token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a secret must have at least {FEWEST_BYTES} bytes")]
pub struct ShortSecret;

impl Secret {
    /// A text is taken as its UTF-8 bytes.
    pub fn new(bytes: impl Into<Vec<u8>>) -> Self {
        Self(bytes.into())
    }

    /// The bytes, for whoever computes with them.
    #[must_use]
    pub fn expose(&self) -> &[u8] {
        &self.0
    }

    /// A key of its own for one purpose: HKDF-SHA256 (RFC 5869) without salt, of `label` and `info`.
    ///
    /// Label and each part of `info` are preceded by their length (4 bytes, big-endian): `["ab", "c"]` and
    /// `["a", "bc"]` give different keys.
    #[must_use]
    #[expect(
        clippy::expect_used,
        clippy::missing_panics_doc,
        reason = "it cannot: HKDF-SHA256 gives up to 8,160 bytes"
    )]
    pub fn derive(&self, label: &str, info: &[&[u8]]) -> [u8; 32] {
        let mut said = Vec::new();
        for part in std::iter::once(label.as_bytes()).chain(info.iter().copied()) {
            said.extend(u32::try_from(part.len()).unwrap_or(u32::MAX).to_be_bytes());
            said.extend(part);
        }
        let mut key = [0; 32];
        Hkdf::<Sha256>::new(None, &self.0).expand(&said, &mut key).expect("32 bytes are within HKDF's reach");
        key
    }

    /// The key that checks what is signed with it (HS256).
    pub(crate) fn decoding_key(self) -> Result<DecodingKey, ShortSecret> {
        Ok(DecodingKey::from_secret(self.long_enough()?.expose()))
    }

    pub(crate) fn long_enough(self) -> Result<Self, ShortSecret> {
        if self.0.len() < FEWEST_BYTES {
            return Err(ShortSecret);
        }
        Ok(self)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret([redacted])")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_not_shown() {
        assert_eq!(format!("{:?}", Secret::new("hunter2")), "Secret([redacted])");
    }

    #[test]
    fn every_purpose_has_its_own_key() {
        let secret = Secret::new([7; 32]);
        let keys = [
            secret.derive("a", &[]),
            secret.derive("b", &[]),
            secret.derive("a", &[b""]),
            secret.derive("a", &[b"ab", b"c"]),
            secret.derive("a", &[b"a", b"bc"]),
            Secret::new([8; 32]).derive("a", &[]),
        ];
        for (n, key) in keys.iter().enumerate() {
            assert!(!keys[..n].contains(key), "key {n} is not its own");
        }
    }
}
