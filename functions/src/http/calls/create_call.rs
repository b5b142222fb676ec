//! POST /api/calls: a door station or a person calls a person, or the people of a household.

use std::collections::BTreeSet;

use axum::Router;
use axum::extract::{FromRef, State};
use axum::routing::post;
use ilock_call::{GRACE_MS, Refusal};
use ilock_directory::{Client, Directory, LiveCall, Press, PressLimits, Pressed};
use ilock_env::{Clock, random};
use ilock_events::{
    Act, CallId, CallView, Callee, ClientName, CommandId, Millis, PartyAddress, PartyId, PersonalText, PlaceCall,
    RoomId,
};
use ilock_log::Placing;

use super::acting_client::ActingClient;
use super::asked_for::{AskedFor, callees_asked_for, check};
use super::busy::{Beside, Outdated};
use super::callees::Callees;
use super::live_calls::{LiveCalls, person_at, set_of};
use super::repeat::{Earlier, Repeats};
use super::reservation::{Reservation, Reserving};
use super::view::view;
use crate::error::{ApiError, TooMany};
use crate::http::asker::{Asker, Caller};
use crate::http::body::JsonBody;
use crate::http::idempotency::{IdempotencyKey, RequestDigest};
use crate::http::response::Repeatable;
use crate::http::tenant::{PartyCall, PartyCalls};
use crate::metrics;
use crate::service::calls::{CommandRequest, Execution, PersonalData, placing_of};
use crate::service::room_credentials::RoomCredentials;
use crate::service::rung::Rung;
use crate::service::token_verifier::TokenVerifier;
use crate::settings::BadSetting;
use crate::wiring::Wiring;

/// How long a call rings when the caller does not say, in seconds.
const DEFAULT_RING_SECONDS: u32 = 30;

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
            calls: PartyCalls::new(wiring.calls_that_ring()?),
            rooms: wiring.room_credentials()?,
            directory: wiring.directory()?,
            clock: wiring.clock.clone(),
            max_call_seconds: wiring.settings.max_call_seconds()?,
            press_limits: wiring.settings.press_limits()?,
        })
    }
}

pub fn routes(state: CreateCallState) -> Router {
    Router::new().route("/api/calls", post(create_call)).with_state(state)
}

/// The request, checked.
struct Request {
    caller: Caller,
    /// The call that it is to place.
    call_id: CallId,
    /// Who is to be rung, each once.
    callees: Vec<PartyId>,
    /// The caller, where it is one of several: nobody's own phones ring.
    own: Option<PartyId>,
    client: Option<ClientName>,
    /// Which request this is, where it may come again.
    digest: Option<RequestDigest>,
    key: CommandId,
    text: PersonalText,
    ring_seconds: u32,
    now: Millis,
}

impl Request {
    fn deadline(&self) -> Millis {
        self.now.plus(i64::from(self.ring_seconds) * 1000)
    }

    /// When the timer is to end the ringing.
    fn ends(&self) -> Millis {
        self.deadline().plus(GRACE_MS)
    }

    fn addresses(&self) -> Vec<PartyAddress> {
        self.callees.iter().map(|id| person_at(&self.caller.tenant, id)).collect()
    }

    /// Who calls whom.
    fn set(&self) -> String {
        set_of(&self.caller.at(), &self.addresses())
    }

    /// What is asked for. Another request under the same key is refused.
    fn asked(&self) -> String {
        format!("{} {}", self.set(), self.ring_seconds)
    }

    /// Which press this is. Copies of a request are one press; one without a key is its own.
    fn press_id(&self) -> String {
        RequestDigest::new(&self.caller, &self.key).press(&self.set())
    }

    /// The one of the caller's `clients` that places the call, where it said which.
    fn acting(&self, clients: Vec<Client>) -> Result<ActingClient, ApiError> {
        match &self.client {
            Some(named) => ActingClient::among(clients, &self.caller, Some(named)),
            None => Ok(ActingClient::UNNAMED),
        }
    }

    fn placing(&self) -> Placing {
        let callees: Vec<&PartyId> = self.callees.iter().collect();
        placing_of(&self.caller.tenant, &self.caller.party, &callees, self.ends())
    }
}

/// What was reserved and entered for a press.
struct Begun {
    reserved: Reservation,
    live: LiveCalls,
}

