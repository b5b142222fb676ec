//! The digest of a text that is too long to be held in memory.

use sha2::{Digest, Sha256};

/// Takes a text in, part by part.
#[derive(Debug, Clone, Default)]
pub struct TextDigest(Sha256);

impl TextDigest {
    /// Takes in the next part.
    pub fn update(&mut self, part: &[u8]) {
        self.0.update(part);
    }

    /// SHA-256 of all that was taken in, as 64 lower-case hexadecimal digits.
    #[must_use]
    pub fn finish(self) -> String {
        hex::encode(self.0.finalize())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_in_parts_has_the_digest_of_the_whole() {
        let mut parts = TextDigest::default();
        for part in ["a", "", "bc"] {
            parts.update(part.as_bytes());
        }
        assert_eq!(parts.finish(), crate::digest(b"abc"));
    }
}
