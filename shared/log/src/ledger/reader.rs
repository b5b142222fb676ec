//! Reading the ledger: the checkpoint, ranges of entries, and proofs. Nothing that is read is trusted: each answer leads to
//! the checkpoint's root or is refused.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::ops::Range;
use std::sync::Arc;

use futures::{StreamExt, TryStreamExt, stream};
use ilock_proof::{
    BadProof, Checkpoint, Entry, Hour, Node, TILE_WIDTH, Tile, TileKind, TileSet, TlogProof, TreeHead, bundle_entries,
    leaf_hash, verify_consistency, verify_inclusion,
};

use super::error::{LedgerError, file};
use super::store::{CHECKPOINT, HourMark, KEY, LedgerStore, is_published, kept_checkpoint};

/// How many tiles are read at once.
const AT_ONCE: usize = 16;

/// Reads a ledger.
#[derive(Clone)]
pub struct LedgerReader {
    store: Arc<dyn LedgerStore>,
}

/// Entries, and the index of the first of them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RangeOfEntries {
    pub first: u64,
    /// Each as it stands there; one of another form is none.
    pub entries: Vec<Option<Entry>>,
}

impl RangeOfEntries {
    /// Those of them whose indices are `within`.
    fn within(mut self, within: &Range<u64>) -> Self {
        let place = |index: u64| usize::try_from(index.saturating_sub(self.first)).unwrap_or(usize::MAX);
        let (start, end) = (place(within.start), place(within.end));
        self.entries.truncate(end);
        self.entries.drain(..start.min(self.entries.len()));
        self.first = self.first.max(within.start);
        self
    }
}

/// The mark of an hour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FoundMark {
    Missing,
    /// What stands there is no mark.
    Unreadable,
    /// Where the hour's entry stands, and the size of the checkpoint that was kept then. Nothing vouches for it.
    Names {
        index: u64,
        size: u64,
    },
}

impl LedgerReader {
    #[must_use]
    pub fn new(store: Arc<dyn LedgerStore>) -> Self {
        Self { store }
    }

    /// The checkpoint, whoever signed it; none when the ledger has none yet.
    ///
    /// # Errors
    /// [`LedgerError`].
    pub async fn checkpoint(&self) -> Result<Option<Checkpoint>, LedgerError> {
        self.checkpoint_in(CHECKPOINT.into()).await
    }

    /// A file as it stands in the store; none when there is none, or none may be called so.
    ///
    /// # Errors
    /// [`LedgerError`].
    pub async fn file(&self, name: &str) -> Result<Option<Vec<u8>>, LedgerError> {
        if !is_published(name) {
            return Ok(None);
        }
        Ok(self.store.read(name.to_owned()).await?.map(|found| found.bytes))
    }

    async fn checkpoint_in(&self, name: String) -> Result<Option<Checkpoint>, LedgerError> {
        let Some(found) = self.store.read(name.clone()).await? else { return Ok(None) };
        let note = String::from_utf8(found.bytes).map_err(|_| file(name.as_str(), "it is not UTF-8"))?;
        Checkpoint::read(&note).map(Some).map_err(|bad| file(name.as_str(), bad.to_string()))
    }

    /// The keys that the store says sign, one a line. Nothing vouches for them.
    ///
    /// # Errors
    /// [`LedgerError`].
    pub async fn published_keys(&self) -> Result<String, LedgerError> {
        let found = self.store.read(KEY.into()).await?.ok_or_else(|| file(KEY, "it is missing"))?;
        String::from_utf8(found.bytes).map_err(|_| file(KEY, "it is not UTF-8"))
    }

    /// The index of the entry of `hour`, and the size of the checkpoint that was kept then, as far as the store says;
    /// nothing vouches for it.
    ///
    /// # Errors
    /// [`LedgerError`].
    pub async fn hour(&self, hour: Hour) -> Result<Option<(u64, u64)>, LedgerError> {
        Ok(match self.hour_mark(hour).await? {
            FoundMark::Names { index, size } => Some((index, size)),
            FoundMark::Missing | FoundMark::Unreadable => None,
        })
    }

