//! What whole-system tests and measurements share: a stack, parties that send HTTP requests, phones that listen by MQTT.
//!
//! A test reads like what happens: `door.rings("user456", 30)`, `phone.hears("incoming")`. An error here is a broken test,
//! so it panics.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::missing_panics_doc,
    missing_docs,
    clippy::must_use_candidate
)]

pub mod aws;
pub mod backend;
pub mod bodies;
pub mod bucket;
pub mod commands;
mod cost;
pub mod engine;
pub mod faults;
pub mod google;
pub mod iot_core;
pub mod ledger;
pub mod localstack;
mod log_lines;
pub mod meter;
pub mod parties;
pub mod phone;
pub mod proxy;
mod round_trips;
pub mod stream;
pub mod tencent;
pub mod throttle;
pub mod usage;
pub mod witness;
mod world;

pub use cost::whole_call;
pub use log_lines::LogLines;
pub use parties::{Answer, Party};
pub use phone::{Phone, Version};
pub use round_trips::{RoundTrips, round_trips};
pub use world::World;
