//! Commands that run the backend on this machine and act as its clients.

pub mod dev;
pub mod door;
mod http;
mod mqtt;
pub mod phone;
pub mod target;
pub mod token;
pub mod usersig;
