//! The key under which a user's user_sigs are encrypted inside MQTT messages.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use ilock_env::random;
use ilock_events::{Address, PayloadKey};

use crate::{
    Secret, ShortSecret,
    jwe::{self, NotEncrypted, NotOpened},
};

/// Every user's payload key, derived from one master secret and the user's address.
///
/// A user gets theirs over HTTPS at registration. To change all keys, raise the version: phones learn theirs when they
/// register again.
#[derive(Debug, Clone)]
pub struct PayloadKeys {
    master: Secret,
    version: u32,
}

impl PayloadKeys {
    /// `version` stands in each key's `kid` (`v1`, `v2` …) and is part of what the keys are derived from.
    ///
    /// # Errors
    /// [`ShortSecret`] with fewer than 32 bytes.
    pub fn new(master: Secret, version: u32) -> Result<Self, ShortSecret> {
        let master = master.long_enough()?;
        Ok(Self { master, version })
    }

    /// `user`'s key as a JWK: `oct`, `dir`, `A256GCM`.
    #[must_use]
    pub fn jwk(&self, user: &Address) -> PayloadKey {
        PayloadKey {
            kty: "oct".into(),
            kid: self.kid(),
            alg: jwe::ALG.into(),
            enc: jwe::ENC.into(),
            k: URL_SAFE_NO_PAD.encode(self.key(user)),
        }
    }

    /// Encrypts `plaintext` for `user`: a compact JWE (RFC 7516), `dir` with `A256GCM`, under a random 96-bit IV.
    ///
    /// # Errors
    /// [`NotEncrypted`] when the system gives no randomness.
    pub fn encrypt(&self, user: &Address, plaintext: &str) -> Result<String, NotEncrypted> {
        // Random IVs may collide after some 2^32 messages under one key; no user gets as many calls.
        let iv = random::<{ jwe::IV_BYTES }>().map_err(|_| NotEncrypted::Randomness)?;
        jwe::encrypt(&self.key(user), &self.kid(), iv, plaintext)
    }

    /// What a phone does with a encrypted user_sig: for the command line and tests. `encrypted` may be hostile.
    ///
    /// # Errors
    /// [`NotOpened`] says why not.
    pub fn open(jwk: &PayloadKey, encrypted: &str) -> Result<String, NotOpened> {
        if (jwk.kty.as_str(), jwk.alg.as_str(), jwk.enc.as_str()) != ("oct", jwe::ALG, jwe::ENC) {
            return Err(NotOpened::BadKey);
        }
        let key = URL_SAFE_NO_PAD
            .decode(&jwk.k)
            .ok()
            .and_then(|bytes| <[u8; 32]>::try_from(bytes).ok())
            .ok_or(NotOpened::BadKey)?;
        jwe::open(&key, &jwk.kid, encrypted)
    }

    fn key(&self, user: &Address) -> [u8; 32] {
        let version = self.version.to_be_bytes();
        self.master.derive("ilock payload key", &[user.as_str().as_bytes(), &version])
    }

    fn kid(&self) -> String {
        format!("v{}", self.version)
    }
}
