//! What a decision may need from outside: the time and randomness. Both are handed in, so that a test can set them.

mod clock;
mod random;

pub use clock::Clock;
pub use random::{NoRandomness, random};
