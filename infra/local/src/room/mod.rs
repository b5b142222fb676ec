//! The room of a laptop, in place of Tencent's: `GET /dev/room`, a WebSocket by which the parties of a call find each
//! other. Audio and video go from browser to browser; here is decided who may enter, and who may send. The credentials
//! are checked as Tencent checks them, so that what works here works there.

mod admission;
mod media;
mod members;
mod message;
mod socket;
mod upgrade;

pub(crate) use socket::{RoomState, routes};