    /// The mark of `hour`, as the store has it.
    ///
    /// # Errors
    /// [`LedgerError`].
    pub async fn hour_mark(&self, hour: Hour) -> Result<FoundMark, LedgerError> {
        let Some(found) = self.store.read(HourMark(hour).name()).await? else { return Ok(FoundMark::Missing) };
        let named = HourMark::read(&found.bytes);
        Ok(named.map_or(FoundMark::Unreadable, |(index, size)| FoundMark::Names { index, size }))
    }

    /// A checkpoint that was kept, whoever signed it; none where none is.
    ///
    /// # Errors
    /// [`LedgerError`].
    pub async fn kept(&self, size: u64) -> Result<Option<Checkpoint>, LedgerError> {
        self.checkpoint_in(kept_checkpoint(size)).await
    }

    /// A tile of a tree. A partial one may have become full since.
    async fn tile(&self, tile: Tile) -> Result<(Tile, Vec<u8>), LedgerError> {
        let mut found = self.store.read(tile.to_string()).await?;
        if found.is_none() && !tile.is_full() {
            found = self.store.read(tile.full().to_string()).await?;
        }
        found.map(|found| (tile, found.bytes)).ok_or_else(|| file(&tile, "it is missing"))
    }

    async fn add(&self, set: &mut TileSet, needed: impl IntoIterator<Item = Tile>) -> Result<(), LedgerError> {
        let tiles: Vec<_> = needed.into_iter().map(|tile| self.tile(tile)).collect();
        let mut tiles = stream::iter(tiles).buffer_unordered(AT_ONCE);
        while let Some((tile, bytes)) = tiles.try_next().await? {
            if !set.add(tile, bytes) {
                return Err(file(&tile, "it is no tile of this width"));
            }
        }
        Ok(())
    }

    /// The proof that `head` begins with a tree of `old` leaves, unchecked.
    ///
    /// # Errors
    /// [`LedgerError`].
    pub async fn consistency(&self, old: u64, head: &TreeHead) -> Result<Vec<Node>, LedgerError> {
        let mut set = TileSet::of(head.size);
        let needed = set.needed_for_consistency(old);
        self.add(&mut set, needed).await?;
        set.consistency(old).ok_or_else(|| file("tile", format!("a tree of {} has none of {old}", head.size)))
    }

    /// Whether `head` begins with the tree `old`. Tiles that do not lead to `head` say nothing about it.
    ///
    /// # Errors
    /// [`LedgerError`], where tiles cannot be read or are not those of `head`.
    pub async fn verify_growth(&self, old: &TreeHead, head: &TreeHead) -> Result<Result<(), BadProof>, LedgerError> {
        if old.size >= head.size {
            return Ok(verify_consistency(old, head, &[]));
        }
        let mut set = TileSet::of(head.size);
        let needed = [set.needed_for_consistency(old.size), set.needed_for_root_of(old.size)];
        self.add(&mut set, needed.into_iter().flatten().collect::<BTreeSet<Tile>>()).await?;
        let made = set.consistency(old.size).zip(set.root_of(old.size));
        let (proof, root) =
            made.ok_or_else(|| file("tile", format!("a tree of {} has none of {}", head.size, old.size)))?;
        let begins = TreeHead { size: old.size, root };
        verify_consistency(&begins, head, &proof).map_err(|bad| {
            file("tile", format!("the hashes of {} leaves are not the checkpoint's: {bad}", old.size))
        })?;
        Ok(if begins == *old { Ok(()) } else { Err(BadProof::OldRoot) })
    }

    /// The proof that `entry` is the `index`-th under `checkpoint`.
    ///
    /// # Errors
    /// [`LedgerError`], also when it is not.
    pub async fn prove(&self, entry: &Entry, index: u64, checkpoint: &Checkpoint) -> Result<TlogProof, LedgerError> {
        let mut set = TileSet::of(checkpoint.head.size);
        let needed = set.needed_for_inclusion(index);
        self.add(&mut set, needed).await?;
        let hashes = set.inclusion(index).ok_or_else(|| file("tile", format!("there is no entry {index}")))?;
        verify_inclusion(&leaf_hash(&entry.to_bytes()), index, &hashes, &checkpoint.head)
            .map_err(|bad| file(&format!("entry {index}"), bad.to_string()))?;
        Ok(TlogProof { index, hashes, checkpoint: checkpoint.clone() })
    }

