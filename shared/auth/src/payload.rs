//! The key under which a user's user_sigs are encrypted inside MQTT messages.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use ilock_env::random;
use ilock_events::{Address, PayloadKey};

use crate::{
    Secret, ShortSecret,
    jwe::{self, NotEncrypted, NotOpened},
};

/// Every user's payload key, derived from one secret, the user's address and two versions: the deployment's, and the
/// user's own, which is raised when they are logged out everywhere.
///
/// A user gets theirs over HTTPS at registration. To change all keys, raise the deployment's version: phones learn theirs
/// when they register again.
#[derive(Debug, Clone)]
pub struct PayloadKeys {
    secret: Secret,
    version: u32,
}

impl PayloadKeys {
    /// `version` stands in each key's `kid` (`v1`, `v2` …; with a user's own behind it from 1 on: `v1.1`) and is part of what the
    /// keys are derived from.
    ///
    /// # Errors
    /// [`ShortSecret`] with fewer than 32 bytes.
    pub fn new(secret: Secret, version: u32) -> Result<Self, ShortSecret> {
        let secret = secret.long_enough()?;
        Ok(Self { secret, version })
    }

    /// `user`'s key of their own `version` as a JWK: `oct`, `dir`, `A256GCM`.
    #[must_use]
    pub fn jwk(&self, user: &Address, version: u32) -> PayloadKey {
        PayloadKey {
            kty: "oct".into(),
            kid: self.kid(version),
            alg: jwe::ALG.into(),
            enc: jwe::ENC.into(),
            k: URL_SAFE_NO_PAD.encode(self.key(user, version)),
        }
    }

    /// Encrypts `plaintext` for `user`, whose own version is `version`: a compact JWE (RFC 7516), `dir` with `A256GCM`, under a random 96-bit IV.
    ///
    /// # Errors
    /// [`NotEncrypted`] when the system gives no randomness.
    pub fn encrypt(&self, user: &Address, version: u32, plaintext: &str) -> Result<String, NotEncrypted> {
        // Random IVs may collide after some 2^32 messages under one key; no user gets as many calls.
        let iv = random::<{ jwe::IV_BYTES }>().map_err(|_| NotEncrypted::Randomness)?;
        jwe::encrypt(&self.key(user, version), &self.kid(version), iv, plaintext)
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

    fn key(&self, user: &Address, version: u32) -> [u8; 32] {
        let (all, own) = (self.version.to_be_bytes(), version.to_be_bytes());
        let parts = [user.as_str().as_bytes(), &all, &own];
        // Whoever was never logged out everywhere has the key that they always had.
        let parts = if version == 0 { &parts[..2] } else { &parts[..] };
        self.secret.derive("ilock payload key", parts)
    }

    fn kid(&self, version: u32) -> String {
        match version {
            0 => format!("v{}", self.version),
            own => format!("v{}.{own}", self.version),
        }
    }
}
