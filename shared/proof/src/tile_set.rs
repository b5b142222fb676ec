//! Proofs made from tiles. The tiles are fetched by somebody else: here stands which are needed, and what follows from
//! their bytes. Nothing is trusted: a proof made from wrong tiles does not lead to the checkpoint's root.

use std::collections::{BTreeMap, BTreeSet};

use crate::ranges::{Leaves, consistency, inclusion, subtrees};
use crate::tile::Tile;
use crate::tree::{Node, Tree, folded};

/// Some tiles of a tree.
#[derive(Debug, Clone, Default)]
pub struct TileSet {
    size: u64,
    tiles: BTreeMap<Tile, Vec<u8>>,
}

impl TileSet {
    /// None yet, of a tree of `size`.
    #[must_use]
    pub const fn of(size: u64) -> Self {
        Self { size, tiles: BTreeMap::new() }
    }

    /// The tiles that a proof of these leaves' parts takes, and that are not here yet.
    fn needed(&self, parts: &[Leaves]) -> BTreeSet<Tile> {
        let subtrees = parts.iter().flat_map(subtrees);
        let tiles = subtrees.filter_map(|subtree| Tile::under(subtree, self.size)).map(|(tile, _)| tile);
        tiles.filter(|tile| !self.tiles.contains_key(tile)).collect()
    }

    /// The tiles that the proof for leaf `index` takes, and that are not here yet.
    #[must_use]
    pub fn needed_for_inclusion(&self, index: u64) -> BTreeSet<Tile> {
        self.needed(&inclusion(index, self.size).unwrap_or_default())
    }

    /// The tiles that the proof from a tree of `old` leaves takes, and that are not here yet.
    #[must_use]
    pub fn needed_for_consistency(&self, old: u64) -> BTreeSet<Tile> {
        self.needed(&consistency(old, self.size).unwrap_or_default())
    }

    /// The tiles that the root takes, and that are not here yet.
    #[must_use]
    pub fn needed_for_root(&self) -> BTreeSet<Tile> {
        self.needed_for_root_of(self.size)
    }

    /// The tiles that the root of the first `size` leaves takes, and that are not here yet.
    #[must_use]
    pub fn needed_for_root_of(&self, size: u64) -> BTreeSet<Tile> {
        self.needed(std::slice::from_ref(&(0..size)))
    }

    /// Takes in a tile's bytes, those of its full form too. False when they are not a tile's of this width.
    pub fn add(&mut self, tile: Tile, mut bytes: Vec<u8>) -> bool {
        let length = usize::from(tile.width) * 32;
        if bytes.len() < length || !bytes.len().is_multiple_of(32) {
            return false;
        }
        bytes.truncate(length);
        self.tiles.insert(tile, bytes);
        true
    }

    /// The proof that leaf `index` is in the tree; none when a tile is not here.
    #[must_use]
    pub fn inclusion(&self, index: u64) -> Option<Vec<Node>> {
        inclusion(index, self.size)?.iter().map(|part| self.hash(part)).collect()
    }

    /// The proof that the tree begins with one of `old` leaves; none when a tile is not here.
    #[must_use]
    pub fn consistency(&self, old: u64) -> Option<Vec<Node>> {
        consistency(old, self.size)?.iter().map(|part| self.hash(part)).collect()
    }

    /// The tree's root; none when a tile is not here.
    #[must_use]
    pub fn root(&self) -> Option<Node> {
        self.root_of(self.size)
    }

    /// The root of the first `size` leaves; none when a tile is not here.
    #[must_use]
    pub fn root_of(&self, size: u64) -> Option<Node> {
        if size == 0 { Some(crate::tree::empty_root()) } else { self.hash(&(0..size)) }
    }

    fn hash(&self, leaves: &Leaves) -> Option<Node> {
        let peaks: Option<Vec<Node>> = subtrees(leaves).into_iter().map(|subtree| self.subtree(subtree)).collect();
        folded(&peaks?)
    }

    fn subtree(&self, subtree: crate::ranges::Subtree) -> Option<Node> {
        let (tile, hashes) = Tile::under(subtree, self.size)?;
        let bytes = self.tiles.get(&tile)?.get(hashes.start * 32..hashes.end * 32)?;
        let mut tree = Tree::default();
        for hash in bytes.as_chunks::<32>().0 {
            tree.push_hash(*hash);
        }
        Some(tree.root())
    }
}
