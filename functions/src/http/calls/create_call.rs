//! POST /api/calls: a door station or a person calls a person, or the people of a household.

use std::collections::BTreeSet;

use axum::Router;
use axum::extract::{FromRef, State};
use axum::routing::post;
use ilock_call::{CALLEES, GRACE_MS, RING_SECONDS, Refusal};
use ilock_directory::{Directory, Lease, PressLimits, Pressed, Reserved, leased_until};
use ilock_env::{Clock, random};
use ilock_events::{
    Act, CallId, CallView, CallerInfo, ClientName, CommandId, Millis, Party, PartyAddress, PartyId, PartyKind,
    PersonalText, PlaceCall, RoomId,
};

use super::acting_client::ActingClient;
use super::callees::Callees;
use super::view::view;
use crate::error::{ApiError, TooMany};
use crate::http::asker::{Asker, Caller};
use crate::http::body::{JsonBody, shallow, short};
use crate::http::idempotency::{IdempotencyKey, RequestDigest, room_to_try};
use crate::http::response::Reply;
use crate::http::tenant::{PartyCall, PartyCalls};
use crate::service::calls::{CommandRequest, PersonalData};
use crate::service::room_credentials::RoomCredentials;
use crate::service::token_verifier::TokenVerifier;
use crate::settings::BadSetting;
use crate::wiring::Wiring;

/// How long a call rings when the caller does not say, in seconds.
const DEFAULT_RING_SECONDS: u32 = 30;

/// The most that `caller_info` and `invitation_data` may take, as JSON. So the item beside the commit stays small, and so
/// does every message and push that is made of it.
const MAX_TEXT: usize = 4 * 1024;

/// How many rooms are tried. Even with a million live calls the first is free 1,999 times out of 2,000.
const MAX_ROOMS: u32 = 8;

/// The state of create-call.
#[derive(Clone, FromRef)]
pub struct CreateCallState {
    verifier: TokenVerifier,
    calls: PartyCalls,
    rooms: RoomCredentials,
    directory: Directory,
    clock: Clock,
    #[from_ref(skip)]
    max_call_seconds: u32,
    /// How often a caller may press; none where the operator sets no limit.
    #[from_ref(skip)]
    press_limits: Option<PressLimits>,
}

impl CreateCallState {
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
            max_call_seconds: wiring.settings.max_call_seconds()?,
            press_limits: wiring.settings.press_limits()?,
        })
    }
}

/// The route.
pub fn routes(state: CreateCallState) -> Router {
    Router::new().route("/api/calls", post(create_call)).with_state(state)
}

/// The request, checked, with what every try at a room needs.
struct Request {
    caller: Caller,
    /// Who is to be rung, each once.
    callees: Vec<PartyId>,
    client: Option<ClientName>,
    /// Which request this is, where it may come again.
    digest: Option<RequestDigest>,
    key: CommandId,
    text: PersonalText,
    ring_seconds: u32,
    now: Millis,
}

impl Request {
    /// When the timer is to end the ringing.
    fn ends(&self) -> Millis {
        self.now.plus(i64::from(self.ring_seconds) * 1000 + GRACE_MS)
    }
}

async fn create_call(
    asker: Asker,
    IdempotencyKey(key): IdempotencyKey,
    State(state): State<CreateCallState>,
    JsonBody(ask): JsonBody<PlaceCall>,
) -> Result<Reply<CallView>, ApiError> {
    let ring_seconds = ask.ring_seconds.unwrap_or(DEFAULT_RING_SECONDS);
    check(&ask, ring_seconds)?;
    let (caller, admission) = asker.arrives();
    let AskedFor { callees, own } = callees_asked_for(&ask, &caller)?;
    let request = Request {
        callees,
        client: ask.client_id.as_ref().map(|sent| caller.client(sent)).transpose()?,
        digest: key.as_ref().map(|key| RequestDigest::new(&caller, key)),
        key: IdempotencyKey(key).or_fresh()?,
        text: PersonalText { caller_info: ask.caller_info, invitation_data: ask.invitation_data, reason: None },
        ring_seconds,
        now: state.clock.now(),
        caller,
    };
    // Beside what is reserved for the call, so that it takes no time of its own.
    let (admitted, pressed, room, acting, callees) = futures::join!(
        admission.granted(),
        state.press(&request),
        state.first_free_room(&request),
        state.acting(&request),
        state.callees(&request)
    );
    let Reservation { room_id, mut call, personal } = room?;
    // A request that comes again for a call that stands presses no button.
    let pressed = if call.placed().is_ok() { Ok(()) } else { pressed };
    let (acting, callees) = match (admitted, pressed, acting, callees) {
        (Ok(_), Ok(()), Ok(acting), Ok(callees)) if !callees.rung.is_empty() => (acting, callees),
        (admitted, pressed, acting, callees) => {
            state.calls.drop_unused(&call, personal).await;
            admitted?;
            pressed?;
            acting?;
            callees?;
            return Err(Refusal::NobodyThere.into());
        }
    };
    let not_rung = callees.not_rung.iter().cloned().chain(own).collect();
    state.place(&request, (room_id, &acting, callees), &mut call, personal).await?;
    let view = view(&call, &state.rooms, (&request.caller.party, &acting), state.clock.now())?;
    Ok(Reply(CallView { not_rung, ..view }))
}

