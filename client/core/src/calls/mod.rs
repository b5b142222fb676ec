//! Calls: one that rings here, one that was placed here, and those that are over but not forgotten.

mod acting;
mod asking;
mod call;
mod due;
mod incoming;
mod outgoing;
mod repeated;
mod settle;

pub(crate) use call::{Call, CallPhase, Calls, LONGEST_RING_MS};
pub(crate) use outgoing::object;
pub(crate) use settle::{News, over_at};
