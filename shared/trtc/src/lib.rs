//! Tencent's TRTC: the credentials into its rooms, what it reports of them, and how they are ended.
//!
//! A `UserSig` says who somebody is; a `PrivateMapKey` lets them into exactly one room. Both are the same kind of
//! credential: signed fields as JSON, compressed with zlib, written in Tencent's own base64.
//!
//! Tencent reports what happens in rooms: [`verify_callback`] first, then [`parse_callback`].
//!
//! All of that is pure: the clock is an argument. Only the feature `room-api` has a network: [`RoomApi`] dismisses rooms
//! and removes users, with requests signed by TC3 ([`ApiKey`]).

mod app;
mod bad_credential;
mod callback;
mod credential;
mod entry;
#[cfg(feature = "room-api")]
mod room_api;
mod tc3;
mod userbuf;
mod wire;

pub use app::{ALL_PRIVILEGES, BadRoomName, BadTrtcApp, RECEIVE_ONLY, TrtcApp};
pub use bad_credential::BadCredential;
pub use callback::{
    BadCallback, BadSignature, CallbackEvent, CallbackRoom, InRoom, RoomEventKind, parse as parse_callback,
    verify as verify_callback,
};
pub use credential::Credential;
pub use entry::{NotAdmitted, Privileges, RoomEntry};
#[cfg(feature = "room-api")]
pub use room_api::{BadRoomApi, Dismissal, Fault, Removal, RoomApi, RoomApiConfig, RoomApiError};
pub use tc3::{ApiKey, Tc3Request};
pub use userbuf::UserBuf;
