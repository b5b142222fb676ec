//! Which parts of a tree a proof is made of. The hash of each part, in this order, is the proof.

use std::ops::Range;

/// Leaves from one up to, but without, another.
pub type Leaves = Range<u64>;

/// A full subtree: 2^`height` leaves, the `index`-th of such.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Subtree {
    pub height: u32,
    pub index: u64,
}

/// The full subtrees that `leaves` are made of, the largest first.
#[must_use]
pub fn subtrees(leaves: &Leaves) -> Vec<Subtree> {
    let mut found = vec![];
    let mut from = leaves.start;
    while from < leaves.end {
        let height = from.trailing_zeros().min((leaves.end - from).ilog2());
        found.push(Subtree { height, index: from >> height });
        from += 1 << height;
    }
    found
}

/// Where RFC 6962 splits so many leaves: the largest power of two below their number.
fn split(leaves: u64) -> u64 {
    1 << (leaves - 1).ilog2()
}

/// PATH of RFC 6962, section 2.1.1: that leaf `index` is in a tree of `size`. None when it cannot be.
#[must_use]
pub fn inclusion(index: u64, size: u64) -> Option<Vec<Leaves>> {
    if index >= size {
        return None;
    }
    let (mut within, mut found) = (0..size, vec![]);
    while within.end - within.start > 1 {
        let middle = within.start + split(within.end - within.start);
        if index < middle {
            found.push(middle..within.end);
            within.end = middle;
        } else {
            found.push(within.start..middle);
            within.start = middle;
        }
    }
    found.reverse();
    Some(found)
}

/// PROOF of RFC 6962, section 2.1.2: that a tree of `new` leaves begins with one of `old`. None when it cannot.
#[must_use]
pub fn consistency(old: u64, new: u64) -> Option<Vec<Leaves>> {
    if old > new {
        return None;
    }
    if old == 0 || old == new {
        return Some(vec![]);
    }
    let (mut within, mut found) = (0..new, vec![]);
    while within.end > old {
        let middle = within.start + split(within.end - within.start);
        if old <= middle {
            found.push(middle..within.end);
            within.end = middle;
        } else {
            found.push(within.start..middle);
            within.start = middle;
        }
    }
    // The old tree itself need not be named: the verifier has its root.
    if within.start > 0 {
        found.push(within);
    }
    found.reverse();
    Some(found)
}
