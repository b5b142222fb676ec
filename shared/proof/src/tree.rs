//! The Merkle tree of RFC 6962, section 2.1, as far as its right edge: enough to grow it and to know its root.

use sha2::{Digest, Sha256};

/// A hash in the tree.
pub type Node = [u8; 32];

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

    /// How many leaves it has.
    #[must_use]
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// The roots of its full subtrees, the largest first.
    #[must_use]
    pub fn peaks(&self) -> &[Node] {
        &self.peaks
    }

    /// Adds a leaf.
    pub fn push(&mut self, leaf: &[u8]) {
        let mut node: Node = Sha256::new().chain_update([0]).chain_update(leaf).finalize().into();
        let mut full = self.size;
        while full & 1 == 1
            && let Some(left) = self.peaks.pop()
        {
            node = above(&left, &node);
            full >>= 1;
        }
        self.peaks.push(node);
        self.size += 1;
    }

    /// Its root.
    #[must_use]
    pub fn root(&self) -> Node {
        let mut peaks = self.peaks.iter().rev();
        let Some(last) = peaks.next() else { return Sha256::digest([]).into() };
        peaks.fold(*last, |right, left| above(left, &right))
    }
}

fn above(left: &Node, right: &Node) -> Node {
    Sha256::new().chain_update([1]).chain_update(left).chain_update(right).finalize().into()
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