/// What a press turns out to be.
enum Looked {
    /// The first of its call. These entries of others are out of date.
    Places(Outdated),
    /// A repetition, which counts for its caller alone.
    Repeats(Box<Earlier>, Option<Pressed>),
}

async fn create_call(
    asker: Asker,
    IdempotencyKey(key): IdempotencyKey,
    State(state): State<CreateCallState>,
    JsonBody(ask): JsonBody<PlaceCall>,
) -> Result<Repeatable<CallView>, ApiError> {
    let ring_seconds = ask.ring_seconds.unwrap_or(DEFAULT_RING_SECONDS);
    check(&ask, ring_seconds)?;
    let (caller, admission) = asker.arrives();
    let AskedFor { callees, own } = callees_asked_for(&ask, &caller)?;
    let now = state.clock.now();
    let request = Request {
        call_id: new_call_id(&caller, &callees, now)?,
        callees,
        own,
        client: ask.client_id.as_ref().map(|sent| caller.client(sent)).transpose()?,
        digest: key.as_ref().map(|key| RequestDigest::new(&caller, key)),
        key: IdempotencyKey(key).or_fresh()?,
        text: PersonalText { caller_info: ask.caller_info, invitation_data: ask.invitation_data, reason: None },
        ring_seconds,
        now,
        caller,
    };
    // Beside what is reserved for the call, so that it takes no time of its own.
    let (clients, pressed, room, live, callees) = futures::join!(
        admission.granted_with_clients(),
        state.press(&request),
        state.first_free_room(&request),
        state.enter_live(&request),
        state.callees(&request)
    );
    let begun = state.begun(room, live).await?;
    let there = clients.and_then(|clients| Ok((request.acting(clients)?, callees?)));
    match there {
        // A request that comes again for a call that stands presses no button, and nobody need be there any more. Nor does one
        // whose key is another's.
        Ok((acting, _)) if begun.reserved.key_reused || begun.reserved.call.placed().is_ok() => {
            futures::join!(begun.live.leave(&state.directory), state.take_back_press(&request, pressed));
            state.answer_again(&request, &begun.reserved, &acting)
        }
        Ok((acting, callees)) if !callees.rung.is_empty() => {
            Box::pin(state.pressed(&request, begun, (acting, callees), pressed)).await
        }
        Ok(_) => {
            state.give_up(begun).await;
            Err(Refusal::NobodyThere.into())
        }
        // A login that was ended, or a request that cannot be right, uses up nothing of its party's: no press, and no key.
        Err(refused) => {
            let free = state.free_key(&request, &begun.reserved);
            futures::join!(free, state.take_back_press(&request, pressed));
            state.give_up(begun).await;
            Err(refused)
        }
    }
}

impl CreateCallState {
    async fn callees(&self, request: &Request) -> Result<Callees, ApiError> {
        Callees::find(&self.directory, &request.caller, &request.callees, request.now).await
    }

    /// Counts the press, unless there were too many.
    async fn press(&self, request: &Request) -> Result<Option<Pressed>, ApiError> {
        let Some(limits) = self.press_limits else { return Ok(None) };
        let (caller, callees, id) = (request.caller.at(), request.addresses(), request.press_id());
        let press = Press { caller: &caller, callees: &callees, request: &id, at: request.now };
        Ok(Some(self.directory.press(&press, limits).await?))
    }

    /// Gives back what this copy of a request took whose call stands. Where that was placed within the minute, the copy that did
    /// it keeps the press. One that stays counted only keeps its caller from one press for a minute.
    async fn take_back_press(&self, request: &Request, pressed: Result<Option<Pressed>, ApiError>) {
        if let Ok(Some(Pressed::Yes(slot))) = pressed
            && let Err(error) = self.directory.take_back_press(&request.caller.at(), &slot).await
        {
            tracing::warn!(%error, "a request that came again stays counted as a press");
        }
    }

    /// Gives back the room that this request reserved, and with it the request's key.
    async fn free_key(&self, request: &Request, reserved: &Reservation) {
        if !reserved.key_reused
            && reserved.call.call.id == request.call_id
            && let Err(error) = self.reserving(request).given_back(reserved.room_id).await
        {
            tracing::warn!(%error, "the key of a request that was refused stays used");
        }
    }

