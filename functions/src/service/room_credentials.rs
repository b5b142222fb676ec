//! Credentials for a call's TRTC room: UserSig and PrivateMapKey, for the party that may enter it; and how they travel in the
//! messages that ring.

use std::collections::HashMap;
use std::sync::Arc;

use futures::future::join_all;
use ilock_auth::PayloadKeys;
use ilock_call::{GRACE_MS, Placed};
use ilock_directory::{Directory, ROOM_LEASE};
use ilock_events::{
    Address, CallState, Millis, Party, PartyAddress, PartyKind, RoomId, RoomInfo, Seat, TrtcIdentity, TrtcUser,
};
use ilock_notify::MessageCredentials;
use ilock_trtc::{ALL_PRIVILEGES, RECEIVE_ONLY, TrtcApp};

use ilock_env::Clock;

/// How a `UserSig` travels inside an MQTT message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SigInMessages {
    /// As a compact JWE under the user's payload key.
    Jwe,
    /// As it is, and the `PrivateMapKey` beside it: for apps that cannot open a JWE yet.
    Plain,
    /// Not at all: the app asks over HTTP.
    None,
}

/// Makes room credentials.
#[derive(Clone)]
pub struct RoomCredentials {
    /// The operator's TRTC application.
    pub trtc: Arc<TrtcApp>,
    /// How long credentials are valid, in seconds: just past the longest call.
    pub valid_seconds: u32,
    /// Decides from when.
    pub clock: Clock,
}

/// Who enters a room, and where.
#[derive(Debug, Clone, Copy)]
pub struct Entrant<'a> {
    pub party: &'a Party,
    pub seat: Seat,
    /// Whether the log has it that the party may look and listen before it has answered.
    pub previews: bool,
}

/// What a credential for a room permits, and for how many seconds.
struct RoomPass {
    privileges: u32,
    seconds: u32,
}

impl RoomCredentials {
    /// The credentials of `entrant` for `call`'s room, while it may be joined. They never outlive the room's lease, so a
    /// call that nobody hung up gives no way into the next one's room.
    #[must_use]
    pub fn info(&self, call: &Placed, entrant: Entrant<'_>, now: Millis) -> Option<RoomInfo> {
        let lease = i64::try_from(ROOM_LEASE.as_secs()).unwrap_or(i64::MAX);
        let last_issue = call.at.plus((lease - i64::from(self.valid_seconds)) * 1000);
        (call.joinable(entrant.party, now) && now < last_issue).then(|| self.issue(call, entrant, now))
    }

    fn issue(&self, call: &Placed, entrant: Entrant<'_>, now: Millis) -> RoomInfo {
        let Entrant { party, seat, .. } = entrant;
        let user = TrtcIdentity::of(&call.tenant, party.kind, &party.id).at(seat);
        let at = self.now_seconds();
        let pass = self.pass(call, entrant, now);
        let map_key = pass
            .as_ref()
            .map(|pass| self.trtc.private_map_key(&user, call.terms.room_id, pass.privileges, at, pass.seconds));
        RoomInfo {
            room_id: call.terms.room_id.to_string(),
            sdk_app_id: self.trtc.sdk_app_id(),
            user_sig: Some(self.trtc.user_sig(&user, at, self.valid_seconds)),
            private_map_key: map_key,
            receive_only: pass.is_some_and(|pass| pass.privileges == RECEIVE_ONLY),
            user_id: user,
        }
    }

    /// What `entrant` may do in the room of a call that may be joined. Before the answer a callee's phone only looks and
    /// listens, and only once the log has it. Tencent asks for the credential at the door of the room only, and knows of no
    /// answer: it opens the room until the ringing would have ended, and no longer.
    fn pass(&self, call: &Placed, entrant: Entrant<'_>, now: Millis) -> Option<RoomPass> {
        if call.state != CallState::Ringing || call.terms.caller == *entrant.party {
            return Some(RoomPass { privileges: ALL_PRIVILEGES, seconds: self.valid_seconds });
        }
        let left_ms = call.terms.deadline.plus(GRACE_MS).since(now);
        let seconds = u32::try_from(left_ms.div_euclid(1000)).unwrap_or(0).max(1);
        entrant.previews.then_some(RoomPass { privileges: RECEIVE_ONLY, seconds })
    }

