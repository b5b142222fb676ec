//! Who is let into a room, as Tencent decides it with "advanced permission control" switched on.

use ilock_events::RoomId;

use crate::TrtcApp;
use crate::bad_credential::BadCredential;
use crate::credential::Credential;

/// What a party may do in a room: the bits of a `PrivateMapKey`, as Tencent numbers them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Privileges(u32);

impl Privileges {
    const ENTER: u32 = 2;
    const SEND_AUDIO: u32 = 4;
    const RECEIVE_AUDIO: u32 = 8;
    const SEND_VIDEO: u32 = 16;
    const RECEIVE_VIDEO: u32 = 32;

    /// Those with these bits set.
    #[must_use]
    pub const fn new(bits: u32) -> Self {
        Self(bits)
    }

    const fn has(self, bit: u32) -> bool {
        self.0 & bit != 0
    }

    /// Whether the room may be entered.
    #[must_use]
    pub const fn enter(self) -> bool {
        self.has(Self::ENTER)
    }

    /// Whether audio may be sent.
    #[must_use]
    pub const fn send_audio(self) -> bool {
        self.has(Self::SEND_AUDIO)
    }

    /// Whether audio may be received.
    #[must_use]
    pub const fn receive_audio(self) -> bool {
        self.has(Self::RECEIVE_AUDIO)
    }

    /// Whether video may be sent.
    #[must_use]
    pub const fn send_video(self) -> bool {
        self.has(Self::SEND_VIDEO)
    }

    /// Whether video may be received.
    #[must_use]
    pub const fn receive_video(self) -> bool {
        self.has(Self::RECEIVE_VIDEO)
    }
}

/// What somebody shows at the door of a room.
#[derive(Debug, Clone, Copy)]
pub struct RoomEntry<'a> {
    /// Under which name.
    pub user_id: &'a str,
    pub sdk_app_id: u32,
    pub room: RoomId,
    /// Says who they are.
    pub user_sig: &'a str,
    /// Says that they may enter this room.
    pub private_map_key: &'a str,
}

/// Why somebody is not let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotAdmitted {
    #[error("sdk_app_id is not this application's")]
    OtherApp,
    #[error("{0} cannot be read: {1}")]
    Unreadable(&'static str, BadCredential),
    /// Signed with another key.
    #[error("{0} is not signed with the application's key")]
    Forged(&'static str),
    /// Its time is over.
    #[error("{0} has expired")]
    Expired(&'static str),
    /// Of somebody else, or of another application.
    #[error("{0} is not of this user and application")]
    OtherUser(&'static str),
    /// A `UserSig` in place of a `PrivateMapKey`.
    #[error("private_map_key names no room")]
    NoRoom,
    /// A key of another room.
    #[error("private_map_key is of another room")]
    OtherRoom,
    /// A key without the bit to enter.
    #[error("private_map_key does not permit to enter")]
    MayNotEnter,
}

impl TrtcApp {
    /// Lets somebody in at `now_seconds` (since 1970), with these privileges.
    ///
    /// # Errors
    /// [`NotAdmitted`] names the credential and what is wrong with it.
    pub fn admit(&self, entry: &RoomEntry<'_>, now_seconds: i64) -> Result<Privileges, NotAdmitted> {
        if entry.sdk_app_id != self.sdk_app_id() {
            return Err(NotAdmitted::OtherApp);
        }
        self.checked("user_sig", entry.user_sig, entry.user_id, now_seconds)?;
        let key = self.checked("private_map_key", entry.private_map_key, entry.user_id, now_seconds)?;
        let permit = key.room.ok_or(NotAdmitted::NoRoom)?;
        if permit.account != entry.user_id || permit.sdk_app_id != self.sdk_app_id() {
            return Err(NotAdmitted::OtherUser("private_map_key"));
        }
        if permit.room_name.is_some() || permit.room != entry.room.number() {
            return Err(NotAdmitted::OtherRoom);
        }
        if i64::from(permit.expires) <= now_seconds {
            return Err(NotAdmitted::Expired("private_map_key"));
        }
        let privileges = Privileges::new(permit.privileges);
        if privileges.enter() { Ok(privileges) } else { Err(NotAdmitted::MayNotEnter) }
    }

    fn checked(&self, field: &'static str, text: &str, user: &str, now: i64) -> Result<Credential, NotAdmitted> {
        let credential = Credential::decode(text).map_err(|why| NotAdmitted::Unreadable(field, why))?;
        if !self.signed(&credential) {
            return Err(NotAdmitted::Forged(field));
        }
        if credential.identifier != user || credential.sdk_app_id != self.sdk_app_id() {
            return Err(NotAdmitted::OtherUser(field));
        }
        if credential.expires_at_seconds() <= now {
            return Err(NotAdmitted::Expired(field));
        }
        Ok(credential)
    }
}
