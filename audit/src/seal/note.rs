//! Signed notes (C2SP signed-note), with Ed25519: a text, an empty line, and who signed it.

use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};

/// The signature type of Ed25519.
const ED25519_TYPE: u8 = 1;

/// Why a note, or a key, does not count.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct BadNote(pub &'static str);

/// The key that checks signatures: `name+hash+base64`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifyKey {
    name: String,
    public: [u8; 32],
}

/// The key that signs.
#[derive(Debug)]
pub struct SignKey {
    pair: Ed25519KeyPair,
    public: VerifyKey,
}

impl VerifyKey {
    /// The key `public` under the name `name`.
    ///
    /// # Errors
    /// [`BadNote`] for a name that cannot be one.
    pub fn new(name: impl Into<String>, public: [u8; 32]) -> Result<Self, BadNote> {
        let name = name.into();
        if name.is_empty() || name.contains('+') || name.contains(char::is_whitespace) {
            return Err(BadNote("a key's name must not be empty, nor have a space or a plus"));
        }
        Ok(Self { name, public })
    }

    /// Reads it as it is written.
    ///
    /// # Errors
    /// [`BadNote`].
    pub fn read(text: &str) -> Result<Self, BadNote> {
        let bad = BadNote("this is no verifier key of the form name+hash+key");
        let mut parts = text.trim().splitn(3, '+');
        let (Some(name), Some(id), Some(key)) = (parts.next(), parts.next(), parts.next()) else { return Err(bad) };
        let key = STANDARD.decode(key).map_err(|_| bad.clone())?;
        let Some((&ED25519_TYPE, key)) = key.split_first() else { return Err(BadNote("this key is not of Ed25519")) };
        let read = Self::new(name, key.try_into().map_err(|_| bad.clone())?)?;
        if hex::encode(read.id()) == id { Ok(read) } else { Err(bad) }
    }

    /// Its name: whose checkpoints it signs.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    fn id(&self) -> [u8; 4] {
        let hash = Sha256::new().chain_update(&self.name).chain_update([b'\n', ED25519_TYPE]);
        let hash: [u8; 32] = hash.chain_update(self.public).finalize().into();
        [hash[0], hash[1], hash[2], hash[3]]
    }

    /// The text of `note`, which this key signed.
    ///
    /// # Errors
    /// [`BadNote`] when it did not.
    pub fn open<'a>(&self, note: &'a str) -> Result<&'a str, BadNote> {
        let (text, signatures) = note.rsplit_once("\n\n").ok_or(BadNote("this is no signed note"))?;
        let text = &note[..=text.len()];
        let prefix = format!("\u{2014} {} ", self.name);
        let ours = signatures.lines().filter_map(|line| line.strip_prefix(&prefix));
        let ours = ours.filter_map(|signature| STANDARD.decode(signature).ok());
        let ours = ours.filter_map(|bytes| bytes.strip_prefix(&self.id()).map(<[u8]>::to_vec));
        let key = UnparsedPublicKey::new(&ED25519, self.public);
        let mut signed = false;
        for signature in ours {
            key.verify(text.as_bytes(), &signature).map_err(|_| BadNote("the signature does not fit the text"))?;
            signed = true;
        }
        if signed { Ok(text) } else { Err(BadNote("it was not signed with this key")) }
    }

    /// `text`, which must end with a line break, with `signature` of it.
    #[must_use]
    pub fn note(&self, text: &str, signature: &[u8]) -> String {
        let signature = STANDARD.encode([&self.id()[..], signature].concat());
        format!("{text}\n\u{2014} {} {signature}\n", self.name)
    }
}

impl std::fmt::Display for VerifyKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let key = STANDARD.encode([&[ED25519_TYPE][..], &self.public].concat());
        write!(f, "{}+{}+{key}", self.name, hex::encode(self.id()))
    }
}

impl SignKey {
    /// The key made of `seed`.
    ///
    /// # Errors
    /// [`BadNote`] for a name that cannot be one.
    pub fn new(name: impl Into<String>, seed: &[u8; 32]) -> Result<Self, BadNote> {
        let pair = Ed25519KeyPair::from_seed_unchecked(seed).map_err(|_| BadNote("no key can be made of this seed"))?;
        let public = pair.public_key().as_ref().try_into().map_err(|_| BadNote("a public key has 32 bytes"))?;
        Ok(Self { public: VerifyKey::new(name, public)?, pair })
    }

    /// What checks its signatures.
    #[must_use]
    pub const fn verify_key(&self) -> &VerifyKey {
        &self.public
    }

    /// `text`, which must end with a line break, signed.
    #[must_use]
    pub fn sign(&self, text: &str) -> String {
        self.public.note(text, self.pair.sign(text.as_bytes()).as_ref())
    }
}

#[cfg(test)]
#[allow(clippy::expect_used, reason = "a test that cannot go on has failed")]
mod tests {
    use super::*;

    /// The note that Go's documentation of package note shows, and its keys.
    const KEY: &str = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
    const SEED: &str = "AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz";
    const TEXT: &str =
        "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n";
    const SIGNATURE: &str =
        "x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=";

    #[test]
    fn a_note_that_go_signed_is_opened_and_signed_alike() {
        let key = VerifyKey::read(KEY).expect("a key");
        assert_eq!(key.to_string(), KEY);
        let note = format!("{TEXT}\n\u{2014} PeterNeumann {SIGNATURE}\n");
        assert_eq!(key.open(&note), Ok(TEXT));
        let seed = STANDARD.decode(SEED).expect("base64");
        let signer = SignKey::new("PeterNeumann", seed[1..].try_into().expect("32 bytes")).expect("a key");
        assert_eq!(signer.sign(TEXT), note);
    }

    #[test]
    fn a_note_that_was_changed_or_signed_by_another_is_not_opened() {
        let signer = SignKey::new("ilock.example/ledger", &[7; 32]).expect("a key");
        let (note, key) = (signer.sign("a\nb\n"), signer.verify_key());
        assert_eq!(key.open(&note), Ok("a\nb\n"));
        for at in 0..note.len() {
            let mut changed = note.clone().into_bytes();
            changed[at] ^= 1;
            let opened = String::from_utf8(changed).ok().is_some_and(|changed| key.open(&changed).is_ok());
            // The last line break is nobody's.
            assert!(!opened || at == note.len() - 1, "byte {at}");
        }
        let other = SignKey::new("ilock.example/ledger", &[8; 32]).expect("a key");
        assert!(other.verify_key().open(&note).is_err());
        assert!(VerifyKey::read("a+b").is_err() && VerifyKey::read(&KEY.replace("c74f", "c74e")).is_err());
        assert!(SignKey::new("a b", &[7; 32]).is_err());
    }
}
