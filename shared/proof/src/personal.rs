//! Personal text stands beside its commit, which holds only this salted digest: the text can be deleted, and the commit's
//! hash stays right.

use ilock_events::{Personal, PersonalText};

use crate::commit_hash::{canonical, digest};

/// Salts `text`; none when there is nothing to keep. `salt` is 16 random bytes. The digest is SHA-256 over the salt's
/// hexadecimal digits and the text's RFC 8785 form.
///
/// # Errors
/// What serialising says; none for the types of `ilock-events`.
pub fn salt_personal(text: PersonalText, salt: [u8; 16]) -> Result<Option<Personal>, serde_json::Error> {
    if text.is_empty() {
        return Ok(None);
    }
    let salt = hex::encode(salt);
    let form = canonical(&text)?;
    let digest = digest(&[salt.as_bytes(), form.as_slice()].concat());
    Ok(Some(Personal { salt, text, digest }))
}
