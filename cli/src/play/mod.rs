//! Commands that run the backend on this machine and act as its clients.

pub mod dev;
pub mod door;
mod http;
mod mqtt;
pub mod phone;
mod stop;
pub mod target;
pub mod token;
pub mod usersig;
