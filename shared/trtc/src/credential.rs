//! A credential, read: for `ilock trtc --decode`, for tests, and for whoever doubts one.

use base64::{Engine, engine::general_purpose::STANDARD};
use serde::{Deserialize, Serialize};

use crate::{UserBuf, sign, wire};

/// The only version of the format that Tencent's rooms still take.
pub(crate) const VERSION: &str = "2.0";

/// A `UserSig`, or with a userbuf a `PrivateMapKey`. As JSON it has Tencent's field names, and the userbuf's content
/// beside them as `userbuf`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Credential {
    /// `2.0`.
    #[serde(rename = "TLS.ver")]
    pub version: String,
    /// Whose credential it is.
    #[serde(rename = "TLS.identifier")]
    pub identifier: String,
    /// The operator's TRTC application.
    #[serde(rename = "TLS.sdkappid")]
    pub sdk_app_id: u32,
    /// How long it is good for, in seconds from `time`.
    #[serde(rename = "TLS.expire")]
    pub expire: u32,
    /// When it was made, in seconds since 1970.
    #[serde(rename = "TLS.time")]
    pub time: i64,
    /// The room, as signed: base64. A `UserSig` has none.
    #[serde(rename = "TLS.userbuf", skip_serializing_if = "Option::is_none")]
    pub userbuf: Option<String>,
    /// HMAC-SHA256 over the fields above but the version, base64.
    #[serde(rename = "TLS.sig")]
    pub sig: String,
    /// What the userbuf says.
    #[serde(rename = "userbuf", skip_serializing_if = "Option::is_none")]
    pub room: Option<UserBuf>,
}

/// Why a text is no credential.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadCredential {
    /// Over 4 KB, or it unpacks to over 8 KB.
    #[error("the credential is too long")]
    TooLong,
    /// Not Tencent's base64: `*` for `+`, `-` for `/`, `_` for `=`.
    #[error("the credential is not written in Tencent's base64")]
    Base64,
    /// Not one whole zlib stream.
    #[error("the credential does not unpack")]
    Zlib,
    /// Not JSON, or without the fields that a credential has.
    #[error("the credential's fields are not as they must be")]
    Fields,
    /// Another version than `2.0`.
    #[error("the credential is not of version 2.0")]
    Version,
    /// A userbuf that does not name a room.
    #[error("the credential's userbuf does not name a room")]
    UserBuf,
}

/// A credential's JSON. Fields that are not listed are not signed and mean nothing.
#[derive(Deserialize)]
struct Fields {
    #[serde(rename = "TLS.ver")]
    version: String,
    #[serde(rename = "TLS.identifier")]
    identifier: String,
    #[serde(rename = "TLS.sdkappid")]
    sdk_app_id: u32,
    #[serde(rename = "TLS.expire")]
    expire: u32,
    #[serde(rename = "TLS.time")]
    time: i64,
    #[serde(rename = "TLS.userbuf")]
    userbuf: Option<String>,
    #[serde(rename = "TLS.sig")]
    sig: String,
}

impl Credential {
    /// Reads `text`, which may be hostile. That it reads says nothing about its signature: see [`Self::verify`].
    ///
    /// # Errors
    /// [`BadCredential`] says what is wrong with it.
    pub fn decode(text: &str) -> Result<Self, BadCredential> {
        let fields: Fields = serde_json::from_slice(&wire::unpack(text)?).map_err(|_| BadCredential::Fields)?;
        if fields.version != VERSION {
            return Err(BadCredential::Version);
        }
        // A line break in a name could pass one signed line off as two.
        if fields.identifier.contains(char::is_control) {
            return Err(BadCredential::Fields);
        }
        let room = fields.userbuf.as_deref().map(read_userbuf).transpose()?;
        Ok(Self {
            version: fields.version,
            identifier: fields.identifier,
            sdk_app_id: fields.sdk_app_id,
            expire: fields.expire,
            time: fields.time,
            userbuf: fields.userbuf,
            sig: fields.sig,
            room,
        })
    }

    /// Whether the signed fields were signed with `key`; compared in constant time. Says nothing about the time.
    #[must_use]
    pub fn verify(&self, key: &str) -> bool {
        let one_line = |text: &str| !text.contains(char::is_control);
        one_line(&self.identifier) && self.userbuf.as_deref().is_none_or(one_line) && sign::is_signed(self, key)
    }

    /// Until when it is good, in seconds since 1970.
    #[must_use]
    pub const fn expires_at_seconds(&self) -> i64 {
        // `as` because `From` is not const; widening loses nothing.
        self.time.saturating_add(self.expire as i64)
    }

    /// Signs the fields and writes the credential.
    pub(crate) fn issue(mut self, key: &str) -> String {
        self.sig = sign::sign(&self, key);
        let mut fields = serde_json::json!({
            "TLS.ver": self.version,
            "TLS.identifier": self.identifier,
            "TLS.sdkappid": self.sdk_app_id,
            "TLS.expire": self.expire,
            "TLS.time": self.time,
            "TLS.sig": self.sig,
        });
        if let Some(userbuf) = self.userbuf {
            fields["TLS.userbuf"] = userbuf.into();
        }
        wire::pack(&fields.to_string())
    }
}

fn read_userbuf(text: &str) -> Result<UserBuf, BadCredential> {
    STANDARD.decode(text).ok().and_then(|bytes| UserBuf::from_bytes(&bytes)).ok_or(BadCredential::UserBuf)
}
