//! How this process serves HTTP.

pub(crate) mod cors;
pub(crate) mod dated;
pub(crate) mod host;
mod lingering;
pub(crate) mod network;
mod serve;
mod unread;
pub(crate) mod whole;

pub use network::reachable;
pub(crate) use serve::{Served, serve};
