//! POST /api/calls/callee-action: a phone rings, answers, refuses or hangs up.

use axum::Router;
use axum::extract::{FromRef, State};
use axum::routing::post;
use ilock_directory::{Client, Directory};
use ilock_env::Clock;
use ilock_events::{Act, Actor, CallView, CalleeAct, CalleeAction, ClientName, PersonalText, Seat};

use super::view::view;
use crate::error::ApiError;
use crate::http::asker::Caller;
use crate::http::body::{JsonBody, short};
use crate::http::idempotency::IdempotencyKey;
use crate::http::response::Reply;
use crate::http::tenant::PartyCalls;
use crate::service::calls::{CommandRequest, MAX_REASON, PersonalData};
use crate::service::room_credentials::RoomCredentials;
use crate::service::token_verifier::TokenVerifier;
use crate::settings::BadSetting;
use crate::wiring::Wiring;

/// The state of callee-action.
#[derive(Clone, FromRef)]
pub struct CalleeActionState {
    verifier: TokenVerifier,
    calls: PartyCalls,
    rooms: RoomCredentials,
    directory: Directory,
    clock: Clock,
}

impl CalleeActionState {
    /// With the parts that `wiring` has.
    ///
    /// # Errors
    /// [`BadSetting`].
    pub fn new(wiring: &Wiring) -> Result<Self, BadSetting> {
        Ok(Self {
            verifier: wiring.token_verifier()?,
            calls: PartyCalls::new(wiring.calls()?),
            rooms: wiring.room_credentials()?,
            directory: wiring.directory()?,
            clock: wiring.clock.clone(),
        })
    }
}

/// The route.
pub fn routes(state: CalleeActionState) -> Router {
    Router::new().route("/api/calls/callee-action", post(callee_action)).with_state(state)
}

async fn callee_action(
    caller: Caller,
    key: IdempotencyKey,
    State(CalleeActionState { calls, rooms, directory, clock, .. }): State<CalleeActionState>,
    JsonBody(ask): JsonBody<CalleeAction>,
) -> Result<Reply<CallView>, ApiError> {
    short("reason", ask.reason.as_ref(), MAX_REASON)?;
    let named = ask.client_id.as_ref().map(|sent| caller.client(sent)).transpose()?;
    let load = calls.of_party(&caller, &ask.call_id);
    let (call, client) = futures::join!(load, acting_client(&directory, &caller, named));
    let mut call = call?;
    caller.person()?;
    if call.placed()?.callee() != caller.party {
        return Err(ApiError::Forbidden("for the callee only"));
    }
    let act = match ask.action {
        CalleeAct::Ringing => Act::Alert {},
        CalleeAct::Accepted => Act::Accept {},
        CalleeAct::Rejected => Act::Reject { personal: None },
        CalleeAct::Hangup => Act::HangUp { personal: None },
    };
    let (client, seat) = client?;
    let says_why = matches!(ask.action, CalleeAct::Rejected | CalleeAct::Hangup);
    let request = CommandRequest {
        tenant: caller.tenant.clone(),
        actor: Actor::User { id: caller.party.id.clone(), client },
        key: key.or_fresh()?,
        act,
        personal: PersonalData::Unsaved(PersonalText {
            reason: ask.reason.filter(|_| says_why),
            ..PersonalText::default()
        }),
    };
    calls.execute(&mut call, request, &clock).await?;
    Ok(Reply(view(&call, &rooms, (&caller.party, seat), clock.now())?))
}

/// Which client acts, and its seat in the room. A person with one phone need not say which it is.
async fn acting_client(
    directory: &Directory,
    caller: &Caller,
    named: Option<ClientName>,
) -> Result<(Option<ClientName>, Seat), ApiError> {
    let at = caller.at();
    if let Some(name) = named {
        let registered = directory.client(&at, &name).await?;
        return Ok((Some(name), registered.map_or(Seat::Unnamed, |client| client.seat())));
    }
    let mut clients = directory.clients(&at).await?;
    let only = clients.pop().filter(|_| clients.is_empty());
    let seat = only.as_ref().map_or(Seat::Unnamed, Client::seat);
    Ok((only.map(|client| client.client_id), seat))
}
