//! Commands that run the backend on this machine and act as its clients.

mod client;
pub mod dev;
pub mod door;
mod keyboard;
pub mod phone;
pub mod revoke;
pub mod target;
pub mod token;
pub mod usersig;