    fn now_seconds(&self) -> i64 {
        self.clock.now().0.div_euclid(1000)
    }
}

/// Makes the credentials that travel in the messages that ring.
#[derive(Clone)]
pub struct RingCredentials {
    /// What they are.
    pub rooms: RoomCredentials,
    /// The keys that `user_sig` is encrypted under.
    pub payload_keys: Arc<PayloadKeys>,
    /// How `user_sig` is sent.
    pub in_messages: SigInMessages,
    /// Knows which version of their payload key a person has.
    pub directory: Directory,
}

/// The credentials for messages to persons whose payload keys are known.
pub struct KeyedCredentials {
    sdk_app_id: u32,
    /// None where a function rings nobody.
    rings: Option<RingCredentials>,
    key_versions: KeyVersions,
}

/// The version of each person's payload key; those that are not named were never logged out everywhere.
pub type KeyVersions = HashMap<Address, u32>;

impl KeyedCredentials {
    /// For messages of which none rings.
    #[must_use]
    pub fn of_no_ring(sdk_app_id: u32) -> Self {
        Self { sdk_app_id, rings: None, key_versions: KeyVersions::new() }
    }
}

impl RingCredentials {
    /// The same for persons of whom the versions are known.
    #[must_use]
    pub fn keyed(&self, key_versions: KeyVersions) -> KeyedCredentials {
        KeyedCredentials { sdk_app_id: self.rooms.trtc.sdk_app_id(), rings: Some(self.clone()), key_versions }
    }

    /// The same for the persons at `addresses`, whose payload keys may have changed. Where that cannot be read, a phone may
    /// find a `user_sig` that it cannot open, and asks over HTTP.
    pub async fn for_messages_to(&self, addresses: impl IntoIterator<Item = Address>) -> KeyedCredentials {
        let clock = &self.rooms.clock;
        let asked = addresses.into_iter().filter(|_| self.in_messages == SigInMessages::Jwe).map(async |address| {
            let person = PartyAddress { kind: PartyKind::User, address };
            let account = self.directory.account(&person, clock.now()).await;
            let account =
                account.inspect_err(|error| tracing::warn!(%error, "the version of a payload key could not be read"));
            (person.address, account.map_or(0, |account| account.key_version))
        });
        self.keyed(join_all(asked).await.into_iter().collect())
    }

    fn sig(&self, to: &Address, version: u32, user: &TrtcUser) -> Option<String> {
        let sig = || self.rooms.trtc.user_sig(user, self.rooms.now_seconds(), self.rooms.valid_seconds);
        match self.in_messages {
            SigInMessages::None => None,
            SigInMessages::Plain => Some(sig()),
            // A phone that finds no user_sig in the message asks for it over HTTP: better than no ring.
            SigInMessages::Jwe => self
                .payload_keys
                .encrypt(to, version, &sig())
                .inspect_err(
                    |error| tracing::error!(%error, "user_sig could not be encrypted; the message goes without it"),
                )
                .ok(),
        }
    }

    /// For apps that enter with what the message has, once they have answered: so it permits to be seen and heard. Whoever
    /// reads the message may enter with it, answered or not, as with the plain `user_sig` where no key is asked for.
    fn private_map_key(&self, room: RoomId, user: &TrtcUser) -> Option<String> {
        let RoomCredentials { trtc, valid_seconds, .. } = &self.rooms;
        let key = || trtc.private_map_key(user, room, ALL_PRIVILEGES, self.rooms.now_seconds(), *valid_seconds);
        (self.in_messages == SigInMessages::Plain).then(key)
    }
}

impl MessageCredentials for KeyedCredentials {
    fn sdk_app_id(&self) -> u32 {
        self.sdk_app_id
    }

    fn user_sig_in_message(&self, to: &Address, user: &TrtcUser) -> Option<String> {
        let version = self.key_versions.get(to).copied().unwrap_or(0);
        self.rings.as_ref().and_then(|rings| rings.sig(to, version, user))
    }

    fn private_map_key_in_message(&self, room: RoomId, user: &TrtcUser) -> Option<String> {
        self.rings.as_ref().and_then(|rings| rings.private_map_key(room, user))
    }
}
