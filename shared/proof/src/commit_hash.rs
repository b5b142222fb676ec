//! The hash chain: what makes a changed, dropped or inserted commit show.

use ilock_events::{CallId, Commit, Hash};
use serde::Serialize;
use sha2::{Digest, Sha256};

/// SHA-256 over `bytes`, as 64 lower-case hexadecimal digits.
#[must_use]
pub fn digest(bytes: &[u8]) -> Hash {
    // Verifying makes a million of these in a few seconds; `hex::encode` goes char by char.
    let hash = Sha256::digest(bytes);
    let mut text = [0; 64];
    match hex::encode_to_slice(hash, &mut text) {
        Ok(()) => String::from_utf8_lossy(&text).into_owned(),
        Err(_) => hex::encode(hash),
    }
}

/// What `prev` of a call's first commit is: the digest of the call id.
#[must_use]
pub fn first_prev(call_id: &CallId) -> Hash {
    digest(call_id.as_str().as_bytes())
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
