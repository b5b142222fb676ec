//! Keys of Ed25519: those that sign checkpoints, and those that cosign them.

use std::fmt;

use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};

use super::signature::{BadNote, Signature};
use super::{cosigned, is_name};

/// What a key signs, as its type byte says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum KeyUse {
    /// Notes, without a time.
    Log = 1,
    /// Checkpoints, with the time (C2SP tlog-cosignature).
    Witness = 4,
}

/// The key that checks signatures, written as `name+id+base64`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct VerifyKey {
    name: String,
    id: u32,
    key_use: KeyUse,
    public: [u8; 32],
}

/// The key that signs.
#[derive(Debug)]
pub struct SignKey {
    pair: Ed25519KeyPair,
    public: VerifyKey,
}

impl VerifyKey {
    /// The key `public` of the log `name`.
    ///
    /// # Errors
    /// [`BadNote`] for a name that cannot be one.
    pub fn new(name: impl Into<String>, public: [u8; 32]) -> Result<Self, BadNote> {
        Self::for_use(name, KeyUse::Log, public)
    }

    /// The key `public` under the name `name`.
    ///
    /// # Errors
    /// [`BadNote`] for a name that cannot be one.
    pub fn for_use(name: impl Into<String>, key_use: KeyUse, public: [u8; 32]) -> Result<Self, BadNote> {
        let name = name.into();
        if !is_name(&name) {
            return Err(BadNote("a key's name must not be empty, nor have a space or a plus"));
        }
        let hash = Sha256::new().chain_update(&name).chain_update(b"\n").chain_update([key_use as u8]);
        let [a, b, c, d, ..] = <[u8; 32]>::from(hash.chain_update(public).finalize());
        Ok(Self { name, id: u32::from_be_bytes([a, b, c, d]), key_use, public })
    }

    /// Reads a key as it is displayed.
    ///
    /// # Errors
    /// [`BadNote`].
    pub fn read(text: &str) -> Result<Self, BadNote> {
        let form = || BadNote("not an Ed25519 verifier key of the form name+id+key");
        let mut parts = text.trim().splitn(3, '+');
        let (Some(name), Some(id), Some(key)) = (parts.next(), parts.next(), parts.next()) else { return Err(form()) };
        let typed = STANDARD.decode(key).map_err(|_| form())?;
        let (key_use, public) = match typed.split_first() {
            Some((1, public)) => (KeyUse::Log, public),
            Some((4, public)) => (KeyUse::Witness, public),
            Some((6, _)) => return Err(BadNote("this key is of ML-DSA-44; only Ed25519 keys are understood")),
            _ => return Err(form()),
        };
        let key = Self::for_use(name, key_use, public.try_into().map_err(|_| form())?)?;
        if format!("{:08x}", key.id) == id {
            Ok(key)
        } else {
            Err(BadNote("the key's id is not that of its name and key"))
        }
    }

    /// The name: of a log's key, the log's origin.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    #[must_use]
    pub const fn key_use(&self) -> KeyUse {
        self.key_use
    }

    /// The key itself, whatever it is called.
    #[must_use]
    pub const fn public(&self) -> &[u8; 32] {
        &self.public
    }

    /// Whether `signature` names this key.
    #[must_use]
    pub fn made(&self, signature: &Signature) -> bool {
        (signature.name.as_str(), signature.id) == (self.name.as_str(), self.id)
    }

    /// A signature of this key, made elsewhere.
    #[must_use]
    pub fn signature(&self, bytes: Vec<u8>) -> Signature {
        Signature { name: self.name.clone(), id: self.id, bytes }
    }

    /// Whether `signature` is that of this key over `message`, byte by byte.
    pub(crate) fn fits(&self, message: &[u8], signature: &[u8]) -> bool {
        UnparsedPublicKey::new(&ED25519, self.public).verify(message, signature).is_ok()
    }
}

impl fmt::Display for VerifyKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let typed = [&[self.key_use as u8][..], &self.public].concat();
        write!(f, "{}+{:08x}+{}", self.name, self.id, STANDARD.encode(typed))
    }
}

impl SignKey {
    /// The key of the log `name` that is made of `seed`.
    ///
    /// # Errors
    /// [`BadNote`] for a name that cannot be one.
    pub fn new(name: impl Into<String>, seed: &[u8; 32]) -> Result<Self, BadNote> {
        Self::for_use(name, KeyUse::Log, seed)
    }

    /// The key that is made of `seed`.
    ///
    /// # Errors
    /// [`BadNote`] for a name that cannot be one.
    pub fn for_use(name: impl Into<String>, key_use: KeyUse, seed: &[u8; 32]) -> Result<Self, BadNote> {
        let pair = Ed25519KeyPair::from_seed_unchecked(seed).map_err(|_| BadNote("not a seed of Ed25519"))?;
        let public = pair.public_key().as_ref().try_into().map_err(|_| BadNote("not a key of Ed25519"))?;
        Ok(Self { public: VerifyKey::for_use(name, key_use, public)?, pair })
    }

    /// The key that checks its signatures.
    #[must_use]
    pub const fn verify_key(&self) -> &VerifyKey {
        &self.public
    }

    /// The signature over `text`.
    #[must_use]
    pub fn sign(&self, text: &str) -> Signature {
        self.public.signature(self.pair.sign(text.as_bytes()).as_ref().to_vec())
    }

    /// The cosignature over a checkpoint's `text`, at a time in seconds since 1970.
    #[must_use]
    pub fn cosign(&self, text: &str, at: u64) -> Signature {
        let signed = self.pair.sign(cosigned(text, at).as_bytes());
        self.public.signature([&at.to_be_bytes(), signed.as_ref()].concat())
    }
}
