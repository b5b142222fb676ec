//! An embedded DynamoDB that the real SDK speaks to over HTTP.

mod alarms;
mod api;
mod checkpoints;
mod client;
mod connections;
mod open;
mod own_table;
mod position;
mod tables;

pub(crate) use alarms::KeptAlarms;
pub use api::{bind, serve};
pub use client::client;
pub(crate) use connections::KeptConnections;
pub use open::open;
pub(crate) use position::StreamPosition;
pub use tables::create_table;
