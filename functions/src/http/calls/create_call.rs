//! POST /api/calls: a door station or a person calls a person.

use axum::Router;
use axum::extract::{FromRef, State};
use axum::routing::post;
use ilock_call::{RING_SECONDS, Refusal};
use ilock_directory::{Directory, Lease, Reserved, leased_until};
use ilock_env::{Clock, random};
use ilock_events::{
    Act, CallId, CallView, CallerInfo, CommandId, Millis, Party, PartyAddress, PartyKind, PersonalText, PlaceCall,
    RoomId, Seat,
};

use super::view::view;
use crate::error::ApiError;
use crate::http::asker::Caller;
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
    callee: Party,
    /// Which request this is, where it may come again.
    digest: Option<RequestDigest>,
    key: CommandId,
    text: PersonalText,
    ring_seconds: u32,
    now: Millis,
    deadline: Millis,
}

async fn create_call(
    caller: Caller,
    IdempotencyKey(key): IdempotencyKey,
    State(state): State<CreateCallState>,
    JsonBody(ask): JsonBody<PlaceCall>,
) -> Result<Reply<CallView>, ApiError> {
    let ring_seconds = ask.ring_seconds.unwrap_or(DEFAULT_RING_SECONDS);
    check(&ask, ring_seconds, &caller)?;
    let now = state.clock.now();
    let request = Request {
        callee: Party { kind: PartyKind::User, id: ask.callee_id },
        digest: key.as_ref().map(|key| RequestDigest::new(&caller, key)),
        key: IdempotencyKey(key).or_fresh()?,
        text: PersonalText { caller_info: ask.caller_info, invitation_data: ask.invitation_data, reason: None },
        ring_seconds,
        now,
        deadline: now.plus(i64::from(ring_seconds) * 1000),
        caller,
    };
    for attempt in 0..MAX_ROOMS {
        let room_id = room_to_try(request.digest.as_ref(), attempt)?;
        let reserved = Box::pin(state.reserve_room(&request, room_id)).await?;
        let Some((mut call, personal)) = reserved else { continue };
        state.place(&request, room_id, &mut call, personal).await?;
        let caller = (&request.caller.party, Seat::Unnamed);
        return Ok(Reply(view(&call, &state.rooms, caller, state.clock.now())?));
    }
    Err(ApiError::Busy)
}

impl CreateCallState {
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
        let arm = self.calls.arm(call_id.clone(), request.deadline);
        // What the caller says of itself lies there before its commit does: beside all this it costs no time.
        let save = self.calls.save_personal(&call_id, request.text.clone());
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
            self.calls.arm(held.call_id, request.deadline).await?;
        }
        Ok(Some((earlier, PersonalData::Unsaved(request.text.clone()))))
    }

    async fn place(
        &self,
        request: &Request,
        room_id: RoomId,
        call: &mut PartyCall,
        personal: PersonalData,
    ) -> Result<(), ApiError> {
        let (callee, ring_seconds) = (request.callee.id.clone(), request.ring_seconds);
        let command = CommandRequest {
            tenant: request.caller.tenant.clone(),
            actor: request.caller.actor(),
            key: request.key.clone(),
            act: Act::Place { callee, ring_seconds, room_id, personal: None },
            personal,
        };
        self.calls.execute(call, command, &Clock::fixed(request.now)).await?;
        // So slow that the alarm may have fired before the call was committed.
        if self.clock.now() >= request.deadline {
            match self.calls.expire(call, &self.clock).await {
                Ok(()) | Err(ApiError::Refused(_)) => {}
                Err(other) => return Err(other),
            }
        }
        Ok(())
    }
}

fn check(ask: &PlaceCall, ring_seconds: u32, caller: &Caller) -> Result<(), ApiError> {
    if !RING_SECONDS.contains(&ring_seconds) {
        return Err(Refusal::RingSeconds.into());
    }
    if ask.callee_id == caller.party.id {
        return Err(Refusal::CallsSelf.into());
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
    let Request { caller, callee, now, .. } = request;
    let callee = PartyAddress::of(&caller.tenant, callee);
    Ok(CallId::of_call(&caller.at().address, &callee.address, *now, end))
}
