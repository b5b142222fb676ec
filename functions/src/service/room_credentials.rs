//! Credentials for a call's TRTC room: UserSig and PrivateMapKey, for the party that may enter it; and whether `user_sig`
//! is encrypted in messages.

use std::collections::HashMap;
use std::sync::Arc;

use futures::future::join_all;
use ilock_auth::PayloadKeys;
use ilock_call::Placed;
use ilock_directory::{Directory, ROOM_LEASE};
use ilock_events::{Address, Millis, Party, PartyAddress, PartyKind, RoomInfo, Seat, TrtcIdentity, TrtcUser};
use ilock_notify::MessageCredentials;
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

/// Makes room credentials.
#[derive(Clone)]
pub struct RoomCredentials {
    /// The operator's TRTC application.
    pub trtc: Arc<TrtcApp>,
    /// The keys that `user_sig` is encrypted under in messages.
    pub payload_keys: Arc<PayloadKeys>,
    /// How `user_sig` is sent in messages.
    pub in_messages: SigInMessages,
    /// How long credentials are valid, in seconds: just past the longest call.
    pub valid_seconds: u32,
    /// Knows which version of their payload key a person has.
    pub directory: Directory,
    /// Decides from when.
    pub clock: Clock,
}

impl RoomCredentials {
    /// The credentials for `call`'s room for a party's seat, while it may be joined. They never outlive the room's lease, so a
    /// call that nobody hung up gives no way into the next one's room.
    #[must_use]
    pub fn info(&self, call: &Placed, (party, seat): (&Party, Seat), now: Millis) -> Option<RoomInfo> {
        let lease = i64::try_from(ROOM_LEASE.as_secs()).unwrap_or(i64::MAX);
        let last_issue = call.at.plus((lease - i64::from(self.valid_seconds)) * 1000);
        (call.joinable(party, now) && now < last_issue).then(|| {
            let user = TrtcIdentity::of(&call.tenant, party.kind, &party.id).at(seat);
            self.issue(call, user)
        })
    }

    fn issue(&self, call: &Placed, user: TrtcUser) -> RoomInfo {
        let room = call.terms.room_id;
        let now = self.now_seconds();
        let map_key = self.trtc.private_map_key(&user, room, ALL_PRIVILEGES, now, self.valid_seconds);
        RoomInfo {
            room_id: room.to_string(),
            sdk_app_id: self.trtc.sdk_app_id(),
            user_sig: Some(self.trtc.user_sig(&user, now, self.valid_seconds)),
            private_map_key: Some(map_key),
            user_id: user,
        }
    }

    fn now_seconds(&self) -> i64 {
        self.clock.now().0.div_euclid(1000)
    }
}

/// Room credentials for messages to persons whose payload keys are known.
pub struct KeyedCredentials {
    rooms: RoomCredentials,
    /// The version of each person's payload key; those that are not named were never logged out everywhere.
    key_versions: HashMap<Address, u32>,
}

impl RoomCredentials {
    /// The same for the persons at `addresses`, whose payload keys may have changed. Where that cannot be read, a phone may
    /// find a `user_sig` that it cannot open, and asks over HTTP.
    pub async fn for_messages_to(&self, addresses: impl IntoIterator<Item = Address>) -> KeyedCredentials {
        let asked = addresses.into_iter().filter(|_| self.in_messages == SigInMessages::Jwe).map(async |address| {
            let person = PartyAddress { kind: PartyKind::User, address };
            let account = self.directory.account(&person, self.clock.now()).await;
            let account =
                account.inspect_err(|error| tracing::warn!(%error, "the version of a payload key could not be read"));
            (person.address, account.map_or(0, |account| account.key_version))
        });
        KeyedCredentials { rooms: self.clone(), key_versions: join_all(asked).await.into_iter().collect() }
    }
}

impl MessageCredentials for KeyedCredentials {
    fn sdk_app_id(&self) -> u32 {
        self.rooms.trtc.sdk_app_id()
    }

    fn user_sig_in_message(&self, to: &Address, user: &TrtcUser) -> Option<String> {
        let rooms = &self.rooms;
        let sig = || rooms.trtc.user_sig(user, rooms.now_seconds(), rooms.valid_seconds);
        match rooms.in_messages {
            SigInMessages::None => None,
            SigInMessages::Plain => Some(sig()),
            // A phone that finds no user_sig in the message asks for it over HTTP: better than no ring.
            SigInMessages::Jwe => rooms
                .payload_keys
                .encrypt(to, self.key_versions.get(to).copied().unwrap_or(0), &sig())
                .inspect_err(
                    |error| tracing::error!(%error, "user_sig could not be encrypted; the message goes without it"),
                )
                .ok(),
        }
    }
}
