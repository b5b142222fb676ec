//! Checkpoints (C2SP tlog-checkpoint): how large the tree is, and its root. Cosignatures (C2SP tlog-cosignature): that a
//! witness saw the tree grow and never change.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::key::{KeyUse, VerifyKey};
use super::signature::{BadNote, Signature};
use super::signed::Note;
use super::{cosigned, node_of, number_of};
use crate::merkle_proof::TreeHead;

/// What a checkpoint says, and who signed it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// What the log is called.
    pub origin: String,
    pub head: TreeHead,
    /// Itself, with all signatures.
    pub note: Note,
}

/// What is signed. No lines of our own: witnesses sign only what they can check.
#[must_use]
pub fn checkpoint_text(origin: &str, head: &TreeHead) -> String {
    format!("{origin}\n{}\n{}\n", head.size, STANDARD.encode(head.root))
}

impl Checkpoint {
    /// Reads a checkpoint, whoever signed it.
    ///
    /// # Errors
    /// [`BadNote`] when it is none, or has lines that C2SP calls extensions.
    pub fn read(note: &str) -> Result<Self, BadNote> {
        let note = Note::read(note)?;
        let read = || {
            let mut lines = note.text().strip_suffix('\n')?.split('\n');
            let origin = lines.next().filter(|origin| !origin.is_empty())?.to_owned();
            let head = TreeHead { size: number_of(lines.next()?)?, root: node_of(lines.next()?)? };
            lines.next().is_none().then_some((origin, head))
        };
        let (origin, head) = read().ok_or(BadNote("not a checkpoint: three lines, origin, size and root"))?;
        Ok(Self { origin, head, note })
    }

    /// Whether one of `keys` signed it, which must be called as the log is.
    ///
    /// # Errors
    /// [`BadNote`] if none did.
    pub fn verify(&self, keys: &[VerifyKey]) -> Result<(), BadNote> {
        let mut signed = false;
        for key in keys.iter().filter(|key| key.name() == self.origin && key.key_use() == KeyUse::Log) {
            match self.note.verify(key) {
                Ok(()) => signed = true,
                // One of several keys did not sign: the log had another one then. A false signature is another thing.
                Err(_) if !self.note.signatures().iter().any(|signature| key.made(signature)) => {}
                Err(error) => return Err(error),
            }
        }
        if signed { Ok(()) } else { Err(BadNote("no key of this log signed it")) }
    }

    /// When `witness` cosigned it, in seconds since 1970; none where it did not.
    ///
    /// # Errors
    /// [`BadNote`] when a cosignature in its name is not its own.
    pub fn cosigned_by(&self, witness: &VerifyKey) -> Result<Option<u64>, BadNote> {
        if witness.key_use() != KeyUse::Witness {
            return Err(BadNote("this key is not a witness's"));
        }
        self.note.signature_of(witness, |signature: &Signature| {
            let (at, bytes) = signature.bytes.split_first_chunk::<8>()?;
            let at = u64::from_be_bytes(*at);
            let message = cosigned(self.note.text(), at);
            (i64::try_from(at).is_ok() && witness.fits(message.as_bytes(), bytes)).then_some(at)
        })
    }
}
