//! Why a text is no credential.

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
