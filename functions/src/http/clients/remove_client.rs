//! DELETE /api/mqtt/clients/{client_id}: logout. No more rings, and the MQTT session ends.

use axum::Router;
use axum::extract::{FromRef, Path, State};
use axum::routing::delete;
use ilock_directory::Directory;
use ilock_events::SentClientId;

use crate::error::ApiError;
use crate::http::asker::Caller;
use crate::http::response::Reply;
use crate::service::mqtt_access::Broker;
use crate::service::token_verifier::TokenVerifier;
use crate::settings::BadSetting;
use crate::wiring::Wiring;

/// The state of remove-client.
#[derive(Clone, FromRef)]
pub struct RemoveClientState {
    verifier: TokenVerifier,
    broker: Broker,
    directory: Directory,
}

impl RemoveClientState {
    /// With the parts that `wiring` has.
    ///
    /// # Errors
    /// [`BadSetting`].
    pub fn new(wiring: &Wiring) -> Result<Self, BadSetting> {
        Ok(Self {
            verifier: wiring.token_verifier()?,
            broker: Broker(wiring.carriers.mqtt()?),
            directory: wiring.directory()?,
        })
    }
}

/// The route.
pub fn routes(state: RemoveClientState) -> Router {
    Router::new().route("/api/mqtt/clients/{client_id}", delete(remove_client)).with_state(state)
}

async fn remove_client(
    caller: Caller,
    State(RemoveClientState { directory, broker, .. }): State<RemoveClientState>,
    Path(client_id): Path<String>,
) -> Result<Reply<()>, ApiError> {
    // What cannot be the name of a client is none of the asker's.
    let client = caller.client(&SentClientId(client_id)).map_err(|_| ApiError::NotFound("client"))?;
    let was_there = directory.remove(&caller.at(), &client).await?;
    // Also when it was gone already: the session may have outlived an earlier try.
    broker.0.end_session(client).await.map_err(|error| {
        tracing::warn!(%error, "a session could not be ended");
        ApiError::Busy
    })?;
    if was_there { Ok(Reply(())) } else { Err(ApiError::NotFound("client")) }
}
