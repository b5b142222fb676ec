//! One call: what may be asked of it, what follows, and what the commits add up to.
//!
//! Pure on purpose: no async, no AWS, no clock, no randomness. If a decision needs to know something, it is in the
//! command. Read downwards: [`Call`] (what is known), [`Call::apply`] (how an event changes it), [`decide`].

mod call;
mod decide;
mod refusal;

pub use call::{Answer, BrokenLog, Call, Placed};
pub use decide::{CALLEES, GRACE_MS, RING_SECONDS, decide};
pub use refusal::Refusal;
