//! Personal text as a verifier sees it: byte by byte, since that is what its digest was made of.

use std::borrow::Cow;

use ilock_events::PersonalText;
use ilock_proof::personal_digest;
use serde::Deserialize;

/// What stands beside a commit.
#[derive(Debug, Deserialize)]
pub struct PersonalView<'a> {
    #[serde(borrow)]
    salt: Cow<'a, str>,
    #[serde(borrow)]
    text: Cow<'a, str>,
    #[serde(borrow)]
    digest: Cow<'a, str>,
}

impl PersonalView<'_> {
    /// Itself, where the text within is JSON of its form.
    ///
    /// # Errors
    /// What the JSON is refused with.
    pub fn read(self) -> Result<Self, serde_json::Error> {
        serde_json::from_str::<PersonalText>(&self.text).map(|_| self)
    }

    /// Whether salt and text have the digest, and the salt is one.
    #[must_use]
    pub fn fits(&self) -> bool {
        let salted = self.salt.len() == 32 && self.salt.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        salted && personal_digest(&self.salt, self.text.as_bytes()) == *self.digest
    }
}