/// A room, with the call that it is held for and the text kept for that.
struct Reservation {
    room_id: RoomId,
    call: PartyCall,
    personal: PersonalData,
}

impl CreateCallState {
    async fn acting(&self, request: &Request) -> Result<ActingClient, ApiError> {
        match &request.client {
            Some(named) => ActingClient::of(&self.directory, &request.caller, Some(named.clone())).await,
            None => Ok(ActingClient::UNNAMED),
        }
    }

    async fn callees(&self, request: &Request) -> Result<Callees, ApiError> {
        Callees::find(&self.directory, &request.caller, &request.callees).await
    }

    /// Counts the press, unless there were too many.
    async fn press(&self, request: &Request) -> Result<(), ApiError> {
        let Some(limits) = self.press_limits else { return Ok(()) };
        let Request { caller, callees, now, .. } = request;
        let at = |id: &PartyId| PartyAddress::of(&caller.tenant, &Party { kind: PartyKind::User, id: id.clone() });
        let callees: Vec<PartyAddress> = callees.iter().map(at).collect();
        match self.directory.press(&caller.at(), &callees, limits, *now).await? {
            Pressed::Yes => Ok(()),
            Pressed::CallerTooOften { retry_after_ms } => Err(ApiError::TooOften(TooMany::Presses { retry_after_ms })),
            Pressed::PairTooOften { retry_after_ms } => {
                Err(ApiError::TooOften(TooMany::PressesForOne { retry_after_ms }))
            }
        }
    }

    async fn first_free_room(&self, request: &Request) -> Result<Reservation, ApiError> {
        for attempt in 0..MAX_ROOMS {
            let room_id = room_to_try(request.digest.as_ref(), attempt)?;
            if let Some((call, personal)) = Box::pin(self.reserve_room(request, room_id)).await? {
                return Ok(Reservation { room_id, call, personal });
            }
        }
        Err(ApiError::Busy)
    }

    /// Reserves `room_id` for a new call, with everything else that must stand before the call does; none where the room
    /// is held by another call. The lease *is* the idempotency record: where this very request holds the room, its first
    /// try is taken up again.
    async fn reserve_room(
        &self,
        request: &Request,
        room_id: RoomId,
    ) -> Result<Option<(PartyCall, PersonalData)>, ApiError> {
        let call_id = new_call_id(request)?;
        let digest = request.digest.as_ref().map(RequestDigest::hex);
        let lease = Lease { call_id: call_id.clone(), request: digest, until: leased_until(request.now) };

        let reserve = self.directory.reserve(room_id, &lease, request.now);
        // The timer first: a call that nobody would end is not placed. On a call that was not placed it does nothing.
        let arm = self.calls.arm(call_id.clone(), request.ends());
        // What the caller says of itself lies there before its commit does: beside all this it costs no time.
        let save = self.calls.save_personal(&call_id, request.text.clone(), request.now);
        let (reserved, armed, saved) = futures::join!(reserve, arm, save);
        let saved = saved?;
        let reserved = armed.and_then(|()| Ok(reserved?));
        if matches!(reserved, Ok(Reserved::Yes)) {
            return Ok(Some((PartyCall::unplaced(call_id), PersonalData::Saved(saved))));
        }
        self.calls.drop_personal(&call_id, saved).await;
        let (Reserved::Held(Some(held)), Some(digest)) = (reserved?, &request.digest) else { return Ok(None) };
        let Some(earlier) = self.calls.of_request(digest, &held).await? else { return Ok(None) };
        if earlier.placed().is_err() {
            // The first try ended before its call was placed; its alarm may not have been set, or be too early.
            self.calls.arm(held.call_id, request.ends()).await?;
        }
        Ok(Some((earlier, PersonalData::Unsaved(request.text.clone()))))
    }

