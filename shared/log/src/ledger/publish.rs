//! Publishing a round: tiles, signature, witnesses, checkpoint, in this order; then its items go. Whoever is interrupted
//! anywhere leaves a round that anybody finishes, with the same tiles and the same root.

use futures::{StreamExt, TryStreamExt, stream};
use ilock_proof::{Checkpoint, Edge, Hour, MadeTile, Note, Tile, TreeHead, checkpoint_text};

use super::error::{NotSequenced, file};
use super::round::{Round, head};
use super::sequencer::Sequencer;
use super::store::{CHECKPOINT, Found, HourMark, KEY, Published, kept_checkpoint};

const AT_ONCE: usize = 16;
/// How often a checkpoint that another writer touched is read anew.
const TRIES: usize = 5;

impl Sequencer {
    /// The published checkpoint.
    pub(super) async fn published(&self) -> Result<Option<Published>, NotSequenced> {
        let Some(Found { bytes, version }) = self.store.read(CHECKPOINT.into()).await? else { return Ok(None) };
        let read = String::from_utf8(bytes).ok().and_then(|note| Checkpoint::read(&note).ok());
        let checkpoint = read.ok_or_else(|| file(CHECKPOINT, "it is no checkpoint"))?;
        Ok(Some(Published { checkpoint, version }))
    }

    /// Publishes a round whose tiles were made, and marks it as done.
    pub(super) async fn publish(&self, round: &Round, tiles: Vec<MadeTile>) -> Result<(), NotSequenced> {
        let (old, new) = heads(round)?;
        let there = self.published().await?;
        let at = there.as_ref().map(|there| there.checkpoint.head);
        if at.is_none_or(|at| at.size < new.size) {
            if at.unwrap_or(TreeHead { size: 0, root: ilock_proof::empty_root() }) != old {
                let found = at.map_or("no checkpoint".into(), |at| format!("a checkpoint of {} entries", at.size));
                let why =
                    format!("round {} goes on from {} entries, and the store has {found}", round.number, old.size);
                return Err(NotSequenced::Forked(why));
            }
            self.write_once(tiles.into_iter().map(|(tile, bytes)| (tile.to_string(), bytes)).collect()).await?;
            let records = round.key_records.iter().map(|(name, text)| (name.clone(), text.clone().into_bytes()));
            self.write_once(records.collect()).await?;
            self.publish_keys(round).await?;
            let checkpoint = self.signed(&old, &new).await?;
            self.put_checkpoint(round, &checkpoint, there).await?;
        }
        self.clean(round).await
    }

    /// Writes files that never change. One that stands there already must be the same.
    async fn write_once(&self, files: Vec<(String, Vec<u8>)>) -> Result<(), NotSequenced> {
        let writes = files.into_iter().map(|(name, bytes)| async move {
            if self.store.create(name.clone(), bytes.clone()).await? {
                return Ok(());
            }
            match self.store.read(name.clone()).await? {
                Some(there) if there.bytes == bytes => Ok(()),
                // Another sequencer has gone on, and deleted it since.
                None => Ok(()),
                Some(_) => Err(NotSequenced::Forked(format!("{name} stands there with other bytes"))),
            }
        });
        stream::iter(writes).buffer_unordered(AT_ONCE).try_collect().await
    }

    async fn publish_keys(&self, round: &Round) -> Result<(), NotSequenced> {
        let keys = round.keys.iter().flat_map(|key| [key.as_str(), "\n"]).collect::<String>();
        let there = self.store.read(KEY.into()).await?;
        if there.as_ref().is_some_and(|there| there.bytes == keys.as_bytes()) {
            return Ok(());
        }
        let version = there.map(|there| there.version);
        if self.store.replace(KEY.into(), keys.clone().into_bytes(), version).await? {
            return Ok(());
        }
        let there = self.store.read(KEY.into()).await?;
        if there.is_some_and(|there| there.bytes == keys.as_bytes()) { Ok(()) } else { Err(NotSequenced::Overtaken) }
    }

