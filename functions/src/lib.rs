//! What iLock Call does when it is asked: one file per function, read top to bottom.
//!
//! [`http`] has the endpoints, [`triggers`] what an event starts, [`service`] what they share. An endpoint owns its state,
//! made from [`wiring::Wiring`], and exports `routes` with exactly its own route; its Lambda function serves that, the
//! embedded stack merges all of them.

pub mod error;
pub mod http;
pub mod lock;
pub mod metrics;
pub mod service;
pub mod settings;
pub mod triggers;
pub mod wiring;
