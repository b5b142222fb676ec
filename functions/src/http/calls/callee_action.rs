//! POST /api/calls/callee-action: a phone rings, answers, refuses or hangs up.

use axum::Router;
use axum::extract::{FromRef, State};
use axum::routing::post;
use ilock_directory::Directory;
use ilock_env::Clock;
use ilock_events::{
    Act, Alert, CallState, CallView, CalleeAct, CalleeAction, Millis, PartyAddress, PartyId, PartyKind, PersonalText,
    Reason,
};

use super::acting_client::{Acting, ActingClient};
use super::callees::is_reachable;
use super::view::view;
use crate::error::ApiError;
use crate::http::asker::{Asker, Caller};
use crate::http::body::{JsonBody, short};
use crate::http::idempotency::IdempotencyKey;
use crate::http::response::Repeatable;
use crate::http::tenant::{PartyCall, PartyCalls};
use crate::service::calls::{CommandRequest, Execution, MAX_REASON, PersonalData};
use crate::service::room_credentials::RoomCredentials;
use crate::service::rung::Rung;
use crate::service::token_verifier::TokenVerifier;
use crate::settings::BadSetting;
use crate::wiring::Wiring;

/// How many phones may say that they ring, after the first; what comes later is taken as said, and not written down.
const MAX_ALERTS: usize = 64;

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

pub fn routes(state: CalleeActionState) -> Router {
    Router::new().route("/api/calls/callee-action", post(callee_action)).with_state(state)
}

async fn callee_action(
    asker: Asker,
    key: IdempotencyKey,
    State(CalleeActionState { calls, rooms, directory, clock, .. }): State<CalleeActionState>,
    JsonBody(ask): JsonBody<CalleeAction>,
) -> Result<Repeatable<CallView>, ApiError> {
    short("reason", ask.reason.as_ref(), MAX_REASON)?;
    let acting = Acting::on(&calls, asker, &ask.call_id, ask.client_id.as_ref()).await?;
    let Acting { caller, mut call, client } = acting;
    caller.person()?;
    if !call.placed()?.calls(&caller.party) {
        return Err(ApiError::Forbidden("for those who are called only"));
    }
    let acting = client?;
    let (actor, key) = (caller.actor(acting.name.clone()), key.or_fresh()?);
    let act = match ask.action {
        CalleeAct::Ringing => Act::Alert {},
        CalleeAct::Accepted => Act::Accept {},
        CalleeAct::Declined => Act::Decline {},
        CalleeAct::Rejected => {
            let reason = Reason::of_rejection(ask.reason.as_deref());
            // The same request once more is what it was, whoever can be reached by now.
            let rejected = matches!(call.call.done(&actor, &key), Some(Act::Reject { .. }));
            let may_be_alone = reason == Reason::Busy && !rejected;
            let alone = may_be_alone && speaks_for_itself(&directory, &caller, &call, (&acting, clock.now())).await?;
            if alone { Act::Decline {} } else { Act::Reject { reason, personal: None } }
        }
        CalleeAct::Hangup => Act::HangUp { personal: None },
    };
    let says_why = matches!(act, Act::Reject { .. } | Act::HangUp { .. });
    let request = CommandRequest {
        tenant: caller.tenant.clone(),
        actor,
        client_is: acting.is,
        key,
        act,
        personal: PersonalData::Unsaved(PersonalText {
            reason: ask.reason.filter(|_| says_why),
            ..PersonalText::default()
        }),
        rung: Rung::default(),
    };
    let mut execution = calls.execute(&mut call, request, &clock).await?;
    if ask.action == CalleeAct::Accepted {
        they_talk(&directory, &caller, &call, clock.now()).await;
    }
    if ask.action == CalleeAct::Ringing && execution == Execution::DoneBefore {
        execution = keep_later_alert(&calls, &mut call, (&caller.party.id, &acting), clock.now()).await?;
    }
    let replayed = execution == Execution::DoneBefore;
    Ok(Repeatable { data: view(&call, &rooms, (&caller.party, &acting), clock.now())?, replayed })
}

/// Whether a phone that is busy silences itself alone: another phone of the person may still be answered. One that a call does
/// not reach now is none, unless it has said that it rings. A repetition says what was said before.
async fn speaks_for_itself(
    directory: &Directory,
    caller: &Caller,
    call: &PartyCall,
    (acting, now): (&ActingClient, Millis),
) -> Result<bool, ApiError> {
    let (Some(name), placed) = (&acting.name, call.placed()?) else { return Ok(false) };
    if placed.declined.contains(name) {
        return Ok(true);
    }
    let clients = directory.clients(&caller.at()).await?;
    Ok(clients.iter().any(|other| {
        let rings = || call.alerted(&caller.party.id).any(|(by, _)| by == Some(&other.client_id));
        let id = &other.client_id;
        id != name && !placed.declined.contains(id) && (is_reachable(other, now) || rings())
    }))
}

/// Two persons who talk are no strangers from then on. What cannot be kept only makes them strangers once more.
async fn they_talk(directory: &Directory, caller: &Caller, call: &PartyCall, now: Millis) {
    let Some(other) =
        call.placed().ok().map(|placed| &placed.terms.caller).filter(|other| other.kind == PartyKind::User)
    else {
        return;
    };
    let (one, other) = (caller.at(), PartyAddress::of(&caller.tenant, other));
    let both = futures::join!(directory.meets(&one, &other, now), directory.meets(&other, &one, now));
    if let Err(error) = both.0.and(both.1) {
        tracing::warn!(call_id = %call.call.id, %error, "not stored that caller and callee have talked: the caller still counts as a stranger");
    }
}

/// Of the phones that ring only the first makes a commit: that of another is kept beside it.
async fn keep_later_alert(
    calls: &PartyCalls,
    call: &mut PartyCall,
    (callee, client): (&PartyId, &ActingClient),
    at: Millis,
) -> Result<Execution, ApiError> {
    let placed = call.placed()?;
    let known = call.alerted(callee).any(|(by, _)| by == client.name.as_ref());
    if known || placed.state != CallState::Ringing || call.alerts.len() >= MAX_ALERTS {
        return Ok(Execution::DoneBefore);
    }
    let preview = placed.may_be_previewed(callee, at);
    let ActingClient { name, is, .. } = client;
    let alert = Alert { callee: callee.clone(), client_id: name.clone(), client_is: *is, preview, at };
    calls.keep_alert(call, alert).await
}
