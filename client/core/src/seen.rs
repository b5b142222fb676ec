//! The ids of messages that have arrived already.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

/// More than a person's phone is sent within the hour for which the broker keeps messages.
const KEPT: usize = 512;

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Seen(VecDeque<String>);

impl Seen {
    /// Remembers `id`; whether it is new.
    pub fn insert(&mut self, id: &str) -> bool {
        if self.0.iter().any(|known| known == id) {
            return false;
        }
        if self.0.len() >= KEPT {
            self.0.pop_front();
        }
        self.0.push_back(id.to_owned());
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_new_once_and_old_ones_are_forgotten() {
        let mut seen = Seen::default();
        assert!(seen.insert("a"));
        assert!(!seen.insert("a"));
        for n in 0..KEPT {
            assert!(seen.insert(&n.to_string()));
        }
        assert_eq!(seen.0.len(), KEPT);
        assert!(seen.insert("a"));
    }
}
