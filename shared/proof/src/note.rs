//! Signed notes (C2SP signed-note) with Ed25519: a text, an empty line, and one line per signature. The form is the crate
//! `signed_note`'s; a key here is one that can be compared, stored and handed to a signer elsewhere, as KMS is.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::{Signer, SigningKey};
use signed_note::{Note, NoteError, Signature, StandardVerifier, Verifier, VerifierList, is_key_name_valid, key_id};

/// The signature type of Ed25519.
const ED25519: u8 = 1;

/// Why a note or a key is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct BadNote(pub &'static str);

/// The key that checks signatures, written as `name+hash+base64`.
#[derive(Clone)]
pub struct VerifyKey {
    text: String,
    verifier: StandardVerifier,
}

/// The key that signs.
#[derive(Debug)]
pub struct SignKey {
    pair: SigningKey,
    public: VerifyKey,
}

impl VerifyKey {
    /// The key `public` under the name `name`.
    ///
    /// # Errors
    /// [`BadNote`] for a name that cannot be one, or bytes that are no point of the curve.
    pub fn new(name: impl Into<String>, public: [u8; 32]) -> Result<Self, BadNote> {
        let name = name.into();
        if !is_key_name_valid(&name) {
            return Err(BadNote("a key's name must not be empty, nor have a space or a plus"));
        }
        let typed = [&[ED25519][..], &public].concat();
        Self::read(&format!("{name}+{:08x}+{}", key_id(&name, &typed), STANDARD.encode(&typed)))
    }

    /// Reads a key as [`VerifyKey`] displays it.
    ///
    /// # Errors
    /// [`BadNote`].
    pub fn read(text: &str) -> Result<Self, BadNote> {
        let text = text.trim();
        let verifier = StandardVerifier::new(text);
        let verifier = verifier.map_err(|_| BadNote("not an Ed25519 verifier key of the form name+hash+key"))?;
        Ok(Self { text: text.to_owned(), verifier })
    }

    /// The name of the log whose checkpoints this key signs.
    #[must_use]
    pub fn name(&self) -> &str {
        self.verifier.name()
    }

    /// The text of `note`, if this key signed it.
    ///
    /// # Errors
    /// [`BadNote`] if it did not, or `note` is none.
    pub fn open<'a>(&self, note: &'a str) -> Result<&'a str, BadNote> {
        let parsed = Note::from_bytes(note.as_bytes()).map_err(refused)?;
        parsed.verify(&VerifierList::new(vec![Box::new(self.verifier.clone())])).map_err(refused)?;
        note.get(..parsed.text().len()).ok_or(BadNote("not a signed note"))
    }

    /// `text`, which must end with a line break, as a note with this key's `signature` of it.
    ///
    /// # Errors
    /// [`BadNote`] if `text` cannot be a note's.
    pub fn note(&self, text: &str, signature: &[u8]) -> Result<String, BadNote> {
        let signature = Signature::new(self.name().to_owned(), self.verifier.key_id(), signature.to_vec());
        let note = Note::new(text.as_bytes(), &[signature.map_err(refused)?]).map_err(refused)?;
        String::from_utf8(note.to_bytes()).map_err(|_| BadNote("not a signed note"))
    }
}

#[allow(clippy::needless_pass_by_value, reason = "handed to map_err")]
fn refused(error: NoteError) -> BadNote {
    BadNote(match error {
        NoteError::InvalidSignature { .. } => "the signature does not fit the text",
        NoteError::UnverifiedNote => "this key did not sign it",
        _ => "not a signed note",
    })
}

impl PartialEq for VerifyKey {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for VerifyKey {}

impl std::fmt::Debug for VerifyKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("VerifyKey").field(&self.text).finish()
    }
}

impl std::fmt::Display for VerifyKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.text)
    }
}

impl SignKey {
    /// The key made of `seed`.
    ///
    /// # Errors
    /// [`BadNote`] for a name that cannot be one.
    pub fn new(name: impl Into<String>, seed: &[u8; 32]) -> Result<Self, BadNote> {
        let pair = SigningKey::from_bytes(seed);
        Ok(Self { public: VerifyKey::new(name, pair.verifying_key().to_bytes())?, pair })
    }

    /// The key that checks its signatures.
    #[must_use]
    pub const fn verify_key(&self) -> &VerifyKey {
        &self.public
    }

    /// `text`, which must end with a line break, as a note signed with this key.
    ///
    /// # Errors
    /// [`BadNote`] if `text` cannot be a note's.
    pub fn sign(&self, text: &str) -> Result<String, BadNote> {
        self.public.note(text, &self.pair.sign(text.as_bytes()).to_bytes())
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
        assert_eq!(signer.sign(TEXT), Ok(note));
    }

    #[test]
    fn a_note_that_was_changed_or_signed_by_another_is_not_opened() {
        let signer = SignKey::new("ilock.example/ledger", &[7; 32]).expect("a key");
        let (note, key) = (signer.sign("a\nb\n").expect("a note"), signer.verify_key());
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
