//! The operator's TRTC application, which makes the credentials.

use std::fmt;

use base64::{Engine, engine::general_purpose::STANDARD};
use ilock_events::{RoomId, TrtcUser};

use crate::{Credential, UserBuf, credential::VERSION};

/// What a party of a call may do in its room: create it (1), enter (2), send and receive audio (4, 8) and video
/// (16, 32). Sharing a screen (64, 128) is no part of a call at a door.
pub const ALL_PRIVILEGES: u32 = 63;

/// What a phone may do in the room before it has answered: enter (2), receive audio (8) and video (32). It sends nothing,
/// and does not create the room: there is nothing to see before the caller is in.
pub const RECEIVE_ONLY: u32 = 42;

/// A name that TRTC takes for no room.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a room's name must be 1 to 64 printable ASCII characters")]
pub struct BadRoomName;

/// Why number and key are of no TRTC application. Tencent refuses what would be signed with them, and says only that the
/// UserSig is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadTrtcApp {
    /// The number is 0.
    #[error("the SDKAppID must not be 0: the TRTC console shows it beside the application's name")]
    SdkAppId,
    /// The key is empty, or only spaces.
    #[error("the secret key must not be empty: the TRTC console shows it under the application's SDKAppID")]
    Key,
}

/// A TRTC application: its number (SdkAppId) and its secret key.
#[derive(Clone)]
pub struct TrtcApp {
    sdk_app_id: u32,
    key: String,
}

impl TrtcApp {
    /// `key` as the TRTC console shows it.
    ///
    /// # Errors
    /// [`BadTrtcApp`], where Tencent would refuse whatever is signed with them.
    pub fn new(sdk_app_id: u32, key: impl Into<String>) -> Result<Self, BadTrtcApp> {
        let app = Self { sdk_app_id, key: key.into() };
        match (app.sdk_app_id, app.key.trim()) {
            (0, _) => Err(BadTrtcApp::SdkAppId),
            (_, "") => Err(BadTrtcApp::Key),
            _ => Ok(app),
        }
    }

    /// The application's number, which apps need to enter a room.
    #[must_use]
    pub const fn sdk_app_id(&self) -> u32 {
        self.sdk_app_id
    }

    /// A credential that says who `user` is, good from `at_seconds` (since 1970) for `expire_seconds`.
    #[must_use]
    pub fn user_sig(&self, user: &TrtcUser, at_seconds: i64, expire_seconds: u32) -> String {
        self.credential(user, None, at_seconds, expire_seconds)
    }

    /// A credential that lets `user` into `room`, and into no other, with `privileges` ([`ALL_PRIVILEGES`] for a call).
    #[must_use]
    pub fn private_map_key(
        &self,
        user: &TrtcUser,
        room: RoomId,
        privileges: u32,
        at_seconds: i64,
        expire_seconds: u32,
    ) -> String {
        let (room, until) = (room.number(), until(at_seconds, expire_seconds));
        let userbuf = self.userbuf(user, room, None, privileges, until);
        self.credential(user, Some(userbuf), at_seconds, expire_seconds)
    }

    /// [`Self::private_map_key`] for a room with a name in place of a number. To TRTC, room `"7"` is not room 7.
    ///
    /// # Errors
    /// [`BadRoomName`] when TRTC would take it for no room.
    pub fn private_map_key_for_named_room(
        &self,
        user: &TrtcUser,
        room: &str,
        privileges: u32,
        at_seconds: i64,
        expire_seconds: u32,
    ) -> Result<String, BadRoomName> {
        let printable = room.bytes().all(|b| b == b' ' || b.is_ascii_graphic());
        if !(1..=64).contains(&room.len()) || !printable {
            return Err(BadRoomName);
        }
        let until = until(at_seconds, expire_seconds);
        let userbuf = self.userbuf(user, 0, Some(room.into()), privileges, until);
        Ok(self.credential(user, Some(userbuf), at_seconds, expire_seconds))
    }

    /// Whether this application signed `credential`.
    pub(crate) fn signed(&self, credential: &Credential) -> bool {
        credential.verify(&self.key)
    }

    fn userbuf(&self, user: &TrtcUser, room: u32, room_name: Option<String>, privileges: u32, expires: u32) -> UserBuf {
        UserBuf {
            account: user.to_string(),
            sdk_app_id: self.sdk_app_id,
            room,
            room_name,
            expires,
            privileges,
            account_type: 0,
        }
    }

    fn credential(&self, user: &TrtcUser, room: Option<UserBuf>, time: i64, expire: u32) -> String {
        Credential {
            version: VERSION.into(),
            identifier: user.to_string(),
            sdk_app_id: self.sdk_app_id,
            expire,
            time,
            userbuf: room.as_ref().map(|room| STANDARD.encode(room.to_bytes())),
            sig: String::new(),
            room,
        }
        .issue(&self.key)
    }
}

impl fmt::Debug for TrtcApp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TrtcApp").field("sdk_app_id", &self.sdk_app_id).field("key", &"[redacted]").finish()
    }
}

/// The userbuf has 32 bits for a moment; past 2106, or before 1970, it says the nearest that fits.
fn until(at_seconds: i64, expire_seconds: u32) -> u32 {
    let until = at_seconds.saturating_add(i64::from(expire_seconds)).clamp(0, i64::from(u32::MAX));
    u32::try_from(until).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_application_without_number_or_key_is_none() {
        assert!(TrtcApp::new(1_400_000_000, "5bd2850fff3ecb11").is_ok());
        assert_eq!(TrtcApp::new(0, "5bd2850fff3ecb11").err(), Some(BadTrtcApp::SdkAppId));
        for empty in ["", " ", "\n"] {
            assert_eq!(TrtcApp::new(1_400_000_000, empty).err(), Some(BadTrtcApp::Key), "{empty:?}");
        }
    }

    #[test]
    fn the_key_is_not_shown() {
        let shown = format!("{:?}", TrtcApp::new(1_400_000_000, "5bd2850fff3ecb11").unwrap());
        assert!(shown.contains("1400000000"));
        assert!(!shown.contains("5bd2"), "{shown}");
    }

    #[test]
    fn a_moment_past_2106_is_said_as_the_last_that_fits() {
        assert_eq!(until(1_700_000_000, 300), 1_700_000_300);
        assert_eq!(until(i64::MAX, u32::MAX), u32::MAX);
        assert_eq!(until(i64::MIN, 0), 0);
    }
}
