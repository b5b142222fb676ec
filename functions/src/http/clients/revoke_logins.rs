//! POST /api/admin/revocations: an operator logs a person or a door station out everywhere.

use axum::Router;
use axum::extract::{FromRef, State};
use axum::routing::post;
use ilock_directory::Directory;
use ilock_env::Clock;
use ilock_events::{Millis, Party, PartyAddress, PartyKind, Revocation, Revoked};

use crate::error::ApiError;
use crate::http::asker::Operator;
use crate::http::body::JsonBody;
use crate::http::idempotency::IdempotencyKey;
use crate::http::response::Reply;
use crate::service::sessions::Sessions;
use crate::service::token_verifier::TokenVerifier;
use crate::settings::BadSetting;
use crate::wiring::Wiring;

/// The state of revoke-logins.
#[derive(Clone, FromRef)]
pub struct RevokeLoginsState {
    verifier: TokenVerifier,
    sessions: Sessions,
    directory: Directory,
    clock: Clock,
}

impl RevokeLoginsState {
    /// With the parts that `wiring` has.
    ///
    /// # Errors
    /// [`BadSetting`].
    pub fn new(wiring: &Wiring) -> Result<Self, BadSetting> {
        Ok(Self {
            verifier: wiring.token_verifier()?,
            sessions: Sessions::new(wiring)?,
            directory: wiring.directory()?,
            clock: wiring.clock.clone(),
        })
    }
}

pub fn routes(state: RevokeLoginsState) -> Router {
    Router::new().route("/api/admin/revocations", post(revoke_logins)).with_state(state)
}

async fn revoke_logins(
    operator: Operator,
    // Revoking twice is revoking once, and later.
    _: IdempotencyKey,
    State(RevokeLoginsState { sessions, directory, clock, .. }): State<RevokeLoginsState>,
    JsonBody(ask): JsonBody<Revocation>,
) -> Result<Reply<Revoked>, ApiError> {
    let party = match (ask.user_id, ask.device_id) {
        (Some(id), None) => Party { kind: PartyKind::User, id },
        (None, Some(id)) => Party { kind: PartyKind::Device, id },
        (None, None) => return Err(ApiError::field("user_id", "is missing, and so is device_id: one must be there")),
        (Some(_), Some(_)) => return Err(ApiError::field("device_id", "must not be there beside user_id")),
    };
    let (now, at) = (clock.now(), PartyAddress::of(&operator.tenant, &party));
    directory.log_out_everywhere(&at, now).await?;
    let removed = sessions.end_of_removed(&at, None, now).await?;
    tracing::warn!(operator = %operator.id, party = %at, clients = removed.len(), "logged out everywhere by an operator");
    Ok(Reply(Revoked { not_before: Millis(now.0.div_euclid(1000) * 1000), removed }))
}
