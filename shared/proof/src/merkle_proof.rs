//! Whether a proof holds (RFC 6962, section 2.1; the steps are those of RFC 9162, sections 2.1.3.2 and 2.1.4.2).

use crate::tree::{Node, empty_root, node_hash};

/// A tree as a checkpoint names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TreeHead {
    pub size: u64,
    pub root: Node,
}

/// A proof that does not hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadProof {
    #[error("the entry's index is not below the tree's size")]
    NotWithin,
    #[error("the proof has not as many hashes as this place in this tree asks for")]
    Length,
    #[error("the proof does not lead to the tree's root")]
    Root,
    #[error("the proof does not begin at the earlier tree's root")]
    OldRoot,
    #[error("the tree is smaller than the earlier one")]
    Smaller,
}

/// That `leaf` is the `index`-th of the tree `head`.
///
/// # Errors
/// [`BadProof`].
pub fn verify_inclusion(leaf: &Node, index: u64, proof: &[Node], head: &TreeHead) -> Result<(), BadProof> {
    if index >= head.size {
        return Err(BadProof::NotWithin);
    }
    let (mut at, mut last, mut hash) = (index, head.size - 1, *leaf);
    for sibling in proof {
        if last == 0 {
            return Err(BadProof::Length);
        }
        if at & 1 == 1 || at == last {
            hash = node_hash(sibling, &hash);
            while at & 1 == 0 && at != 0 {
                at >>= 1;
                last >>= 1;
            }
        } else {
            hash = node_hash(&hash, sibling);
        }
        at >>= 1;
        last >>= 1;
    }
    match (last, hash == head.root) {
        (0, true) => Ok(()),
        (0, false) => Err(BadProof::Root),
        _ => Err(BadProof::Length),
    }
}

/// That the tree `new` begins with the tree `old`.
///
/// # Errors
/// [`BadProof`].
pub fn verify_consistency(old: &TreeHead, new: &TreeHead, proof: &[Node]) -> Result<(), BadProof> {
    if old.size > new.size {
        return Err(BadProof::Smaller);
    }
    if old.size == 0 || old.size == new.size {
        let same = if old.size == new.size { old.root == new.root } else { old.root == empty_root() };
        return match (proof.is_empty(), same) {
            (true, true) => Ok(()),
            (false, _) => Err(BadProof::Length),
            (true, false) => Err(BadProof::OldRoot),
        };
    }
    // A tree that is one full subtree is its own first part, and the proof leaves it out.
    let whole = old.size.is_power_of_two().then_some(&old.root);
    let mut parts = whole.into_iter().chain(proof);
    let first = parts.next().ok_or(BadProof::Length)?;
    let low = (old.size - 1).trailing_ones();
    let (mut at, mut last) = ((old.size - 1) >> low, (new.size - 1) >> low);
    let (mut of_old, mut of_new) = (*first, *first);
    for part in parts {
        if last == 0 {
            return Err(BadProof::Length);
        }
        if at & 1 == 1 || at == last {
            of_old = node_hash(part, &of_old);
            of_new = node_hash(part, &of_new);
            while at & 1 == 0 && at != 0 {
                at >>= 1;
                last >>= 1;
            }
        } else {
            of_new = node_hash(&of_new, part);
        }
        at >>= 1;
        last >>= 1;
    }
    match (last, of_old == old.root, of_new == new.root) {
        (0, true, true) => Ok(()),
        (0, false, _) => Err(BadProof::OldRoot),
        (0, true, false) => Err(BadProof::Root),
        _ => Err(BadProof::Length),
    }
}
