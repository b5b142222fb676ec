//! What a seed decides. Each part of a simulation has dice of its own, so that a new use in one part moves no other.

use std::ops::Range;
use std::sync::Mutex;
use std::time::Duration;

use fastrand::Rng;

pub struct Dice(Mutex<Rng>);

impl Dice {
    /// The dice of one part under `seed`.
    pub fn of(seed: u64, part: &str) -> Self {
        // FNV-1a: the same on every machine and in every version.
        let hash = part
            .bytes()
            .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3));
        Self(Mutex::new(Rng::with_seed(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ hash)))
    }

    pub fn within(&self, range: Range<u64>) -> u64 {
        self.0.lock().unwrap().u64(range)
    }

    pub fn ms(&self, range: Range<u64>) -> Duration {
        Duration::from_millis(self.within(range))
    }

    /// Whether something of this chance happens.
    pub fn permille(&self, chance: u64) -> bool {
        chance > 0 && self.within(0..1000) < chance
    }

    pub fn pick<T: Copy>(&self, from: &[T]) -> T {
        from[usize::try_from(self.within(0..from.len() as u64)).unwrap()]
    }

    pub fn fill(&self, bytes: &mut [u8]) {
        self.0.lock().unwrap().fill(bytes);
    }
}
