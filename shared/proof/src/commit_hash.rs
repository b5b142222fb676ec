//! The hash chain: what makes a changed, dropped or inserted commit show.

use ilock_events::{CallId, Commit, Hash};
use serde::Serialize;
use sha2::{Digest, Sha256};

/// SHA-256 over `bytes`, as 64 lower-case hexadecimal digits.
#[must_use]
pub fn digest(bytes: &[u8]) -> Hash {
    String::from_utf8_lossy(&digits(bytes)).into_owned()
}

/// Whether `named` is the digest of `bytes`. Verifying asks this a million times in a few seconds, and needs no text for it.
#[must_use]
pub fn has_digest(bytes: &[u8], named: &str) -> bool {
    digits(bytes) == named.as_bytes()
}

fn digits(bytes: &[u8]) -> [u8; 64] {
    let mut text = [0; 64];
    // It fails only where the length is another one; `hex::encode` would go char by char.
    let _ = hex::encode_to_slice(Sha256::digest(bytes), &mut text);
    text
}

/// What `prev` of a call's first commit is: the digest of the call id.
#[must_use]
pub fn first_prev(call_id: &CallId) -> Hash {
    digest(call_id.as_str().as_bytes())
}

/// Whether `prev` is that of a first commit of this call.
#[must_use]
pub fn is_first_prev(call_id: &CallId, prev: &str) -> bool {
    has_digest(call_id.as_str().as_bytes(), prev)
}

/// The RFC 8785 form of `value`.
///
/// # Errors
/// What serialising says; none for the types of `ilock-events`.
pub fn canonical(value: &impl Serialize) -> Result<Vec<u8>, serde_json::Error> {
    serde_json_canonicalizer::to_vec(value)
}

/// The hash of a commit: SHA-256 over the RFC 8785 form of everything in it but the hash itself.
///
/// # Errors
/// What serialising says; none for the types of `ilock-events`.
pub fn commit_hash(commit: &Commit) -> Result<Hash, serde_json::Error> {
    let mut form = serde_json::to_value(commit)?;
    if let Some(fields) = form.as_object_mut() {
        fields.remove("hash");
    }
    Ok(digest(&canonical(&form)?))
}
