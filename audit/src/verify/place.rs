//! Where the items beside a call's commits stand: each under the key that its content names, in the order of those keys, and once.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;

use ilock_proof::canonical;
use serde_json::Value;

use crate::{Finding, Findings, Kind};

/// The field by which [`ilock_proof::StoredCall::place`] says that an item stands under a key that is not its own.
const KEY: &str = "\"sk\":";

/// `raw` without the key that it stands under, where that is not its own; that is found then. The item is called `what`.
pub(crate) fn in_place<'a>(raw: &'a str, what: fmt::Arguments<'_>, findings: &mut Findings) -> Cow<'a, str> {
    let Some((sk, text)) = misplaced(raw) else { return Cow::Borrowed(raw) };
    let why = format!("{what} stands under the key {sk}, which is not its own");
    findings.push(Finding::new(Kind::OutOfOrder, why));
    Cow::Owned(text)
}

/// The key that `raw` stands under where that is not its own, and the item without that.
fn misplaced(raw: &str) -> Option<(String, String)> {
    if !raw.contains(KEY) {
        return None;
    }
    let mut body: Value = serde_json::from_str(raw).ok()?;
    let Value::String(sk) = body.as_object_mut()?.remove("sk")? else { return None };
    Some((sk, String::from_utf8(canonical(&body).ok()?).ok()?))
}

/// Finds items that stand there twice, to the byte. No writer writes one twice: a second delivery or alert has its own time.
pub(crate) fn doubled(raw: &[&str], what: &str, findings: &mut Findings) {
    // Of every call of an export: so whether there are any is asked first, without a table.
    let mut once = raw.to_vec();
    once.sort_unstable();
    once.dedup();
    if once.len() == raw.len() {
        return;
    }
    let mut seen: HashMap<&str, (usize, usize)> = HashMap::with_capacity(once.len());
    for (place, raw) in (1..).zip(raw) {
        seen.entry(raw).or_insert((place, 0)).1 += 1;
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
