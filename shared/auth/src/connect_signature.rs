//! What a client shows IoT Core before its authorizer is asked: a signature, so that a stranger's CONNECT starts no function.
//! ("Custom authentication", IoT Core Developer Guide: token signing.)

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, EncodingKey, crypto};

/// The name under which a client sends what is signed: the authorizer's `TokenKeyName`.
pub const SIGNED_TOKEN: &str = "ilock-client";

/// Signs the names of clients: SHA-256 with RSA, as IoT Core demands.
#[derive(Clone)]
pub struct ConnectSigner(EncodingKey);

/// A signing key that cannot be read, or that signs nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be an RSA private key in PEM form")]
pub struct BadSigningKey;

impl ConnectSigner {
    /// With the private key `pem`, of which the authorizer has the public half.
    ///
    /// # Errors
    /// [`BadSigningKey`].
    pub fn new(pem: &str) -> Result<Self, BadSigningKey> {
        let signer = Self(EncodingKey::from_rsa_pem(pem.as_bytes()).map_err(|_| BadSigningKey)?);
        // A key that signs nothing is found at start.
        signer.signature("").map(|_| signer)
    }

    /// The part of a user name that says `client`, with the signature: to be put behind `?` and `&`.
    ///
    /// # Errors
    /// [`BadSigningKey`].
    pub fn signed(&self, client: &str) -> Result<String, BadSigningKey> {
        let signature = self.signature(client)?.replace('+', "%2B").replace('/', "%2F").replace('=', "%3D");
        Ok(format!("{SIGNED_TOKEN}={client}&x-amz-customauthorizer-signature={signature}"))
    }

    fn signature(&self, message: &str) -> Result<String, BadSigningKey> {
        let url_safe = crypto::sign(message.as_bytes(), &self.0, Algorithm::RS256).map_err(|_| BadSigningKey)?;
        Ok(STANDARD.encode(URL_SAFE_NO_PAD.decode(url_safe).map_err(|_| BadSigningKey)?))
    }
}

impl std::fmt::Debug for ConnectSigner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ConnectSigner([redacted])")
    }
}
