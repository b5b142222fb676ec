//! A text, an empty line, and one line per signature.

use std::fmt;

use super::key::{SignKey, VerifyKey};
use super::signature::{BadNote, Signature};

/// How many bytes a note may have, and how many signatures: far more than a checkpoint with its witnesses.
const MAX_BYTES: usize = 1 << 20;
const MAX_SIGNATURES: usize = 128;

/// A text with signatures, which nobody has checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    text: String,
    signatures: Vec<Signature>,
}

impl Note {
    /// `text` with `signatures`.
    ///
    /// # Errors
    /// [`BadNote`] if `text` cannot be a note's.
    pub fn new(text: String, signatures: Vec<Signature>) -> Result<Self, BadNote> {
        let control = text.chars().any(|c| c.is_ascii_control() && c != '\n');
        if control || !text.ends_with('\n') || text.len() > MAX_BYTES {
            return Err(BadNote("a note's text ends with a line break, and has no other control character"));
        }
        Ok(Self { text, signatures })
    }

    /// Reads a note. Its signatures are kept as they are, known or not.
    ///
    /// # Errors
    /// [`BadNote`].
    pub fn read(note: &str) -> Result<Self, BadNote> {
        let bad = || BadNote("not a signed note: a text, an empty line, and at least one signature line");
        let (text, lines) = note.rsplit_once("\n\n").filter(|_| note.len() <= MAX_BYTES).ok_or_else(bad)?;
        let lines = lines.strip_suffix('\n').ok_or_else(bad)?;
        if lines.chars().any(|c| c.is_ascii_control() && c != '\n') || lines.split('\n').count() > MAX_SIGNATURES {
            return Err(bad());
        }
        let signatures: Result<_, _> = lines.split('\n').map(Signature::read).collect();
        Self::new(format!("{text}\n"), signatures?)
    }

    /// What was signed.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    #[must_use]
    pub fn signatures(&self) -> &[Signature] {
        &self.signatures
    }

    /// Adds signatures that are not there yet, each in the place of an earlier one of the same key.
    pub fn add(&mut self, signatures: impl IntoIterator<Item = Signature>) {
        for signature in signatures {
            let same = |there: &&mut Signature| (&there.name, there.id) == (&signature.name, signature.id);
            match self.signatures.iter_mut().find(same) {
                Some(there) => *there = signature,
                None => self.signatures.push(signature),
            }
        }
    }

    /// The signature of `key` that `check` accepts. As signed-note has it, one that names the key and is not its own
    /// spoils the note.
    pub(super) fn signature_of<T>(
        &self,
        key: &VerifyKey,
        check: impl Fn(&Signature) -> Option<T>,
    ) -> Result<Option<T>, BadNote> {
        let mut found = None;
        for signature in self.signatures.iter().filter(|signature| key.made(signature)) {
            found = Some(check(signature).ok_or(BadNote("the signature does not fit the text"))?);
        }
        Ok(found)
    }

    /// Whether `key`, a log's, signed it.
    ///
    /// # Errors
    /// [`BadNote`] if it did not, or a signature in its name is not its own.
    pub fn verify(&self, key: &VerifyKey) -> Result<(), BadNote> {
        let fits = |signature: &Signature| key.fits(self.text.as_bytes(), &signature.bytes).then_some(());
        self.signature_of(key, fits)?.ok_or(BadNote("this key did not sign it"))
    }
}

impl SignKey {
    /// `text`, which must end with a line break, as a note signed with this key.
    ///
    /// # Errors
    /// [`BadNote`] if `text` cannot be a note's.
    pub fn note(&self, text: &str) -> Result<Note, BadNote> {
        Note::new(text.to_owned(), vec![self.sign(text)])
    }
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.text)?;
        self.signatures.iter().try_for_each(|signature| writeln!(f, "{signature}"))
    }
}

#[cfg(test)]
#[allow(clippy::expect_used, reason = "a test that cannot go on has failed")]
mod tests {
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;

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
        let text = format!("{TEXT}\n\u{2014} PeterNeumann {SIGNATURE}\n");
        let note = Note::read(&text).expect("a note");
        assert_eq!((note.verify(&key), note.text(), note.to_string()), (Ok(()), TEXT, text));
        let seed = STANDARD.decode(SEED).expect("base64");
        let signer = SignKey::new("PeterNeumann", seed[1..].try_into().expect("32 bytes")).expect("a key");
        assert_eq!(signer.note(TEXT), Ok(note));
    }

    #[test]
    fn a_note_that_was_changed_or_signed_by_another_is_not_opened() {
        let signer = SignKey::new("ilock.example/ledger", &[7; 32]).expect("a key");
        let (note, key) = (signer.note("a\nb\n").expect("a note").to_string(), signer.verify_key());
        assert!(Note::read(&note).is_ok_and(|note| note.verify(key).is_ok()));
        for at in 0..note.len() {
            let mut changed = note.clone().into_bytes();
            changed[at] ^= 1;
            let opened = String::from_utf8(changed)
                .is_ok_and(|changed| Note::read(&changed).is_ok_and(|note| note.verify(key).is_ok()));
            assert!(!opened, "byte {at}");
        }
        let other = SignKey::new("ilock.example/ledger", &[8; 32]).expect("a key");
        assert!(Note::read(&note).is_ok_and(|note| note.verify(other.verify_key()).is_err()));
        assert!(VerifyKey::read("a+b").is_err() && VerifyKey::read(&KEY.replace("c74f", "c74e")).is_err());
        assert!(SignKey::new("a b", &[7; 32]).is_err());
    }

    #[test]
    fn a_note_keeps_signatures_that_nobody_knows_and_takes_one_of_each_key() {
        let (signer, stranger) = ([7; 32], [8; 32]);
        let signer = SignKey::new("ilock.example/ledger", &signer).expect("a key");
        let stranger = SignKey::new("stranger.example", &stranger).expect("a key");
        let mut note = signer.note("a\n").expect("a note");
        note.add([stranger.sign("b\n"), stranger.sign("a\n")]);
        assert_eq!(note.signatures().len(), 2);
        assert_eq!(Note::read(&note.to_string()), Ok(note.clone()));
        assert_eq!((note.verify(signer.verify_key()), note.verify(stranger.verify_key())), (Ok(()), Ok(())));
    }
}
