//! What a press reserves before its call is placed: a room, the ring timer, the text beside the commit.

use ilock_directory::{Directory, Lease, Reserved, leased_until};
use ilock_events::{CallId, Millis, PersonalText, RoomId};
use ilock_log::Placing;

use crate::error::ApiError;
use crate::http::idempotency::{RequestDigest, room_to_try};
use crate::http::tenant::{PartyCall, PartyCalls};
use crate::service::calls::PersonalData;

/// How many rooms are tried. Even with a million live calls the first is free 1,999 times out of 2,000.
const MAX_ROOMS: u32 = 8;

/// A room, with the call that it is held for and the text kept for that.
pub struct Reservation {
    pub room_id: RoomId,
    pub call: PartyCall,
    pub personal: PersonalData,
    /// Whether the request's key was used for another request. Then the call is that one's, and is left as it is.
    pub key_reused: bool,
}

/// What is to be reserved.
pub struct Reserving<'a> {
    pub calls: &'a PartyCalls,
    pub directory: &'a Directory,
    /// The call that is to be placed.
    pub call_id: &'a CallId,
    /// Which request this is, where it may come again.
    pub digest: Option<&'a RequestDigest>,
    /// What it asks for, as the lease keeps it.
    pub asked: String,
    pub text: &'a PersonalText,
    /// Whose text it is, and until when the call may still be placed.
    pub placing: Placing,
    pub now: Millis,
    /// When the timer is to end the ringing.
    pub ends: Millis,
}

impl Reserving<'_> {
    /// Reserves the first room that is free.
    ///
    /// # Errors
    /// 503 where none is; what directory, log and timer report.
    pub async fn first_free_room(&self) -> Result<Reservation, ApiError> {
        for attempt in 0..MAX_ROOMS {
            let room_id = room_to_try(self.digest, attempt)?;
            if let Some(reservation) = Box::pin(self.reserve_room(room_id)).await? {
                return Ok(reservation);
            }
        }
        Err(ApiError::Busy)
    }

    fn lease(&self, call_id: &CallId) -> Lease {
        let request = self.digest.map(RequestDigest::hex);
        let asked = request.is_some().then(|| self.asked.clone());
        Lease { call_id: call_id.clone(), request, asked, until: leased_until(self.now) }
    }

    /// Reserves `room_id` for a new call, with everything else that must stand before the call does; none where the room
    /// is held by another call. The lease *is* the idempotency record: where this very request holds the room, its first
    /// try is taken up again.
    async fn reserve_room(&self, room_id: RoomId) -> Result<Option<Reservation>, ApiError> {
        let call_id = self.call_id;
        let lease = self.lease(call_id);
        let reserve = self.directory.reserve(room_id, &lease, self.now);
        // The timer first: a call that nobody would end is not placed. On a call that was not placed it does nothing.
        let arm = self.calls.arm(call_id.clone(), self.ends);
        // What the caller says of itself lies there before its commit does: beside all this it costs no time.
        let save = self.calls.save_personal(&self.placing, call_id, self.text.clone(), self.now);
        let (reserved, armed, saved) = futures::join!(reserve, arm, save);
        let saved = saved?;
        let reserved = armed.and_then(|()| Ok(reserved?));
        if matches!(reserved, Ok(Reserved::Yes)) {
            let (call, personal) = (PartyCall::unplaced(call_id.clone()), PersonalData::Saved(saved));
            return Ok(Some(Reservation { room_id, call, personal, key_reused: false }));
        }
        self.calls.drop_personal(call_id, saved).await;
        let (Reserved::Held(Some(held)), Some(digest)) = (reserved?, self.digest) else { return Ok(None) };
        let Some(earlier) = self.calls.of_request(digest, &held).await? else {
            self.keep_held(room_id, held, lease.until).await?;
            return Ok(None);
        };
        let key_reused = held.asked != lease.asked;
        if !key_reused && earlier.placed().is_err() {
            // The first try ended before its call was placed. Its alarm may not have been set, or be too early; and the call
            // that is placed now has the room for as long as any other.
            self.calls.arm(held.call_id.clone(), self.ends).await?;
            self.directory.rebind(room_id, &held.call_id, &self.lease(&held.call_id)).await?;
        }
        let personal = PersonalData::Unsaved(self.text.clone());
        Ok(Some(Reservation { room_id, call: earlier, personal, key_reused }))
    }

    /// Gives back a room that was reserved for nothing: from now on others may have it.
    ///
    /// # Errors
    /// What the directory says.
    pub async fn given_back(&self, room_id: RoomId) -> Result<(), ApiError> {
        let lease = Lease { call_id: self.call_id.clone(), request: None, asked: None, until: self.now };
        self.directory.rebind(room_id, self.call_id, &lease).await?;
        Ok(())
    }

    /// Another call's room is held for as long as this request may come again, and so the next one names its call. If it were free
    /// sooner, the request would find it free, and place a second call.
    async fn keep_held(&self, room_id: RoomId, held: Lease, until: Millis) -> Result<(), ApiError> {
        if held.until >= until {
            return Ok(());
        }
        let call_id = held.call_id.clone();
        if self.directory.rebind(room_id, &call_id, &Lease { until, ..held }).await? {
            return Ok(());
        }
        // It has become somebody else's meanwhile, perhaps this request's.
        Err(ApiError::Busy)
    }

    /// Lets the request, where it comes again, have `call_id` for its answer instead of the call that the room was reserved
    /// for.
    ///
    /// # Errors
    /// What the directory says.
    pub async fn answered_by(&self, reservation: &Reservation, call_id: &CallId) -> Result<(), ApiError> {
        if self.digest.is_some() {
            let unused = &reservation.call.call.id;
            self.directory.rebind(reservation.room_id, unused, &self.lease(call_id)).await?;
        }
        Ok(())
    }
}
