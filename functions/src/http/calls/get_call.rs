//! GET /api/calls/{call_id}: what a woken or reconnected phone asks first.

use axum::Router;
use axum::extract::{FromRef, Path, State};
use axum::routing::get;
use ilock_env::Clock;
use ilock_events::{CallView, PartyKind, SentClientId};
use serde::Deserialize;

use super::acting_client::ActingClient;
use super::view::view;
use crate::error::ApiError;
use crate::http::asker::Asker;
use crate::http::body;
use crate::http::query::Query;
use crate::http::response::Reply;
use crate::http::tenant::PartyLog;
use crate::service::room_credentials::RoomCredentials;
use crate::service::token_verifier::TokenVerifier;
use crate::settings::BadSetting;
use crate::wiring::Wiring;

/// The state of get-call.
#[derive(Clone, FromRef)]
pub struct GetCallState {
    verifier: TokenVerifier,
    log: PartyLog,
    rooms: RoomCredentials,
    clock: Clock,
}

impl GetCallState {
    /// With the parts that `wiring` has.
    ///
    /// # Errors
    /// [`BadSetting`].
    pub fn new(wiring: &Wiring) -> Result<Self, BadSetting> {
        Ok(Self {
            verifier: wiring.token_verifier()?,
            log: PartyLog::new(wiring.log()?),
            rooms: wiring.room_credentials()?,
            clock: wiring.clock.clone(),
        })
    }
}

pub fn routes(state: GetCallState) -> Router {
    Router::new().route("/api/calls/{call_id}", get(get_call)).with_state(state)
}

#[derive(Debug, Deserialize)]
struct ClientAsked {
    client_id: Option<String>,
}

async fn get_call(
    asker: Asker,
    State(GetCallState { log, rooms, clock, .. }): State<GetCallState>,
    Path(call_id): Path<String>,
    Query(asked): Query<ClientAsked>,
) -> Result<Reply<CallView>, ApiError> {
    let (caller, admission) = asker.arrives();
    let call_id = body::call_id(&call_id)?;
    let named = asked.client_id.map(|sent| caller.client(&SentClientId(sent))).transpose()?;
    let (clients, call) = futures::join!(admission.granted_with_clients(), log.of_party(&caller, &call_id));
    let (clients, call) = (clients?, call?);
    // A door station that looks may be another program than the one that is registered.
    let client = match (&named, caller.party.kind) {
        (None, PartyKind::Device) => ActingClient::UNNAMED,
        (named, _) => ActingClient::among(clients, &caller, named.as_ref())?,
    };
    Ok(Reply(view(&call, &rooms, (&caller.party, &client), clock.now())?))
}
