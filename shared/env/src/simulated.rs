//! Randomness that a simulation decides, so that a run can be repeated. No function that is deployed is built with this:
//! `tests/tests/house/layers.rs` sees to it.

use std::cell::RefCell;

/// Fills bytes with what is to be taken for randomness.
type Source = Box<dyn FnMut(&mut [u8])>;

thread_local! {
    static SOURCE: RefCell<Option<Source>> = const { RefCell::new(None) };
}

/// Takes randomness from `source` on this thread, until what this returns is dropped.
#[must_use = "the source is used until this is dropped"]
pub fn simulate_randomness(source: impl FnMut(&mut [u8]) + 'static) -> SimulatedRandomness {
    SOURCE.with_borrow_mut(|now| *now = Some(Box::new(source)));
    SimulatedRandomness(())
}

/// While this lives, its thread takes randomness from a simulation.
#[derive(Debug)]
pub struct SimulatedRandomness(());

impl Drop for SimulatedRandomness {
    fn drop(&mut self) {
        SOURCE.with_borrow_mut(|now| *now = None);
    }
}

/// Fills `bytes`, if this thread is in a simulation.
pub(crate) fn fill(bytes: &mut [u8]) -> bool {
    SOURCE.with_borrow_mut(|source| source.as_mut().map(|source| source(bytes)).is_some())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random;

    #[test]
    fn randomness_is_the_simulations_until_it_ends() {
        let simulated = simulate_randomness(|bytes| bytes.fill(7));
        assert_eq!(random::<4>(), Ok([7; 4]));
        drop(simulated);
        assert_ne!(random::<16>(), Ok([7; 16]));
    }
}
