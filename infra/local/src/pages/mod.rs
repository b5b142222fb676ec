//! The pages in a browser: a start page, a door, a phone, and a call's story. Their files are built from client/pages,
//! checked in, and part of this program.

mod dev_token;
mod files;
mod headers;
mod room;
mod routes;

pub(crate) use dev_token::anybody_can_sign;
pub(crate) use room::PageRoom;
pub(crate) use routes::{Pages, routes};
