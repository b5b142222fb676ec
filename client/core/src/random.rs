//! Jitter and idempotency keys, from the random bytes that the driver gave.

use sha2::{Digest, Sha256};

/// SHA-256 over the seed and a counter.
#[derive(Debug, Clone)]
pub(crate) struct Random {
    seed: Vec<u8>,
    count: u64,
}

impl Random {
    pub fn new(seed: Vec<u8>) -> Self {
        Self { seed, count: 0 }
    }

    fn next(&mut self) -> [u8; 32] {
        self.count = self.count.wrapping_add(1);
        Sha256::new().chain_update(&self.seed).chain_update(self.count.to_be_bytes()).finalize().into()
    }

    /// A number below `bound`; 0 when `bound` is 0.
    pub fn below(&mut self, bound: u64) -> u64 {
        let bytes = self.next();
        let number = bytes.iter().take(8).fold(0_u64, |number, byte| (number << 8) | u64::from(*byte));
        number.checked_rem(bound).unwrap_or(0)
    }

    /// An idempotency key that nobody else will make: 32 hexadecimal digits.
    pub fn key(&mut self) -> String {
        data_encoding::HEXLOWER.encode(self.next().get(..16).unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_differ_and_numbers_stay_below() {
        let mut random = Random::new(vec![1; 16]);
        let keys: std::collections::HashSet<String> = (0..100).map(|_| random.key()).collect();
        assert_eq!(keys.len(), 100);
        assert!(keys.iter().all(|key| key.len() == 32));
        assert!((0..1_000).all(|_| random.below(7) < 7));
        assert_eq!(random.below(0), 0);
        assert!((0..100).any(|_| random.below(1_000) > 500));
    }
}
