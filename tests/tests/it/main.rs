//! The whole system on the embedded stack. One binary, so that it is linked once.

mod calls;
mod cost;
mod history;
mod outage;
mod projector;
mod race;
mod refused;
mod restart;
