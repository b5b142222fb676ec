//! The growing edge of a log: what the partial tiles hold, and the tiles that come of more entries.

use crate::bundle;
use crate::tile::{TILE_WIDTH, Tile, TileKind};
use crate::tree::{Node, Tree, leaf_hash};

/// The right edge of a tree, as its partial tiles have it. Never more than one tile of each level.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Edge {
    size: u64,
    /// The entries of the partial bundle, as they stand there.
    bundle: Vec<u8>,
    /// The hashes of each level's partial tile.
    levels: Vec<Vec<Node>>,
}

/// A tile, and its bytes.
pub type MadeTile = (Tile, Vec<u8>);

impl Edge {
    /// The edge of a tree of `size`, whose partial tiles (those of [`Tile::edge`]) are `tiles`. None when they are not
    /// such tiles; whether they are the right ones shows [`Edge::tree`].
    #[must_use]
    pub fn of(size: u64, tiles: Vec<MadeTile>) -> Option<Self> {
        let mut edge = Self { size, ..Self::default() };
        if tiles.iter().map(|(tile, _)| *tile).ne(Tile::edge(size)) {
            return None;
        }
        for (tile, bytes) in tiles {
            match tile.kind {
                TileKind::Entries => {
                    let entries = bundle::entries(&bytes)?;
                    (entries.len() == usize::from(tile.width)).then_some(())?;
                    edge.bundle = bytes;
                }
                TileKind::Hashes(level) => {
                    let hashes = bytes.as_chunks::<32>();
                    (hashes.1.is_empty() && hashes.0.len() == usize::from(tile.width)).then_some(())?;
                    edge.levels.resize(usize::from(level) + 1, vec![]);
                    edge.levels[usize::from(level)] = hashes.0.to_vec();
                }
            }
        }
        Some(edge)
    }

    #[must_use]
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// The tree that it is the edge of.
    #[must_use]
    pub fn tree(&self) -> Option<Tree> {
        let mut peaks = vec![];
        for level in self.levels.iter().rev() {
            let mut tree = Tree::default();
            for hash in level {
                tree.push_hash(*hash);
            }
            peaks.extend_from_slice(tree.peaks());
        }
        Tree::of(self.size, peaks)
    }

    /// Whether the partial bundle's entries are the leaves of the partial tile.
    #[must_use]
    pub fn bundle_fits(&self) -> bool {
        let Some(entries) = bundle::entries(&self.bundle) else { return false };
        let leaves = self.levels.first().map(Vec::as_slice).unwrap_or_default();
        entries.iter().map(|entry| leaf_hash(entry)).eq(leaves.iter().copied())
    }

    /// Adds an entry, and hands out the tiles that it made full.
    pub fn push(&mut self, entry: &[u8], full: &mut Vec<MadeTile>) {
        bundle::add(&mut self.bundle, entry);
        let at = self.size;
        self.size += 1;
        if self.size.is_multiple_of(u64::from(TILE_WIDTH)) {
            let index = at / u64::from(TILE_WIDTH);
            let tile = Tile { kind: TileKind::Entries, index, width: TILE_WIDTH };
            full.push((tile, std::mem::take(&mut self.bundle)));
        }
        self.push_hash(0, at, leaf_hash(entry), full);
    }

    /// Adds the `at`-th hash of a level.
    fn push_hash(&mut self, level: u8, at: u64, hash: Node, full: &mut Vec<MadeTile>) {
        if self.levels.len() <= usize::from(level) {
            self.levels.resize(usize::from(level) + 1, vec![]);
        }
        let hashes = &mut self.levels[usize::from(level)];
        hashes.push(hash);
        if hashes.len() < usize::from(TILE_WIDTH) {
            return;
        }
        let hashes = std::mem::take(hashes);
        let index = at / u64::from(TILE_WIDTH);
        let mut tree = Tree::default();
        for hash in &hashes {
            tree.push_hash(*hash);
        }
        full.push((Tile { kind: TileKind::Hashes(level), index, width: TILE_WIDTH }, hashes.concat()));
        self.push_hash(level + 1, index, tree.root(), full);
    }

    /// The partial tiles, as they stand there now.
    #[must_use]
    pub fn partials(&self) -> Vec<MadeTile> {
        let bytes = |tile: &Tile| match tile.kind {
            TileKind::Entries => self.bundle.clone(),
            TileKind::Hashes(level) => {
                self.levels.get(usize::from(level)).map(|hashes| hashes.concat()).unwrap_or_default()
            }
        };
        Tile::edge(self.size).into_iter().map(|tile| (tile, bytes(&tile))).collect()
    }
}
