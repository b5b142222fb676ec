//! Where the items beside a call's commits stand: each under the key that its content names, in the order of those keys, and once.

use std::collections::HashMap;

use ilock_proof::canonical;
use serde_json::Value;

use crate::{Finding, Findings, Kind};

/// The field by which [`ilock_proof::StoredCall::place`] says that an item stands under a key that is not its own.
const KEY: &str = "\"sk\":";

/// An item that stands under a key that is not its own.
pub(crate) struct Misplaced {
    pub(crate) sk: String,
    /// The item without that key.
    pub(crate) text: String,
}

impl Misplaced {
    /// `raw`, where it is one.
    pub(crate) fn read(raw: &str) -> Option<Self> {
        if !raw.contains(KEY) {
            return None;
        }
        let mut body: Value = serde_json::from_str(raw).ok()?;
        let Value::String(sk) = body.as_object_mut()?.remove("sk")? else { return None };
        let text = String::from_utf8(canonical(&body).ok()?).ok()?;
        Some(Self { sk, text })
    }

    /// What is found of it; it is called `what`.
    pub(crate) fn finding(&self, what: &str) -> Finding {
        let why = format!("{what} stands under the key {}, which is not its own", self.sk);
        Finding::new(Kind::OutOfOrder, why)
    }
}

/// Finds items that stand there twice, to the byte. No writer writes one twice: a second delivery or alert has its own time.
pub(crate) fn doubled(raw: &[&str], what: &str, findings: &mut Findings) {
    let mut seen: HashMap<&str, (usize, usize)> = HashMap::with_capacity(raw.len());
    for (place, raw) in (1..).zip(raw) {
        seen.entry(raw).or_insert((place, 0)).1 += 1;
    }
    if seen.len() == raw.len() {
        return;
    }
    let mut several: Vec<(usize, usize)> = seen.into_values().filter(|(_, times)| *times > 1).collect();
    several.sort_unstable();
    for (place, times) in several {
        let times = if times == 2 { "twice".into() } else { format!("{times} times") };
        findings.push(Finding::new(Kind::Forked, format!("{what} {place} stands there {times}")));
    }
}

/// Finds the first item that stands behind one whose key is higher.
pub(crate) fn unordered<K: Ord>(keys: impl IntoIterator<Item = K>, what: &str, findings: &mut Findings) {
    let mut highest: Option<K> = None;
    for (place, key) in (1..).zip(keys) {
        if highest.as_ref().is_some_and(|highest| key < *highest) {
            let why = format!("{what} {place} stands behind one whose key is higher");
            return findings.push(Finding::new(Kind::OutOfOrder, why));
        }
        highest = Some(key);
    }
}
