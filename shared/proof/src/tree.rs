//! The Merkle tree of RFC 6962, section 2.1: its hashes, and a tree of which only the right edge is kept.

use sha2::{Digest, Sha256};

/// A hash in the tree.
pub type Node = [u8; 32];

/// The hash of a leaf.
#[must_use]
pub fn leaf_hash(entry: &[u8]) -> Node {
    Sha256::new().chain_update([0]).chain_update(entry).finalize().into()
}

/// The hash of a node above two others.
#[must_use]
pub fn node_hash(left: &Node, right: &Node) -> Node {
    Sha256::new().chain_update([1]).chain_update(left).chain_update(right).finalize().into()
}

/// The root of a tree without leaves.
#[must_use]
pub fn empty_root() -> Node {
    Sha256::digest([]).into()
}

/// A tree of which only the full subtrees' roots are kept, the largest first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tree {
    size: u64,
    peaks: Vec<Node>,
}

impl Tree {
    /// A tree of `size` leaves with these full subtrees; none when there cannot be so many.
    #[must_use]
    pub fn of(size: u64, peaks: Vec<Node>) -> Option<Self> {
        (u64::try_from(peaks.len()).ok()? == u64::from(size.count_ones())).then_some(Self { size, peaks })
    }

    #[must_use]
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// The roots of its full subtrees, the largest first.
    #[must_use]
    pub fn peaks(&self) -> &[Node] {
        &self.peaks
    }

    /// Adds an entry as a leaf.
    pub fn push(&mut self, entry: &[u8]) {
        self.push_hash(leaf_hash(entry));
    }

    /// Adds a leaf of which only the hash is known. A tree that is full stays as it is: no log gets there.
    pub fn push_hash(&mut self, leaf: Node) {
        let Some(size) = self.size.checked_add(1) else { return };
        let mut node = leaf;
        let mut full = self.size;
        while full & 1 == 1
            && let Some(left) = self.peaks.pop()
        {
            node = node_hash(&left, &node);
            full >>= 1;
        }
        self.peaks.push(node);
        self.size = size;
    }

    #[must_use]
    pub fn root(&self) -> Node {
        folded(&self.peaks).unwrap_or_else(empty_root)
    }
}

/// The root above subtrees of falling size; none where there is none.
#[must_use]
pub(crate) fn folded(peaks: &[Node]) -> Option<Node> {
    let (last, before) = peaks.split_last()?;
    Some(before.iter().rev().fold(*last, |right, left| node_hash(left, &right)))
}

#[cfg(test)]
#[allow(clippy::expect_used, reason = "a test that cannot go on has failed")]
mod tests {
    use super::*;

    #[test]
    fn it_has_the_roots_that_certificate_transparency_tests_with() {
        let leaves: [&[u8]; 8] = [
            &[],
            &[0],
            &[0x10],
            &[0x20, 0x21],
            &[0x30, 0x31],
            &[0x40, 0x41, 0x42, 0x43],
            &[0x50, 0x51, 0x52, 0x53, 0x54, 0x55, 0x56, 0x57],
            &[0x60, 0x61, 0x62, 0x63, 0x64, 0x65, 0x66, 0x67, 0x68, 0x69, 0x6a, 0x6b, 0x6c, 0x6d, 0x6e, 0x6f],
        ];
        let mut tree = Tree::default();
        let mut roots = vec![hex::encode(tree.root())];
        for leaf in leaves {
            tree.push(leaf);
            roots.push(hex::encode(tree.root()));
        }
        for (size, root) in [
            (0, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
            (1, "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"),
            (2, "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"),
            (3, "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77"),
            (8, "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"),
        ] {
            assert_eq!(roots[size], root, "{size} leaves");
        }
    }

    #[test]
    fn one_that_was_put_away_grows_as_if_it_had_not_been() {
        let mut whole = Tree::default();
        for leaf in 0..50_u8 {
            let mut taken_up = Tree::of(whole.size(), whole.peaks().to_vec()).expect("a tree");
            taken_up.push(&[leaf]);
            whole.push(&[leaf]);
            assert_eq!(taken_up, whole);
        }
        assert_eq!(Tree::of(3, vec![[0; 32]]), None);
    }
}
