//! Compact JWE (RFC 7516 §7.1) in the one form that is used here: `dir` with `A256GCM` (RFC 7518 §4.5, §5.3).
//!
//! `{header}..{iv}.{ciphertext}.{tag}`, each base64url; the second part is empty because the key is the receiver's own.

use aes_gcm::{
    Aes256Gcm, KeyInit,
    aead::{Aead, Payload},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::Deserialize;

/// The key is used as it is.
pub(crate) const ALG: &str = "dir";
/// AES-GCM with a 256-bit key.
pub(crate) const ENC: &str = "A256GCM";
pub(crate) const IV_BYTES: usize = 12;
const TAG_BYTES: usize = 16;

/// The longest JWE that is looked at; a encrypted user_sig has some 700 bytes.
const LONGEST: usize = 16 * 1_024;

/// Why something was not encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotEncrypted {
    /// The system gave no random bytes.
    #[error("no randomness for an IV")]
    Randomness,
    /// The text is longer than AES-GCM takes (64 GB).
    #[error("the text is too long to encrypt")]
    TooLong,
}

/// Why a encrypted text was not opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotOpened {
    /// Not an `oct` key of 32 bytes for `dir` and `A256GCM`.
    #[error("the key is not an A256GCM key")]
    BadKey,
    /// Over 16 KB, not five parts of base64url, a wrong size, or a header that is none.
    #[error("the encrypted text is malformed")]
    Malformed,
    /// Another `alg` or `enc`, compression, or an extension that must be understood.
    #[error("the encrypted text is not dir with A256GCM")]
    Algorithm,
    /// Encrypted under another version of the key.
    #[error("the encrypted text names another key")]
    OtherKey,
    /// The tag is wrong: another key, or somebody changed it.
    #[error("the encrypted text was encrypted with another key, or changed")]
    Tag,
    /// It opened, and is no UTF-8.
    #[error("the encrypted text is not text")]
    NotText,
}

#[derive(Deserialize)]
struct Header {
    alg: String,
    enc: String,
    kid: String,
    #[serde(default)]
    zip: Option<serde_json::Value>,
    #[serde(default)]
    crit: Option<serde_json::Value>,
}

/// Encrypts `plaintext` under `iv`, which must never be used twice with the same key.
pub(crate) fn encrypt(key: &[u8; 32], kid: &str, iv: [u8; IV_BYTES], plaintext: &str) -> Result<String, NotEncrypted> {
    let header = serde_json::json!({ "alg": ALG, "enc": ENC, "kid": kid });
    let header = URL_SAFE_NO_PAD.encode(header.to_string());
    let payload = Payload { msg: plaintext.as_bytes(), aad: header.as_bytes() };
    let encrypted = Aes256Gcm::new(&(*key).into()).encrypt(&iv.into(), payload).map_err(|_| NotEncrypted::TooLong)?;
    let (ciphertext, tag) = encrypted.split_at(encrypted.len() - TAG_BYTES);
    let [iv, ciphertext, tag] = [&iv[..], ciphertext, tag].map(|part| URL_SAFE_NO_PAD.encode(part));
    Ok(format!("{header}..{iv}.{ciphertext}.{tag}"))
}

/// Opens `encrypted`, which may be hostile, with the key named `kid`.
pub(crate) fn open(key: &[u8; 32], kid: &str, encrypted: &str) -> Result<String, NotOpened> {
    if encrypted.len() > LONGEST {
        return Err(NotOpened::Malformed);
    }
    let parts: Vec<&str> = encrypted.split('.').collect();
    let [protected, "", iv, ciphertext, tag] = parts[..] else {
        return Err(NotOpened::Malformed);
    };
    let header: Header = serde_json::from_slice(&decoded(protected)?).map_err(|_| NotOpened::Malformed)?;
    let plain = header.zip.is_none() && header.crit.is_none();
    if header.alg != ALG || header.enc != ENC || !plain {
        return Err(NotOpened::Algorithm);
    }
    if header.kid != kid {
        return Err(NotOpened::OtherKey);
    }
    let iv: [u8; IV_BYTES] = decoded(iv)?.try_into().map_err(|_| NotOpened::Malformed)?;
    let tag: [u8; TAG_BYTES] = decoded(tag)?.try_into().map_err(|_| NotOpened::Malformed)?;
    let encrypted = [decoded(ciphertext)?, tag.to_vec()].concat();
    let payload = Payload { msg: &encrypted, aad: protected.as_bytes() };
    // aes-gcm compares the tag in constant time.
    let opened = Aes256Gcm::new(&(*key).into()).decrypt(&iv.into(), payload).map_err(|_| NotOpened::Tag)?;
    String::from_utf8(opened).map_err(|_| NotOpened::NotText)
}

