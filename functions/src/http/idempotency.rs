//! Idempotency: one request, sent again, is done once.
//!
//! A command under one key is one commit: `decide` knows the key (`shared/call/src/decide.rs`). `POST /api/calls` has no
//! call yet whose log could know it, so the lease of the call's room is its record: the room's number follows from the
//! request, and the lease names the request, what it asked for, and the call ([`RequestDigest`], `shared/directory/src/room_lease.rs`).

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use ilock_env::random;
use ilock_events::{CommandId, RoomId};
use sha2::{Digest, Sha256};

use super::asker::Caller;
use super::body::bad_id;
use crate::error::ApiError;

/// The request's `Idempotency-Key`, where it has one.
#[derive(Debug, Clone)]
pub struct IdempotencyKey(pub Option<CommandId>);

impl<S: Send + Sync> FromRequestParts<S> for IdempotencyKey {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        let mut sent = parts.headers.get_all("idempotency-key").iter();
        let Some(value) = sent.next() else { return Ok(Self(None)) };
        // API Gateway joins several by a comma, which no key contains.
        if sent.next().is_some() {
            return Err(ApiError::field("Idempotency-Key", "must be there once"));
        }
        let key = value.to_str().unwrap_or_default();
        CommandId::new(key).map(|key| Self(Some(key))).map_err(|bad| bad_id("Idempotency-Key", &bad))
    }
}

impl IdempotencyKey {
    /// The key, or one that nobody else has.
    ///
    /// # Errors
    /// 500 when the system has no randomness.
    pub fn or_fresh(self) -> Result<CommandId, ApiError> {
        match self.0 {
            Some(key) => Ok(key),
            None => CommandId::new(hex::encode(random::<16>()?)).map_err(|bad| ApiError::Internal(bad.to_string())),
        }
    }
}

/// Which request this is, for those that may come again: a digest of tenant, caller and key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RequestDigest([u8; 32]);

impl RequestDigest {
    /// That of `caller`'s request under `key`.
    #[must_use]
    pub fn new(caller: &Caller, key: &CommandId) -> Self {
        let kind = caller.party.kind.word();
        // Of the parts only the id can contain a space, so no two requests are written alike.
        Self(Sha256::digest(format!("{} {kind} {} {}", caller.tenant, caller.party.id, key.as_str())).into())
    }

    /// As it stands in a lease.
    #[must_use]
    pub fn hex(&self) -> String {
        hex::encode(self.0)
    }

    /// As it stands in an entry of a live call, where it is compared with other requests of the same caller alone.
    #[must_use]
    pub fn short(&self) -> String {
        hex::encode(&self.0[..8])
    }

    /// As it stands in a press of this request for the callees of `set`. Another request under the same key, for others, is
    /// another press.
    #[must_use]
    pub fn press(&self, set: &str) -> String {
        hex::encode(&Sha256::digest([self.0.as_slice(), set.as_bytes()].concat())[..12])
    }
}

/// The room to try: for a request that may come again always the same ones, in order; else any.
///
/// # Errors
/// 500 when the system has no randomness.
pub fn room_to_try(request: Option<&RequestDigest>, attempt: u32) -> Result<RoomId, ApiError> {
    let bits = match request {
        None => random::<4>()?,
        Some(RequestDigest(digest)) => {
            let hash = Sha256::digest([digest.as_slice(), &attempt.to_be_bytes()].concat());
            [hash[0], hash[1], hash[2], hash[3]]
        }
    };
    Ok(RoomId::from_bits(u32::from_be_bytes(bits)))
}
