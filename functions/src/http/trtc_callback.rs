//! POST /api/trtc/callback: Tencent tells what happens in rooms. When the last party has left an active call, the call
//! ends, a moment later where somebody may be back; a room that outlives its call is dismissed again.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use futures::future::try_join_all;
use ilock_directory::{Guest, Room};
use ilock_events::{Millis, RoomId, TrtcUser};
use ilock_log::History;
use ilock_trtc::{BadSignature, CallbackEvent, InRoom, RoomEventKind, parse_callback, verify_callback};
use serde_json::json;

use crate::error::ApiError;
use crate::http::body::read_body;
use crate::service::empty_room::end_once_left;
use crate::service::room_dismisser::dismiss;
use crate::service::room_watch::RoomWatch;
use crate::settings::BadSetting;
use crate::wiring::Wiring;

/// How far ahead of our clock a report may be, and how long ago it may have been sent: Tencent gives up after a minute.
const EARLIEST_MS: i64 = 5 * 60_000;
const LATEST_MS: i64 = 60 * 60_000;

/// The state of trtc-callback. Tencent acts for no tenant, so no call is kept from it.
#[derive(Clone)]
pub struct TrtcCallbackState {
    watch: RoomWatch,
}

impl TrtcCallbackState {
    /// With the parts that `wiring` has.
    ///
    /// # Errors
    /// [`BadSetting`].
    pub fn new(wiring: &Wiring) -> Result<Self, BadSetting> {
        Ok(Self { watch: wiring.room_watch()? })
    }
}

pub fn routes(state: TrtcCallbackState) -> Router {
    Router::new().route("/api/trtc/callback", post(trtc_callback)).with_state(state)
}

async fn trtc_callback(
    State(TrtcCallbackState { watch }): State<TrtcCallbackState>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, ApiError> {
    let body = read_body(&headers, body).await?;
    let sign = headers.get("sign").and_then(|sign| sign.to_str().ok()).unwrap_or_default();
    signed_by_one_of(&watch.keys, &body, sign)?;
    of_application(watch.sdk_app_id, &headers)?;
    let event = parse_callback(&body).map_err(|bad| ApiError::field(bad.field, bad.problem))?;
    if let CallbackEvent::InRoom(event) = event
        && let Some(room) = event.room.id()
        && is_of_now(&event, watch.calls.clock.now())?
    {
        in_room(&watch, room, &event).await?;
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

async fn in_room(watch: &RoomWatch, room: RoomId, event: &InRoom) -> Result<(), ApiError> {
    let RoomWatch { calls, room_api, .. } = watch;
    let Some(Room { lease, guests }) = calls.directory.room(room).await? else { return Ok(()) };
    let mut history = calls.log.load(&lease.call_id).await?;
    let Some(placed) = &history.call.placed else { return Ok(()) };
    tracing::Span::current().record("call_id", lease.call_id.as_str());
    // A room's number is given again after its lease: an old report is not about this call.
    if event.at < placed.at {
        return Ok(());
    }
    let leaving = matches!(event.kind, RoomEventKind::Left | RoomEventKind::RoomDismissed);
    if placed.state.is_final() {
        if !leaving && event.at > last_change(&history) {
            dismiss(room_api.as_ref(), room).await?;
        }
        return Ok(());
    }
    let moved = moved(event, &guests);
    try_join_all(moved.iter().map(|guest| calls.directory.note_guest(room, guest, lease.until))).await?;
    if !leaving || event.is_removal() {
        return Ok(());
    }
    // Looked at after it was noted: of two who leave at once, the later report finds both gone.
    let (as_of, lost) = (calls.clock.now().max(event.at), moved.iter().any(|guest| guest.may_return));
    Box::pin(end_once_left(calls, &mut history, as_of, lost)).await
}

/// Who has gone in or out by `event`, where `guests` were in the room or out of it.
fn moved(event: &InRoom, guests: &[Guest]) -> Vec<Guest> {
    let guest = |id, inside, may_return| Guest { id, inside, may_return, at: event.at };
    let who = event.user.as_ref().and_then(|user| TrtcUser::new(user.clone()).ok());
    match (event.kind, who) {
        (RoomEventKind::Entered, Some(id)) => vec![guest(id, true, false)],
        // Whoever was put out because they entered once more is in the room. Whoever was put out otherwise is gone when it is
        // dismissed.
        (RoomEventKind::Left, Some(id)) if !event.is_removal() => vec![guest(id, false, event.is_time_out())],
        // It puts out everybody who had come before. Why it was dismissed is not said: mostly everybody had left, and the
        // reports of that may be still to come.
        (RoomEventKind::RoomDismissed, _) => {
            let inside = guests.iter().filter(|guest| guest.inside && guest.at < event.at);
            inside.map(|inside| guest(inside.id.clone(), false, true)).collect()
        }
        _ => vec![],
    }
}

fn last_change(history: &History) -> Millis {
    history.commits.last().map_or(Millis(0), |commit| commit.at)
}
