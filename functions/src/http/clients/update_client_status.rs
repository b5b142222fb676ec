//! PUT /api/mqtt/clients/status: an app says how awake it is.

use axum::Router;
use axum::extract::{FromRef, State};
use axum::routing::put;
use ilock_directory::{Directory, StatusReport};
use ilock_env::Clock;
use ilock_events::{EARLIEST_REPORT, UpdateStatus};

use crate::error::ApiError;
use crate::http::asker::Caller;
use crate::http::body::JsonBody;
use crate::http::response::Reply;
use crate::service::token_verifier::TokenVerifier;
use crate::settings::BadSetting;
use crate::wiring::Wiring;

/// The state of update-client-status.
#[derive(Clone, FromRef)]
pub struct UpdateClientStatusState {
    verifier: TokenVerifier,
    directory: Directory,
    clock: Clock,
}

impl UpdateClientStatusState {
    /// With the parts that `wiring` has.
    ///
    /// # Errors
    /// [`BadSetting`].
    pub fn new(wiring: &Wiring) -> Result<Self, BadSetting> {
        Ok(Self { verifier: wiring.token_verifier()?, directory: wiring.directory()?, clock: wiring.clock.clone() })
    }
}

pub fn routes(state: UpdateClientStatusState) -> Router {
    Router::new().route("/api/mqtt/clients/status", put(update_client_status)).with_state(state)
}

async fn update_client_status(
    caller: Caller,
    State(UpdateClientStatusState { directory, clock, .. }): State<UpdateClientStatusState>,
    JsonBody(ask): JsonBody<UpdateStatus>,
) -> Result<Reply<()>, ApiError> {
    if ask.priority > 10 {
        return Err(ApiError::field("priority", "must be 0 to 10"));
    }
    if ask.last_active < EARLIEST_REPORT {
        let rule = "must be milliseconds since 1970: seconds, or an earlier time than 1973, are a mistake";
        return Err(ApiError::field("last_active", rule));
    }
    // What cannot be the name of a client is none of the asker's.
    let client = caller.client(&ask.client_id).map_err(|_| ApiError::NotFound("client"))?;
    // A phone whose clock runs ahead must not silence its own later reports.
    let last_active = ask.last_active.min(clock.now());
    match directory.report(&caller.at(), &client, ask.status, ask.priority, last_active).await? {
        StatusReport::Taken | StatusReport::Outdated => Ok(Reply(())),
        StatusReport::NoSuchClient => Err(ApiError::NotFound("client")),
    }
}
