//! The whole system on the embedded stack. One binary, so that it is linked once.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "what goes wrong here is a broken test")]

mod calls;
mod cost;
mod history;
mod log;
mod outage;
mod projector;
mod race;
mod refused;
mod restart;