    /// The checkpoint of `new`, signed with every key, and cosigned by the witnesses that answer in time.
    async fn signed(&self, old: &TreeHead, new: &TreeHead) -> Result<Checkpoint, NotSequenced> {
        let text = checkpoint_text(&self.origin, new);
        let mut signatures = vec![];
        for signer in &self.signers {
            signatures.push(signer.sign(text.clone()).await?);
        }
        let bad = |bad: ilock_proof::BadNote| file(CHECKPOINT, bad.to_string());
        let note = Note::new(text, signatures).map_err(bad)?;
        let mut checkpoint = Checkpoint { origin: self.origin.clone(), head: *new, note };
        for key in self.keys().await? {
            // What a witness has seen can never be taken back: better nothing than a signature that nobody can check.
            checkpoint.note.verify(&key).map_err(bad)?;
        }
        self.cosign(&mut checkpoint, old.size).await;
        Ok(checkpoint)
    }

    /// Adds the cosignatures that come in time.
    pub(super) async fn cosign(&self, checkpoint: &mut Checkpoint, before: u64) {
        if let Some(witnesses) = &self.witnesses {
            let cosignatures = witnesses.cosign(&self.reader(), checkpoint, before).await;
            checkpoint.note.add(cosignatures);
        }
    }

    async fn put_checkpoint(
        &self,
        round: &Round,
        checkpoint: &Checkpoint,
        mut there: Option<Published>,
    ) -> Result<(), NotSequenced> {
        let bytes = checkpoint.note.to_string().into_bytes();
        if let Some((hour, _)) = round.hours.last() {
            tracing::info!(hour, size = checkpoint.head.size, "an hour began in the ledger");
            // Two sequencers cosign at different times: whichever stands there is as good.
            self.store.create(kept_checkpoint(checkpoint.head.size), bytes.clone()).await?;
        }
        let size = checkpoint.head.size;
        let mark =
            |(name, index): &(String, u64)| Some((HourMark(Hour::read(name)?).name(), HourMark::bytes(*index, size)));
        let marks = round.hours.iter().filter_map(mark);
        self.write_once(marks.collect()).await?;
        for _ in 0..TRIES {
            let version = there.map(|there| there.version);
            if self.store.replace(CHECKPOINT.into(), bytes.clone(), version).await? {
                return Ok(());
            }
            there = self.published().await?;
            if there.as_ref().is_some_and(|there| there.checkpoint.head.size >= checkpoint.head.size) {
                return Ok(());
            }
        }
        Err(NotSequenced::Overtaken)
    }

    /// Deletes what a published round leaves: partial tiles that are full now, and the items that it took.
    pub(super) async fn clean(&self, round: &Round) -> Result<(), NotSequenced> {
        let (old, new) = heads(round)?;
        let full = Tile::edge(old.size)
            .into_iter()
            .filter(|tile| Tile::in_tree(tile.kind, tile.index, new.size).is_some_and(|now| now.is_full()));
        for tile in full {
            self.store.delete_below(tile.partials()).await?;
        }
        self.ledger.drop_items(&round.items()).await?;
        Ok(self.ledger.finish(round).await?)
    }

    /// The edge of a tree, as its partial tiles have it.
    pub(super) async fn edge(&self, tree: &ilock_proof::Tree) -> Result<Edge, NotSequenced> {
        let reads = Tile::edge(tree.size()).into_iter().map(|tile| async move {
            let found = self.store.read(tile.to_string()).await?;
            found.map(|found| (tile, found.bytes)).ok_or_else(|| NotSequenced::from(file(&tile, "it is missing")))
        });
        let tiles = stream::iter(reads).buffered(AT_ONCE).try_collect().await?;
        let edge = Edge::of(tree.size(), tiles).filter(|edge| edge.bundle_fits() && edge.tree().as_ref() == Some(tree));
        edge.ok_or_else(|| {
            NotSequenced::Forked(format!(
                "the partial tiles of {} entries are not those of the last round",
                tree.size()
            ))
        })
    }
}

/// The tree before and after a round.
fn heads(round: &Round) -> Result<(TreeHead, TreeHead), NotSequenced> {
    match (round.before(), round.after()) {
        (Some(before), Some(after)) => Ok((head(&before), head(&after))),
        _ => Err(NotSequenced::Forked(format!("the record of round {} does not add up", round.number))),
    }
}