    async fn first_free_room(&self, request: &Request) -> Result<Reservation, ApiError> {
        self.reserving(request).first_free_room().await
    }

    fn reserving<'a>(&'a self, request: &'a Request) -> Reserving<'a> {
        Reserving {
            calls: &self.calls,
            directory: &self.directory,
            call_id: &request.call_id,
            digest: request.digest.as_ref(),
            asked: request.asked(),
            text: &request.text,
            placing: request.placing(),
            now: request.now,
            ends: request.ends(),
        }
    }

    /// Enters the call at everybody who is called, and at the caller where that is a person.
    async fn enter_live(&self, request: &Request) -> Result<LiveCalls, ApiError> {
        let Request { caller, call_id, callees, now, .. } = request;
        let own = LiveCall {
            set: request.set(),
            call_id: call_id.clone(),
            request: request.digest.as_ref().map(RequestDigest::short),
            by: caller.party.kind,
            at: *now,
            deadline: request.deadline(),
            told: *now,
            until: request.ends().plus(i64::from(self.max_call_seconds) * 1000),
        };
        Ok(LiveCalls::enter(&self.directory, caller, callees, own).await?)
    }

    /// Both, or neither.
    async fn begun(
        &self,
        room: Result<Reservation, ApiError>,
        live: Result<LiveCalls, ApiError>,
    ) -> Result<Begun, ApiError> {
        match (room, live) {
            (Ok(reserved), Ok(live)) => Ok(Begun { reserved, live }),
            (Ok(Reservation { call, personal, .. }), Err(error)) => {
                self.calls.drop_unused(&call, personal).await;
                Err(error)
            }
            (Err(error), live) => {
                if let Ok(live) = live {
                    live.leave(&self.directory).await;
                }
                Err(error)
            }
        }
    }

    /// Takes back what was begun: no call is placed.
    async fn give_up(&self, Begun { reserved: Reservation { call, personal, .. }, live }: Begun) {
        futures::join!(self.calls.drop_unused(&call, personal), live.leave(&self.directory));
    }

    /// The answer to a press of somebody who may call, to people who can be called.
    async fn pressed(
        &self,
        request: &Request,
        mut begun: Begun,
        (acting, mut callees): (ActingClient, Callees),
        pressed: Result<Option<Pressed>, ApiError>,
    ) -> Result<Repeatable<CallView>, ApiError> {
        let outdated = match self.looked(request, &mut begun, &mut callees, pressed).await {
            Ok(Looked::Places(outdated)) => outdated,
            Ok(Looked::Repeats(earlier, pressed)) => {
                return Box::pin(self.repeat(request, begun, (acting, pressed), *earlier)).await;
            }
            Err(error) => {
                self.give_up(begun).await;
                return Err(error);
            }
        };
        let Begun { reserved: Reservation { room_id, mut call, personal, .. }, mut live } = begun;
        let whom = (callees.rung, callees.known);
        let place = self.place(request, (room_id, &acting), whom, (&mut call, personal));
        let beside = self.beside(request);
        let (placed, settled, ()) = futures::join!(place, live.settle(&self.directory), beside.forget(&outdated));
        let replayed = placed? == Execution::DoneBefore;
        if let Err(error) = settled {
            tracing::warn!(call_id = %call.call.id, %error, "an entry of an earlier call stays in place of this one's");
        }
        let data = self.answer(request, &call, &acting, false)?;
        Ok(Repeatable { data, replayed })
    }

    /// The answer to a request whose key names a call already: the request placed that, or pressed for it once more.
    fn answer_again(
        &self,
        request: &Request,
        Reservation { call, key_reused, .. }: &Reservation,
        acting: &ActingClient,
    ) -> Result<Repeatable<CallView>, ApiError> {
        if *key_reused {
            return Err(Refusal::KeyReused.into());
        }
        let repeated = call.placed()?.request != request.key;
        Ok(Repeatable { data: self.answer(request, call, acting, repeated)?, replayed: true })
    }