    /// The entries of one bundle, held against the tree's root.
    ///
    /// # Errors
    /// [`LedgerError`], also when they are not those of the tree.
    pub async fn bundle(&self, index: u64, head: &TreeHead) -> Result<RangeOfEntries, LedgerError> {
        let tile = |kind| Tile::in_tree(kind, index, head.size).ok_or_else(|| file("tile", "the tree is smaller"));
        let (entries, leaves) = (tile(TileKind::Entries)?, tile(TileKind::Hashes(0))?);
        let ((_, bytes), (_, hashes)) = tokio::try_join!(self.tile(entries), self.tile(leaves))?;
        let width = usize::from(entries.width);
        let found = bundle_entries(&bytes).filter(|found| found.len() >= width);
        let found = found.ok_or_else(|| file(&entries, "it is no bundle of this width"))?;
        let found = &found[..width];
        if !found.iter().map(|entry| leaf_hash(entry)).eq(hashes.as_chunks::<32>().0[..].iter().copied().take(width)) {
            return Err(file(&entries, "its entries are not the leaves of its tile"));
        }
        let first = index * u64::from(TILE_WIDTH);
        let mut set = TileSet::of(head.size);
        let _ = set.add(leaves, hashes);
        let needed = set.needed_for_inclusion(first);
        self.add(&mut set, needed).await?;
        let proof = set.inclusion(first).ok_or_else(|| file(&leaves, "its proof cannot be made"))?;
        verify_inclusion(&leaf_hash(found[0]), first, &proof, head).map_err(|bad| file(&leaves, bad.to_string()))?;
        // The proof of the first leaf leads over the whole tile: every other leaf of it stands in that proof.
        Ok(RangeOfEntries { first, entries: found.iter().map(|entry| Entry::read(entry)).collect() })
    }

    /// Where these entries stand, as far as they do between two indices. What it answers is no proof.
    ///
    /// # Errors
    /// [`LedgerError`].
    pub async fn find(&self, wanted: &[Entry], within: Range<u64>) -> Result<HashMap<Entry, u64>, LedgerError> {
        let mut left: HashSet<Entry> = wanted.iter().copied().collect();
        let mut found = HashMap::new();
        let width = u64::from(TILE_WIDTH);
        let tiles = (within.start / width..within.end.div_ceil(width))
            .filter_map(|index| Tile::in_tree(TileKind::Entries, index, within.end));
        let mut tiles = stream::iter(tiles.map(|tile| self.tile(tile))).buffered(AT_ONCE);
        while let Some((tile, bytes)) = tiles.try_next().await? {
            let entries = bundle_entries(&bytes).ok_or_else(|| file(&tile, "it is no bundle"))?;
            for (index, bytes) in (tile.index * width..).zip(entries).take(usize::from(tile.width)) {
                if let Some(entry) = Entry::read(bytes).filter(|entry| left.remove(entry)) {
                    found.insert(entry, index);
                }
            }
            if left.is_empty() {
                break;
            }
        }
        Ok(found)
    }

    /// The entries of a range, in order, by the bundles in which they stand, each held against the root. What else stands in the
    /// first bundle and in the last is left out.
    pub fn bundles<'a>(
        &'a self,
        entries: Range<u64>,
        head: &'a TreeHead,
    ) -> impl futures::Stream<Item = Result<RangeOfEntries, LedgerError>> + 'a {
        let width = u64::from(TILE_WIDTH);
        let bundles = entries.start / width..entries.end.min(head.size).div_ceil(width);
        let bundles = stream::iter(bundles.map(|index| self.bundle(index, head))).buffered(AT_ONCE);
        bundles.map_ok(move |bundle| bundle.within(&entries))
    }
}
