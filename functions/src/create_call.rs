//! POST /api/calls: a door station or a person calls a person.

use axum::Router;
use axum::extract::{FromRef, State};
use axum::routing::post;
use ilock_call::{RING_SECONDS, Refusal};
use ilock_directory::{Directory, Lease, Reserved};
use ilock_events::{Act, CallId, CallView, CallerInfo, Party, PartyKind, PersonalText, PlaceCall, RoomId};
use ilock_log::History;
use sha2::{Digest, Sha256};

use crate::answer::{ApiError, Reply};
use crate::app::Access;
use crate::ask::{Ask, Caller, IdempotencyKey, short};
use crate::calls::{Calls, Order, Words};
use crate::get_call::view;
use crate::rooms::{Rooms, leased_until};
use ilock_env::{Clock, random};

/// How long a call rings when the caller does not say, in seconds.
const DEFAULT_RING_SECONDS: u32 = 30;

/// The most that `caller_info` and `invitation_data` may take, as JSON. So the commit's neighbour stays small, and so
/// does every message and push that is made of it.
const MAX_TEXT: usize = 4 * 1024;

/// So many rooms are tried. Even with a million live calls the first is free 1,999 times out of 2,000.
const MAX_ROOMS: u32 = 8;

/// The route.
pub fn routes<S>() -> Router<S>
where
    S: Clone + Send + Sync + 'static,
    Access: FromRef<S>,
    Calls: FromRef<S>,
    Rooms: FromRef<S>,
    Directory: FromRef<S>,
    Clock: FromRef<S>,
{
    Router::new().route("/api/calls", post(create_call))
}

async fn create_call(
    caller: Caller,
    IdempotencyKey(key): IdempotencyKey,
    State(calls): State<Calls>,
    State(rooms): State<Rooms>,
    State(directory): State<Directory>,
    State(clock): State<Clock>,
    Ask(ask): Ask<PlaceCall>,
) -> Result<Reply<CallView>, ApiError> {
    let ring_seconds = ask.ring_seconds.unwrap_or(DEFAULT_RING_SECONDS);
    check(&ask, ring_seconds, &caller)?;
    let callee = Party { kind: PartyKind::User, id: ask.callee_id.clone() };

    // A request that may come again must find the room, and by it the call, that it reserved the first time.
    let request = key.as_ref().map(|key| request_digest(&caller, key.as_str()));
    let key = IdempotencyKey(key).or_fresh()?;
    let words = PersonalText {
        caller_info: ask.caller_info.clone(),
        invitation_data: ask.invitation_data.clone(),
        reason: None,
    };

    let now = clock.now();
    for attempt in 0..MAX_ROOMS {
        let room_id = candidate(request.as_ref(), attempt)?;
        // Two calls in one millisecond: the second takes the next.
        let at = now.plus(i64::from(attempt));
        let call_id = CallId::compose(&caller.party.id, &ask.callee_id, at);
        let lease = Lease { call_id: call_id.clone(), request: hexed(request.as_ref()), until: leased_until(now) };
        let deadline = now.plus(i64::from(ring_seconds) * 1000);

        let reserve = directory.reserve(room_id, &lease, now);
        // The timer first: a call that nobody would end is not placed. On a call that was not placed it does nothing.
        let arm = calls.timer.arm(call_id.clone(), deadline);
        let ours = both_ours(&directory, &caller, &callee);
        // What the caller says of itself lies there before its commit does: beside all this it costs no time.
        let keep = calls.keep_words(&call_id, words.clone());
        let (reserved, armed, ours, kept) = futures::join!(reserve, arm, ours, keep);
        let may = match (ours, armed) {
            (Ok(true), Ok(())) => reserved.map_err(ApiError::from),
            (Ok(true), Err(error)) => Err(ApiError::Timer(error)),
            (Ok(false), _) => Err(ApiError::NotFound("callee")),
            (Err(error), _) => Err(error),
        };
        let (mut history, words) = match (may, kept?) {
            (Ok(Reserved::Yes), kept) => (History::unplaced(call_id), Words::Kept(kept)),
            (may, kept) => {
                calls.drop_words(&call_id, kept).await;
                let Reserved::Held(Some(held)) = may? else { continue };
                if held.request.is_none() || held.request != lease.request {
                    continue;
                }
                let earlier = calls.log.load(&held.call_id).await?;
                if earlier.call.placed.is_none() {
                    // The first try ended before its call was placed; its alarm may not have been set, or be too early.
                    calls.timer.arm(held.call_id, deadline).await.map_err(ApiError::Timer)?;
                }
                (earlier, Words::ToKeep(words.clone()))
            }
        };
        let order = Order {
            tenant: caller.tenant.clone(),
            actor: caller.hand(),
            key: key.clone(),
            act: Act::Place { callee: callee.id.clone(), ring_seconds, room_id, personal: None },
            words,
        };
        match calls.run_at(&mut history, order, &Clock::fixed(now)).await {
            Ok(()) => {
                // So slow that the alarm may have gone off before there was a call to end.
                if clock.now() >= deadline {
                    match calls.expire(&mut history, &clock).await {
                        Ok(()) | Err(ApiError::Refused(_)) => {}
                        Err(other) => return Err(other),
                    }
                }
                return Ok(Reply(view(&history, &rooms, &caller.party.id, clock.now())?));
            }
            Err(ApiError::Refused(Refusal::AlreadyPlaced)) => {}
            Err(other) => return Err(other),
        }
    }
    Err(ApiError::Busy)
}

fn check(ask: &PlaceCall, ring_seconds: u32, caller: &Caller) -> Result<(), ApiError> {
    if !RING_SECONDS.contains(&ring_seconds) {
        return Err(Refusal::RingSeconds.into());
    }
    if ask.callee_id == caller.party.id {
        return Err(Refusal::CallsSelf.into());
    }
    if let Some(info) = &ask.caller_info {
        let CallerInfo { name, location, .. } = info;
        short("caller_info.name", name.as_ref(), MAX_TEXT)?;
        short("caller_info.location", location.as_ref(), MAX_TEXT)?;
    }
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

/// Whether neither end's id belongs to another tenant: topics carry no tenant, so such a call would ring elsewhere.
async fn both_ours(directory: &Directory, caller: &Caller, callee: &Party) -> Result<bool, ApiError> {
    let (own, other) = futures::try_join!(directory.tenant_of(&caller.party), directory.tenant_of(callee))?;
    Ok([own, other].into_iter().flatten().all(|tenant| tenant == caller.tenant))
}

type RequestDigest = [u8; 32];

fn request_digest(caller: &Caller, key: &str) -> RequestDigest {
    let kind = match caller.party.kind {
        PartyKind::User => "user",
        PartyKind::Device => "device",
    };
    // None of the parts can contain a space.
    Sha256::digest(format!("{} {kind} {} {key}", caller.tenant, caller.party.id)).into()
}

fn hexed(digest: Option<&RequestDigest>) -> Option<String> {
    digest.map(hex::encode)
}

/// The room to try: any, or for a request that may come again always the same.
fn candidate(request: Option<&RequestDigest>, attempt: u32) -> Result<RoomId, ApiError> {
    let bits = match request {
        None => random::<4>()?,
        Some(digest) => {
            let hash = Sha256::digest([digest.as_slice(), &attempt.to_be_bytes()].concat());
            [hash[0], hash[1], hash[2], hash[3]]
        }
    };
    Ok(RoomId::from_bits(u32::from_be_bytes(bits)))
}
