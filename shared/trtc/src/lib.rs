//! The tickets into Tencent's TRTC rooms, made and read.
//!
//! A `UserSig` says who somebody is; a `PrivateMapKey` lets them into exactly one room. Both are the same kind of
//! ticket: signed fields as JSON, compressed with zlib, written in Tencent's own base64. Pure: the clock is an argument.

mod app;
mod sign;
mod ticket;
mod userbuf;
mod wire;

pub use app::{ALL_PRIVILEGES, BadRoomName, TrtcApp};
pub use ticket::{BadTicket, Ticket};
pub use userbuf::UserBuf;
