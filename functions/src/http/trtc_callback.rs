//! POST /api/trtc/callback: Tencent tells what happens in rooms. When the last party has left an active call, the call
//! ends; a room that outlives its call is dismissed again.

use std::sync::Arc;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use ilock_call::Placed;
use ilock_directory::{Directory, Guest, Room};
use ilock_events::{
    Act, Actor, CallState, CommandId, Millis, Party, PersonalText, Reason, RoomId, TrtcIdentity, TrtcUser,
};
use ilock_log::History;
use ilock_trtc::{BadSignature, CallbackEvent, InRoom, RoomEventKind, parse_callback, verify_callback};
use serde_json::json;

use crate::error::ApiError;
use crate::http::body::MAX_BODY;
use crate::service::calls::{CommandRequest, PersonalData};
use crate::service::room_dismisser::dismiss;
use crate::service::room_watch::RoomWatch;
use crate::service::rung::Rung;
use crate::settings::BadSetting;
use crate::wiring::Wiring;

/// The key under which a call ends because everybody was gone.
const LEFT_KEY: &str = "left";

/// Who was first in the room and out again before the other came is not taken for the end so soon after the answer:
/// the other may still be on the way.
const JOIN_MS: i64 = 30_000;

/// How far ahead of our clock a report may be, and how long ago it may have been sent: Tencent gives up after a minute.
const EARLIEST_MS: i64 = 5 * 60_000;
const LATEST_MS: i64 = 60 * 60_000;

/// The state of trtc-callback. Tencent acts for no tenant, so no call is kept from it.
#[derive(Clone)]
pub struct TrtcCallbackState {
    watch: RoomWatch,
    directory: Directory,
}

impl TrtcCallbackState {
    /// With the parts that `wiring` has.
    ///
    /// # Errors
    /// [`BadSetting`].
    pub fn new(wiring: &Wiring) -> Result<Self, BadSetting> {
        Ok(Self { watch: wiring.room_watch()?, directory: wiring.directory()? })
    }
}

/// The route.
pub fn routes(state: TrtcCallbackState) -> Router {
    Router::new().route("/api/trtc/callback", post(trtc_callback)).with_state(state)
}

