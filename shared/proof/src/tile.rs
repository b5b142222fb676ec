//! Tiles and entry bundles (C2SP tlog-tiles): what they are called, and which there are in a tree.

use std::fmt;

use crate::ranges::Subtree;

/// How many hashes, or entries, a full tile has.
pub const TILE_WIDTH: u16 = 256;
/// How many levels of the tree a tile spans.
const TILE_HEIGHT: u32 = 8;

/// What a tile holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TileKind {
    /// The entries themselves.
    Entries,
    /// The hashes of one level: 0 are those of the leaves, 1 those of full tiles of level 0, and so on.
    Hashes(u8),
}

/// A tile of a tree, full or partial.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tile {
    pub kind: TileKind,
    pub index: u64,
    /// How many hashes or entries it has: 1 to 256.
    pub width: u16,
}

impl Tile {
    /// The `index`-th tile of its kind in a tree of `size`; none where there is none.
    #[must_use]
    pub fn in_tree(kind: TileKind, index: u64, size: u64) -> Option<Self> {
        let level = match kind {
            TileKind::Entries => 0,
            TileKind::Hashes(level) => u32::from(level),
        };
        let there = size.checked_shr(level * TILE_HEIGHT).unwrap_or(0);
        let width = there.checked_sub(index.checked_mul(u64::from(TILE_WIDTH))?)?.min(u64::from(TILE_WIDTH));
        Some(Self { kind, index, width: u16::try_from(width).ok()? }).filter(|tile| tile.width > 0)
    }

    /// The partial tiles at the right edge of a tree of `size`, bundle first, then from the leaves up.
    #[must_use]
    pub fn edge(size: u64) -> Vec<Self> {
        let levels = (0..=7_u8).map(TileKind::Hashes);
        let kinds = std::iter::once(TileKind::Entries).chain(levels);
        let last = |kind: TileKind| {
            let level = if let TileKind::Hashes(level) = kind { u32::from(level) } else { 0 };
            let there = size.checked_shr(level * TILE_HEIGHT).unwrap_or(0);
            Self::in_tree(kind, there / u64::from(TILE_WIDTH), size)
        };
        kinds.filter_map(last).collect()
    }

    /// The tile of a tree of `size` that has the hashes under a full subtree, and which of its hashes these are.
    pub(crate) fn under(subtree: Subtree, size: u64) -> Option<(Self, std::ops::Range<usize>)> {
        let within = subtree.height % TILE_HEIGHT;
        let first = subtree.index << within;
        let width = u64::from(TILE_WIDTH);
        let level = u8::try_from(subtree.height / TILE_HEIGHT).ok()?;
        let tile = Self::in_tree(TileKind::Hashes(level), first / width, size)?;
        let from = usize::try_from(first % width).ok()?;
        let hashes = from..from + (1 << within);
        (hashes.end <= usize::from(tile.width)).then_some((tile, hashes))
    }

    #[must_use]
    pub const fn is_full(&self) -> bool {
        self.width == TILE_WIDTH
    }

    /// The same tile once it is full.
    #[must_use]
    pub const fn full(self) -> Self {
        Self { width: TILE_WIDTH, ..self }
    }

    /// Below this all of its partial forms stand.
    #[must_use]
    pub fn partials(&self) -> String {
        format!("{}.p/", self.full())
    }
}

impl fmt::Display for Tile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            TileKind::Entries => f.write_str("tile/entries/")?,
            TileKind::Hashes(level) => write!(f, "tile/{level}/")?,
        }
        let mut groups = vec![self.index % 1000];
        let mut rest = self.index / 1000;
        while rest > 0 {
            groups.push(rest % 1000);
            rest /= 1000;
        }
        for group in groups.iter().skip(1).rev() {
            write!(f, "x{group:03}/")?;
        }
        write!(f, "{:03}", groups[0])?;
        if self.is_full() { Ok(()) } else { write!(f, ".p/{}", self.width) }
    }
}
