//! The signature in a credential: HMAC-SHA256 over its fields, line by line.

use base64::{Engine, engine::general_purpose::STANDARD};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::Credential;

/// Signs `credential`'s fields; base64 as it stands in `TLS.sig`.
pub(crate) fn sign(credential: &Credential, key: &str) -> String {
    STANDARD.encode(mac(credential, key).finalize().into_bytes())
}

/// Whether `TLS.sig` is what `key` signs, compared in constant time (`Mac::verify_slice`).
pub(crate) fn is_signed(credential: &Credential, key: &str) -> bool {
    STANDARD.decode(&credential.sig).is_ok_and(|sig| mac(credential, key).verify_slice(&sig).is_ok())
}

fn mac(credential: &Credential, key: &str) -> Hmac<Sha256> {
    // Tencent shows the key as hexadecimal digits, and uses those digits themselves as the key's bytes.
    #[expect(clippy::expect_used, reason = "RFC 2104 takes keys of every length")]
    let mut mac = Hmac::<Sha256>::new_from_slice(key.as_bytes()).expect("HMAC takes every key");
    mac.update(signed_text(credential).as_bytes());
    mac
}

fn signed_text(credential: &Credential) -> String {
    let userbuf = credential.userbuf.as_ref().map(|userbuf| format!("TLS.userbuf:{userbuf}\n")).unwrap_or_default();
    format!(
        "TLS.identifier:{}\nTLS.sdkappid:{}\nTLS.time:{}\nTLS.expire:{}\n{userbuf}",
        credential.identifier, credential.sdk_app_id, credential.time, credential.expire
    )
}