    async fn place(
        &self,
        request: &Request,
        (room_id, client, callees): (RoomId, &ActingClient, Callees),
        call: &mut PartyCall,
        personal: PersonalData,
    ) -> Result<(), ApiError> {
        let (callees, ring_seconds) = (callees.rung, request.ring_seconds);
        let command = CommandRequest {
            tenant: request.caller.tenant.clone(),
            actor: request.caller.actor(client.name.clone()),
            client_is: client.is,
            key: request.key.clone(),
            act: Act::Place { callees, ring_seconds, room_id, max_call_seconds: self.max_call_seconds, personal: None },
            personal,
        };
        self.calls.execute(call, command, &Clock::fixed(request.now)).await?;
        // So slow that the alarm may have fired before the call was committed.
        if self.clock.now() >= request.ends() {
            match self.calls.expire(call, &self.clock).await {
                Ok(()) | Err(ApiError::Refused(_)) => {}
                Err(other) => return Err(other),
            }
        }
        Ok(())
    }
}

/// The people that a request asks for, each once.
struct AskedFor {
    callees: Vec<PartyId>,
    /// The caller, where it is one of several: nobody's own phones ring.
    own: Option<PartyId>,
}

fn callees_asked_for(ask: &PlaceCall, caller: &Caller) -> Result<AskedFor, ApiError> {
    let mut callees = match (&ask.callee_id, &ask.callee_ids) {
        (Some(one), None) => vec![one.clone()],
        (None, Some(several)) => several.clone(),
        (None, None) => return Err(ApiError::field("callee_id", "must be there, or callee_ids")),
        (Some(_), Some(_)) => return Err(ApiError::field("callee_ids", "must not be there beside callee_id")),
    };
    let mut seen = BTreeSet::new();
    callees.retain(|callee| seen.insert(callee.clone()));
    if !CALLEES.contains(&callees.len()) {
        return Err(Refusal::Callees.into());
    }
    let own = callees.iter().position(|callee| caller.party.kind == PartyKind::User && *callee == caller.party.id);
    let own = own.map(|at| callees.remove(at));
    if callees.is_empty() {
        return Err(Refusal::CallsSelf.into());
    }
    Ok(AskedFor { callees, own })
}

fn check(ask: &PlaceCall, ring_seconds: u32) -> Result<(), ApiError> {
    if !RING_SECONDS.contains(&ring_seconds) {
        return Err(Refusal::RingSeconds.into());
    }
    if let Some(info) = &ask.caller_info {
        let CallerInfo { name, location, more } = info;
        short("caller_info.name", name.as_ref(), MAX_TEXT)?;
        short("caller_info.location", location.as_ref(), MAX_TEXT)?;
        shallow("caller_info", Some(more))?;
    }
    shallow("invitation_data", ask.invitation_data.as_ref())?;
    for (field, json) in [
        ("caller_info", serde_json::to_string(&ask.caller_info)),
        ("invitation_data", serde_json::to_string(&ask.invitation_data)),
    ] {
        let json = json.map_err(|error| ApiError::Internal(error.to_string()))?;
        if json.len() > MAX_TEXT {
            return Err(ApiError::field(field, format!("must have at most {MAX_TEXT} bytes as JSON")));
        }
    }
    Ok(())
}

fn new_call_id(request: &Request) -> Result<CallId, ApiError> {
    let end = random().map_err(|error| ApiError::Internal(error.to_string()))?;
    let Request { caller, callees, now, .. } = request;
    let first = callees.first().ok_or(Refusal::Callees)?;
    let callee = PartyAddress::of(&caller.tenant, &Party { kind: PartyKind::User, id: first.clone() });
    Ok(CallId::of_call(&caller.at().address, &callee.address, *now, end))
}
