//! A compact JWS (RFC 7515 §7.1), taken apart; nothing in it is believed before its signature is.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, DecodingKey, crypto};
use serde::Deserialize;
use serde_json::Value;

use crate::{TokenRefused, claims::Claims, unique::Unique};

/// The longest token that is looked at. HTTP stacks allow headers of about as much; real tokens have 1 to 2 KB.
const LONGEST_TOKEN: usize = 8 * 1_024;

/// A token whose header was read and whose signature was not checked yet.
pub(crate) struct Unverified<'a> {
    pub(crate) header: Header,
    signed: &'a str,
    claims: &'a str,
    signature: &'a str,
}

/// The part of a JOSE header that we act on.
#[derive(Deserialize)]
pub(crate) struct Header {
    /// `alg` as it stands there, `none` included: what to make of it is the caller's.
    pub(crate) alg: String,
    #[serde(default)]
    pub(crate) kid: Option<String>,
    /// RFC 7515 §4.1.11: extensions that must be understood. We understand none.
    #[serde(default)]
    crit: Option<Value>,
}

impl<'a> Unverified<'a> {
    pub(crate) fn read(token: &'a str) -> Result<Self, TokenRefused> {
        if token.len() > LONGEST_TOKEN {
            return Err(TokenRefused::Malformed);
        }
        let (signed, signature) = token.rsplit_once('.').ok_or(TokenRefused::Malformed)?;
        let (header, claims) = signed.split_once('.').ok_or(TokenRefused::Malformed)?;
        if claims.contains('.') {
            return Err(TokenRefused::Malformed);
        }
        let Unique(header) = unique(header)?;
        let header: Header = serde_json::from_value(header).map_err(|_| TokenRefused::Malformed)?;
        if header.crit.is_some() {
            return Err(TokenRefused::Malformed);
        }
        Ok(Self { header, signed, claims, signature })
    }

    /// The claims, if `key` signed them with `algorithm`, and the header names no other.
    pub(crate) fn verify(&self, key: &DecodingKey, algorithm: Algorithm, name: &str) -> Result<Claims, TokenRefused> {
        if self.header.alg != name {
            return Err(TokenRefused::Algorithm);
        }
        // aws-lc compares MACs in constant time.
        match crypto::verify(self.signature, self.signed.as_bytes(), key, algorithm) {
            Ok(true) => match unique(self.claims)? {
                Unique(Value::Object(claims)) => Ok(Claims::new(claims)),
                Unique(_) => Err(TokenRefused::Malformed),
            },
            Ok(false) | Err(_) => Err(TokenRefused::Signature),
        }
    }

    /// [`Self::verify`] with HS256 and any of `keys`.
    pub(crate) fn verify_hs256(&self, keys: &[DecodingKey]) -> Result<Claims, TokenRefused> {
        let tried = keys.iter().map(|key| self.verify(key, Algorithm::HS256, "HS256"));
        let settled = |tried: &Result<Claims, TokenRefused>| !matches!(tried, Err(TokenRefused::Signature));
        tried.into_iter().find(settled).unwrap_or(Err(TokenRefused::Signature))
    }
}

/// A part of a token: base64url of JSON in which no name stands twice.
fn unique(part: &str) -> Result<Unique, TokenRefused> {
    let json = URL_SAFE_NO_PAD.decode(part).map_err(|_| TokenRefused::Malformed)?;
    serde_json::from_slice(&json).map_err(|_| TokenRefused::Malformed)
}
