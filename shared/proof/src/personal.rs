//! Personal text stands beside its commit, which holds only this salted digest: the text can be deleted, and the commit's
//! hash stays right.

use ilock_events::{Hash, Personal, PersonalText};

use crate::commit_hash::{canonical, digest};

/// The digest of personal text: SHA-256 over the salt's hexadecimal digits and the text's RFC 8785 form.
#[must_use]
pub fn personal_digest(salt: &str, form: &[u8]) -> Hash {
    digest(&[salt.as_bytes(), form].concat())
}

/// Salts `text`; none when there is nothing to keep. `salt` is 16 random bytes.
///
/// # Errors
/// What serialising says; none for the types of `ilock-events`.
pub fn salt_personal(text: PersonalText, salt: [u8; 16]) -> Result<Option<Personal>, serde_json::Error> {
    if text.is_empty() {
        return Ok(None);
    }
    let salt = hex::encode(salt);
    let form = canonical(&text)?;
    let digest = personal_digest(&salt, &form);
    Ok(Some(Personal { salt, text, digest }))
}