    /// What the entries of other calls make of this press.
    async fn looked(
        &self,
        request: &Request,
        Begun { reserved, live }: &mut Begun,
        callees: &mut Callees,
        pressed: Result<Option<Pressed>, ApiError>,
    ) -> Result<Looked, ApiError> {
        let pressed = pressed?;
        if let Some(Pressed::CallerTooOften { retry_after_ms }) = pressed {
            return Err(ApiError::TooOften(TooMany::Presses { retry_after_ms }));
        }
        live.rename(&self.directory, &reserved.call.call.id).await?;
        if let Some(earlier) = self.repeats(request).earlier(live).await? {
            return Ok(Looked::Repeats(Box::new(earlier), pressed));
        }
        if let Some(Pressed::PairTooOften { retry_after_ms }) = pressed {
            return Err(ApiError::TooOften(TooMany::PressesForOne { retry_after_ms }));
        }
        Ok(Looked::Places(self.beside(request).look(live, callees).await?))
    }

    fn repeats<'a>(&'a self, request: &'a Request) -> Repeats<'a> {
        let Self { calls, directory, clock, press_limits, .. } = self;
        Repeats { calls, directory, clock, caller: &request.caller, limits: *press_limits }
    }

    fn beside<'a>(&'a self, request: &'a Request) -> Beside<'a> {
        let strangers = self.press_limits.map(|limits| limits.strangers);
        let Self { calls, directory, .. } = self;
        Beside { calls, directory, caller: &request.caller, now: request.now, strangers }
    }

    /// The answer to a press that repeats another: the call of that one, which this request's key names from now on too.
    async fn repeat(
        &self,
        request: &Request,
        begun: Begun,
        (acting, pressed): (ActingClient, Option<Pressed>),
        (earlier, standing): Earlier,
    ) -> Result<Repeatable<CallView>, ApiError> {
        let Begun { reserved, live } = begun;
        let (reserving, repeats, press) = (self.reserving(request), self.repeats(request), request.press_id());
        let (counted, bound, entered, ()) = futures::join!(
            repeats.count_for_caller(pressed, &press, request.now),
            reserving.answered_by(&reserved, &earlier.call.id),
            live.give_way(&self.directory, &standing),
            repeats.tell_again(&live, &earlier, &standing)
        );
        self.calls.drop_unused(&reserved.call, reserved.personal).await;
        counted?;
        bound?;
        entered?;
        Ok(Repeatable { data: self.answer(request, &earlier, &acting, true)?, replayed: true })
    }

    fn answer(
        &self,
        request: &Request,
        call: &PartyCall,
        acting: &ActingClient,
        repeated: bool,
    ) -> Result<CallView, ApiError> {
        let view = view(call, &self.rooms, (&request.caller.party, acting), self.clock.now())?;
        metrics::count_press(call.placed()?, request.now);
        let rung: BTreeSet<&PartyId> = call.placed()?.terms.callees.iter().map(|callee| &callee.id).collect();
        let left = request.callees.iter().filter(|id| !rung.contains(id));
        let not_rung = left.chain(&request.own).cloned().collect();
        Ok(CallView { not_rung, repeated, ..view })
    }

    async fn place(
        &self,
        request: &Request,
        (room_id, client): (RoomId, &ActingClient),
        (callees, rung): (Vec<Callee>, Rung),
        (call, personal): (&mut PartyCall, PersonalData),
    ) -> Result<Execution, ApiError> {
        let ring_seconds = request.ring_seconds;
        let command = CommandRequest {
            tenant: request.caller.tenant.clone(),
            actor: request.caller.actor(client.name.clone()),
            client_is: client.is,
            key: request.key.clone(),
            act: Act::Place { callees, ring_seconds, room_id, max_call_seconds: self.max_call_seconds, personal: None },
            personal,
            rung,
        };
        let execution = self.calls.execute(call, command, &Clock::fixed(request.now)).await?;
        // The alarm may have fired before the call was committed.
        if self.clock.now() >= request.ends() {
            match self.calls.expire(call, &self.clock).await {
                Ok(()) | Err(ApiError::Refused(_)) => {}
                Err(other) => return Err(other),
            }
        }
        Ok(execution)
    }
}

fn new_call_id(caller: &Caller, callees: &[PartyId], now: Millis) -> Result<CallId, ApiError> {
    let end = random().map_err(|error| ApiError::Internal(error.to_string()))?;
    let first = callees.first().ok_or(Refusal::Callees)?;
    Ok(CallId::of_call(&caller.at().address, &person_at(&caller.tenant, first).address, now, end))
}