async fn trtc_callback(
    State(TrtcCallbackState { watch, directory }): State<TrtcCallbackState>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, ApiError> {
    let body = to_bytes(body, MAX_BODY).await.map_err(|_| ApiError::TooLarge { most: MAX_BODY })?;
    let sign = headers.get("sign").and_then(|sign| sign.to_str().ok()).unwrap_or_default();
    signed_by_one_of(&watch.keys, &body, sign)?;
    of_application(watch.sdk_app_id, &headers)?;
    let event = parse_callback(&body).map_err(|bad| ApiError::field(bad.field, bad.problem))?;
    if let CallbackEvent::InRoom(event) = event
        && let Some(room) = event.room.id()
        && is_of_now(&event, watch.calls.clock.now())?
    {
        in_room(&watch, &directory, room, &event).await?;
    }
    // As Tencent wants it: `code` 0, or it comes again.
    Ok((StatusCode::OK, axum::Json(json!({ "code": 0 }))).into_response())
}

fn signed_by_one_of(keys: &[Arc<str>], body: &[u8], sign: &str) -> Result<(), ApiError> {
    let tried = keys.iter().map(|key| verify_callback(key, body, sign)).find(Result::is_ok);
    tried.unwrap_or(Err(BadSignature)).map_err(|bad| ApiError::Unauthenticated(bad.to_string()))
}

/// Several applications of an account may be given one callback, and one key. The header is not signed: it keeps mistakes out,
/// and no attacker who has the key.
fn of_application(sdk_app_id: u32, headers: &HeaderMap) -> Result<(), ApiError> {
    match headers.get("sdkappid") {
        Some(sent) if sent.as_bytes() != sdk_app_id.to_string().as_bytes() => {
            Err(ApiError::field("SdkAppId", "must be the application of this backend"))
        }
        _ => Ok(()),
    }
}

/// A report of what is to come would end a call whenever it was sent; one that was sent long ago says nothing of the room as
/// it is, and Tencent need not send it again.
fn is_of_now(event: &InRoom, now: Millis) -> Result<bool, ApiError> {
    if event.at.since(now) > EARLIEST_MS {
        return Err(ApiError::field("EventInfo.EventMsTs", "must be no more than 5 minutes ahead"));
    }
    if event.sent_at.since(now) > EARLIEST_MS {
        return Err(ApiError::field("CallbackTs", "must be no more than 5 minutes ahead"));
    }
    Ok(now.since(event.sent_at) <= LATEST_MS)
}

async fn in_room(watch: &RoomWatch, directory: &Directory, room: RoomId, event: &InRoom) -> Result<(), ApiError> {
    let Some(Room { lease, guests }) = directory.room(room).await? else { return Ok(()) };
    let mut history = watch.calls.log.load(&lease.call_id).await?;
    let Some(placed) = history.call.placed.clone() else { return Ok(()) };
    tracing::Span::current().record("call_id", lease.call_id.as_str());
    // A room's number is given again after its lease: an old report is not about this call.
    if event.at < placed.at {
        return Ok(());
    }
    if placed.state.is_final() {
        let leaving = matches!(event.kind, RoomEventKind::Left | RoomEventKind::RoomDismissed);
        if !leaving && event.at > last_change(&history) {
            dismiss(watch.room_api.as_ref(), room).await?;
        }
        return Ok(());
    }
    let who = event.user.as_ref().and_then(|user| TrtcUser::new(user.clone()).ok());
    let guests = match (who, event.kind) {
        (Some(id), RoomEventKind::Entered | RoomEventKind::Left) => {
            let guest = Guest { id, inside: event.kind == RoomEventKind::Entered, at: event.at };
            directory.note_guest(room, &guest, lease.until).await?;
            // Looked at after it was noted: of two who leave at once, the later report finds both gone.
            directory.room(room).await?.map_or_else(Vec::new, |room| room.guests)
        }
        _ => guests,
    };
    if all_left(&placed, last_change(&history), &guests, event) {
        let key = CommandId::new(LEFT_KEY).map_err(|bad| ApiError::Internal(bad.to_string()))?;
        let request = CommandRequest {
            tenant: placed.tenant.clone(),
            actor: Actor::System,
            client_is: None,
            key,
            act: Act::End { reason: Reason::Left },
            personal: PersonalData::Unsaved(PersonalText::default()),
            rung: Rung::default(),
        };
        match watch.calls.execute(&mut history, request, &watch.calls.clock).await {
            // Somebody hung up meanwhile.
            Ok(()) | Err(ApiError::Refused(_)) => {}
            Err(other) => return Err(other),
        }
    }
    Ok(())
}

fn last_change(history: &History) -> Millis {
    history.commits.last().map_or(Millis(0), |commit| commit.at)
}

/// Whether everybody who was in the room of this answered call is gone for good.
fn all_left(placed: &Placed, answered_at: Millis, guests: &[Guest], event: &InRoom) -> bool {
    if placed.state != CallState::Active || !matches!(event.kind, RoomEventKind::Left | RoomEventKind::RoomDismissed) {
        return false;
    }
    // Each client of a party has a name of its own in the room.
    let of_party = |party: &Party| -> Vec<&Guest> {
        let identity = TrtcIdentity::of(&placed.tenant, party.kind, &party.id);
        let is_theirs = |guest: &&Guest| guest.at >= placed.at && identity.seat_of(guest.id.as_str()).is_some();
        guests.iter().filter(is_theirs).collect()
    };
    let caller = of_party(&placed.terms.caller);
    let callee = placed.answerer().map_or_else(Vec::new, |answerer| of_party(&answerer));
    // A room that was dismissed has put out everybody who had come before.
    let still_in = |guest: &&Guest| guest.inside && (event.kind == RoomEventKind::Left || guest.at > event.at);
    let inside = caller.iter().chain(&callee).any(still_in);
    let both_came = !caller.is_empty() && !callee.is_empty();
    !inside && (both_came || event.at.since(answered_at) >= JOIN_MS)
}
