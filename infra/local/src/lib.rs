//! The embedded stack: the whole backend in one process, with nothing to install.
//!
//! The functions are the ones that run on Lambda. What AWS is to them there, this crate is here: [`dynamodb`] an
//! embedded DynamoDB, [`stream`] the poller that feeds the projector, [`broker`] the MQTT broker that asks the real
//! authorizer and enforces the very policy it returns, [`push`] push services that show what they are given, [`timer`] the
//! queue that a call expires by, [`ledger_folder`] the bucket that the ledger is published in.

pub mod broker;
mod broker_acl;
mod broker_entrance;
mod broker_rules;
pub mod dynamodb;
mod error;
mod http;
pub mod ledger_folder;
mod listening;
mod options;
mod pages;
mod presence;
pub mod push;
mod room;
pub mod stack;
pub mod stream;
pub mod timer;

pub use error::NotStarted;
pub use http::reachable;
pub use options::{Addresses, Lookup, MqttLayer, Options, TrtcPages};
pub use stack::Stack;