fn decoded(part: &str) -> Result<Vec<u8>, NotOpened> {
    URL_SAFE_NO_PAD.decode(part).map_err(|_| NotOpened::Malformed)
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: [u8; 32] = [7; 32];

    fn jwe(header: &str) -> String {
        let encrypted = encrypt(&KEY, "v1", [1; 12], "hello").unwrap();
        let (_, rest) = encrypted.split_once('.').unwrap();
        format!("{}.{rest}", URL_SAFE_NO_PAD.encode(header))
    }

    fn replaced(part: usize, with: &str) -> String {
        let encrypted = encrypt(&KEY, "v1", [1; 12], "hello").unwrap();
        let mut parts: Vec<&str> = encrypted.split('.').collect();
        parts[part] = with;
        parts.join(".")
    }

    /// What the independent library opened: see tests/vectors/README.md.
    #[test]
    fn what_is_encrypted_is_what_another_library_has_opened() {
        let vectors: serde_json::Value = serde_json::from_str(include_str!("../tests/vectors/jwe.json")).unwrap();
        let ours = vectors["ours_opened_by_theirs"].as_array().unwrap();
        assert!(ours.len() >= 3);
        for vector in ours {
            let text = |name: &str| vector[name].as_str().unwrap();
            let bytes = |name: &str| URL_SAFE_NO_PAD.decode(text(name)).unwrap();
            let encrypted = encrypt(
                &bytes("k").try_into().unwrap(),
                text("kid"),
                bytes("iv").try_into().unwrap(),
                text("plaintext"),
            );
            assert_eq!(encrypted.as_deref(), Ok(text("jwe")));
        }
    }

    #[test]
    fn every_changed_part_is_refused() {
        assert_eq!(open(&KEY, "v1", &replaced(1, "")).as_deref(), Ok("hello"));
        for part in [0, 2, 3, 4] {
            let encrypted = encrypt(&KEY, "v1", [2; 12], "hallo, and longer").unwrap();
            let other = encrypted.split('.').nth(part).unwrap();
            let opened = open(&KEY, "v1", &replaced(part, other));
            // The header is the same for both; everything else is not.
            assert_eq!(opened.is_ok(), part == 0, "part {part}");
        }
        assert_eq!(
            open(&KEY, "v1", &jwe(r#"{"enc":"A256GCM","alg":"dir","kid":"v1"}"#)),
            Err(NotOpened::Tag),
            "a header that says the same in other words is not the one that was encrypted"
        );
    }

    #[test]
    fn another_algorithm_is_refused() {
        for header in [
            r#"{"alg":"A256KW","enc":"A256GCM","kid":"v1"}"#,
            r#"{"alg":"none","enc":"A256GCM","kid":"v1"}"#,
            r#"{"alg":"dir","enc":"A128GCM","kid":"v1"}"#,
            r#"{"alg":"dir","enc":"A256CBC-HS512","kid":"v1"}"#,
            r#"{"alg":"dir","enc":"A256GCM","kid":"v1","zip":"DEF"}"#,
            r#"{"alg":"dir","enc":"A256GCM","kid":"v1","crit":["exp"],"exp":1}"#,
        ] {
            assert_eq!(open(&KEY, "v1", &jwe(header)), Err(NotOpened::Algorithm), "{header}");
        }
    }

    #[test]
    fn another_key_id_is_refused() {
        assert_eq!(open(&KEY, "v2", &replaced(1, "")), Err(NotOpened::OtherKey));
    }

    #[test]
    fn another_key_of_the_same_name_does_not_open() {
        assert_eq!(open(&[8; 32], "v1", &replaced(1, "")), Err(NotOpened::Tag));
    }

    #[test]
    fn wrong_sizes_are_refused() {
        for (part, with) in [
            (1, "AAAA"),
            (2, ""),
            (2, "AAAAAAAAAAAAAAA"),
            (2, "AAAAAAAAAAAAAAAAAAAAAA"),
            (4, ""),
            (4, "AAAAAAAAAAAAAAAA"),
            (4, "AAAAAAAAAAAAAAAAAAAAAAAA"),
            (3, "="),
            (0, ""),
            (0, "e30"),
        ] {
            assert_eq!(open(&KEY, "v1", &replaced(part, with)), Err(NotOpened::Malformed), "{part} {with:?}");
        }
        for text in ["", ".", "....", "a.b.c", "a..b.c.d.e", &"a".repeat(20_000)] {
            assert_eq!(open(&KEY, "v1", text), Err(NotOpened::Malformed));
        }
    }
}
