//! What a decision may need from outside: the time and randomness. Both are handed in, so that a test can set them.

mod clock;
mod random;
#[cfg(feature = "simulated")]
mod simulated;

pub use clock::Clock;
pub use random::{NoRandomness, random};
#[cfg(feature = "simulated")]
pub use simulated::{SimulatedRandomness, simulate_randomness};
