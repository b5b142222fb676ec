//! How this process serves HTTP.

pub(crate) mod cors;
mod lingering;
pub(crate) mod network;
mod serve;
mod unread;

pub use network::reachable;
pub(crate) use serve::{Served, serve};
