//! Tickets to a call's room, for the party that may enter it.

use std::sync::Arc;
use std::time::Duration;

use ilock_auth::PayloadKeys;
use ilock_call::Placed;
use ilock_events::{Millis, PartyId, RoomInfo};
use ilock_notify::Tickets;
use ilock_trtc::{ALL_PRIVILEGES, TrtcApp};

use ilock_env::Clock;

/// How a `UserSig` travels inside an MQTT message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SigInMessages {
    /// As a compact JWE under the user's payload key.
    Jwe,
    /// As it is: for apps that cannot open a JWE yet.
    Plain,
    /// Not at all: the app asks over HTTP.
    None,
}

/// A room, and with it an idempotency key, is held for a day.
pub const ROOM_LEASE: Duration = Duration::from_hours(24);

/// Until when the number of the room of a call placed at `at` is that call's.
#[must_use]
pub fn leased_until(at: Millis) -> Millis {
    at.plus(i64::try_from(ROOM_LEASE.as_millis()).unwrap_or(i64::MAX))
}

/// Makes tickets.
#[derive(Clone)]
pub struct Rooms {
    /// The operator's TRTC application.
    pub trtc: Arc<TrtcApp>,
    /// The keys under which tickets travel in messages.
    pub payload_keys: Arc<PayloadKeys>,
    /// Whether they do.
    pub in_messages: SigInMessages,
    /// A ticket works for so long, in seconds: just past the longest call.
    pub ticket_seconds: u32,
    /// From now on.
    pub clock: Clock,
}

impl Rooms {
    /// The way into `call`'s room for `party`, while it may be joined. A ticket never outlives the room's lease, so a
    /// call that nobody hung up gives no way into the next one's room.
    #[must_use]
    pub fn info(&self, call: &Placed, party: &PartyId, now: Millis) -> Option<RoomInfo> {
        let lease = i64::try_from(ROOM_LEASE.as_secs()).unwrap_or(i64::MAX);
        let last_ticket = call.at.plus((lease - i64::from(self.ticket_seconds)) * 1000);
        (call.joinable(now) && now < last_ticket).then(|| self.tickets(call, party))
    }

    fn tickets(&self, call: &Placed, party: &PartyId) -> RoomInfo {
        let room = call.terms.room_id;
        let now = self.now_seconds();
        let map_key = self.trtc.private_map_key(party, room, ALL_PRIVILEGES, now, self.ticket_seconds);
        RoomInfo {
            room_id: room.to_string(),
            sdk_app_id: self.trtc.sdk_app_id(),
            user_id: party.clone(),
            user_sig: Some(self.trtc.user_sig(party, now, self.ticket_seconds)),
            private_map_key: Some(map_key),
        }
    }

    fn now_seconds(&self) -> i64 {
        self.clock.now().0.div_euclid(1000)
    }
}

impl Tickets for Rooms {
    fn sdk_app_id(&self) -> u32 {
        self.trtc.sdk_app_id()
    }

    fn in_message(&self, user: &PartyId) -> Option<String> {
        let sig = || self.trtc.user_sig(user, self.now_seconds(), self.ticket_seconds);
        match self.in_messages {
            SigInMessages::None => None,
            SigInMessages::Plain => Some(sig()),
            // A phone that finds no ticket in the message asks for it over HTTP: better than no ring.
            SigInMessages::Jwe => self
                .payload_keys
                .seal(user, &sig())
                .inspect_err(|error| tracing::error!(%error, "a ticket could not be sealed"))
                .ok(),
        }
    }
}
