//! POST /api/calls/caller-action: the caller gives up or hangs up.

use axum::Router;
use axum::extract::{FromRef, State};
use axum::routing::post;
use ilock_env::Clock;
use ilock_events::{Act, CallView, CallerAct, CallerAction, PersonalText};

use super::acting_client::Acting;
use super::view::view;
use crate::error::ApiError;
use crate::http::asker::Asker;
use crate::http::body::{JsonBody, short};
use crate::http::idempotency::IdempotencyKey;
use crate::http::response::Repeatable;
use crate::http::tenant::PartyCalls;
use crate::service::calls::{CommandRequest, Execution, MAX_REASON, PersonalData};
use crate::service::room_credentials::RoomCredentials;
use crate::service::rung::Rung;
use crate::service::token_verifier::TokenVerifier;
use crate::settings::BadSetting;
use crate::wiring::Wiring;

/// The state of caller-action.
#[derive(Clone, FromRef)]
pub struct CallerActionState {
    verifier: TokenVerifier,
    calls: PartyCalls,
    rooms: RoomCredentials,
    clock: Clock,
}

impl CallerActionState {
    /// With the parts that `wiring` has.
    ///
    /// # Errors
    /// [`BadSetting`].
    pub fn new(wiring: &Wiring) -> Result<Self, BadSetting> {
        Ok(Self {
            verifier: wiring.token_verifier()?,
            calls: PartyCalls::new(wiring.calls()?),
            rooms: wiring.room_credentials()?,
            clock: wiring.clock.clone(),
        })
    }
}

pub fn routes(state: CallerActionState) -> Router {
    Router::new().route("/api/calls/caller-action", post(caller_action)).with_state(state)
}

async fn caller_action(
    asker: Asker,
    key: IdempotencyKey,
    State(CallerActionState { calls, rooms, clock, .. }): State<CallerActionState>,
    JsonBody(ask): JsonBody<CallerAction>,
) -> Result<Repeatable<CallView>, ApiError> {
    short("reason", ask.reason.as_ref(), MAX_REASON)?;
    let acting = Acting::on(&calls, asker, &ask.call_id, ask.client_id.as_ref()).await?;
    let Acting { caller, mut call, client } = acting;
    if call.placed()?.terms.caller != caller.party {
        return Err(ApiError::Forbidden("for the caller only"));
    }
    let acting = client?;
    let act = match ask.action {
        CallerAct::Cancelled => Act::Cancel { personal: None },
        CallerAct::Hangup => Act::HangUp { personal: None },
    };
    let request = CommandRequest {
        tenant: caller.tenant.clone(),
        actor: caller.actor(acting.name.clone()),
        client_is: acting.is,
        key: key.or_fresh()?,
        act,
        personal: PersonalData::Unsaved(PersonalText { reason: ask.reason, ..PersonalText::default() }),
        rung: Rung::default(),
    };
    let replayed = calls.execute(&mut call, request, &clock).await? == Execution::DoneBefore;
    Ok(Repeatable { data: view(&call, &rooms, (&caller.party, &acting), clock.now())?, replayed })
}
