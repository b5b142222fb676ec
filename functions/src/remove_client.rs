//! DELETE /api/mqtt/clients/{client_id}: logout. No more rings, and the MQTT session ends.

use axum::Router;
use axum::extract::{FromRef, Path, State};
use axum::routing::delete;
use ilock_directory::Directory;
use ilock_events::ClientId;

use crate::answer::{ApiError, Reply};
use crate::app::{Access, Broker};
use crate::ask::{Caller, bad_id};

/// The route.
pub fn routes<S>() -> Router<S>
where
    S: Clone + Send + Sync + 'static,
    Access: FromRef<S>,
    Directory: FromRef<S>,
    Broker: FromRef<S>,
{
    Router::new().route("/api/mqtt/clients/{client_id}", delete(remove_client))
}

async fn remove_client(
    caller: Caller,
    State(directory): State<Directory>,
    State(broker): State<Broker>,
    Path(client_id): Path<String>,
) -> Result<Reply<()>, ApiError> {
    let client = ClientId::new(client_id).map_err(|bad| bad_id("client_id", &bad))?;
    caller.owns(&client)?;
    if !directory.owns(&caller.tenant, &caller.party, &client).await? {
        return Err(ApiError::NotFound("client"));
    }
    let was_there = directory.remove(&caller.party, &client).await?;
    // Also when it was gone already: the session may have outlived an earlier try.
    broker.0.end_session(client).await.map_err(|error| {
        tracing::warn!(%error, "a session could not be ended");
        ApiError::Busy
    })?;
    if was_there { Ok(Reply(())) } else { Err(ApiError::NotFound("client")) }
}
