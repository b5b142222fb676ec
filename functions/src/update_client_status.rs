//! PUT /api/mqtt/clients/status: an app says how awake it is.

use axum::Router;
use axum::extract::{FromRef, State};
use axum::routing::put;
use ilock_directory::{Directory, StatusReport};
use ilock_events::UpdateStatus;

use crate::answer::{ApiError, Reply};
use crate::app::Access;
use crate::ask::{Ask, Caller};
use ilock_env::Clock;

/// The route.
pub fn routes<S>() -> Router<S>
where
    S: Clone + Send + Sync + 'static,
    Access: FromRef<S>,
    Directory: FromRef<S>,
    Clock: FromRef<S>,
{
    Router::new().route("/api/mqtt/clients/status", put(update_client_status))
}

async fn update_client_status(
    caller: Caller,
    State(directory): State<Directory>,
    State(clock): State<Clock>,
    Ask(ask): Ask<UpdateStatus>,
) -> Result<Reply<()>, ApiError> {
    caller.owns(&ask.client_id)?;
    if ask.priority > 10 {
        return Err(ApiError::field("priority", "must be 0 to 10"));
    }
    if ask.last_active.0 < 0 {
        return Err(ApiError::field("last_active", "must be milliseconds since 1970"));
    }
    if !directory.owns(&caller.tenant, &caller.party, &ask.client_id).await? {
        return Err(ApiError::NotFound("client"));
    }
    // A phone whose clock runs ahead must not silence its own later reports.
    let last_active = ask.last_active.min(clock.now());
    match directory.report(&caller.party, &ask.client_id, ask.status, ask.priority, last_active).await? {
        StatusReport::Taken | StatusReport::Outdated => Ok(Reply(())),
        StatusReport::NoSuchClient => Err(ApiError::NotFound("client")),
    }
}
