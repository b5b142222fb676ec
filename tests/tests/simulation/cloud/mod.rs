//! AWS, as far as the functions talk to it: everything behind the HTTP connector of the SDKs.

mod answer;
mod broker;
mod connector;
mod network;
mod push;
mod queue;
mod request;
mod tables;
mod vault;

pub use broker::Handed;
pub use connector::{Cloud, Connector};
pub use network::{Arrival, Mailbox, Network};
pub use push::Pushed;
pub use queue::{DelayedLetters, Letter};
pub use tables::{Position, Written};
