//! What whole-system tests and measurements share: a stack, parties that ask over HTTP, phones that listen on MQTT.
//!
//! A test reads like the thing that happens: `door.places_a_call_to("user456")`, `phone.hears("incoming")`. What goes
//! wrong here is a broken test, so it panics.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::missing_panics_doc,
    clippy::must_use_candidate
)]

pub mod aws;
pub mod backend;
pub mod between;
pub mod commands;
mod cost;
pub mod engine;
pub mod faults;
pub mod iot_core;
pub mod localstack;
pub mod meter;
pub mod parties;
pub mod phone;
pub mod stream;
pub mod tencent;
mod trips;
mod world;

pub use cost::whole_call;
pub use parties::{Answer, Party};
pub use phone::{Phone, Version};
pub use trips::{Trips, trips};
pub use world::World;
