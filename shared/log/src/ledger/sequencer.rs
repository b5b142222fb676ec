//! The sequencer: gives entries their places. One at a time is enough; two do no harm.

use std::collections::BTreeSet;
use std::sync::Arc;

use ilock_env::Clock;
use ilock_proof::{ENTRY_BYTES, Edge, Entry, Hour, KeyEvent, KeyRecord, MadeTile, VerifyKey};

use super::error::{NotSequenced, file};
use super::pending::Pending;
use super::reader::LedgerReader;
use super::round::{Round, Taken, head};
use super::signer::LedgerSigner;
use super::store::{KEY, LedgerStore, Published};
use super::table::Ledger;
use super::witnesses::Witnesses;
use crate::error::LogError;

/// After a longer silence only the last so many hours are entered: a year of them.
const MOST_HOURS: usize = 366 * 24;
/// How many of them are entered in one round: a round is one item, and DynamoDB takes 400 KB.
const HOURS_A_ROUND: usize = 1_000;

/// Sequences a ledger.
#[derive(Clone)]
pub struct Sequencer {
    /// What the ledger is called; what its keys are called, too.
    pub origin: String,
    pub ledger: Ledger,
    pub store: Arc<dyn LedgerStore>,
    /// Each signs every checkpoint: while one key takes over from another, there are two.
    pub signers: Vec<Arc<dyn LedgerSigner>>,
    pub witnesses: Option<Witnesses>,
    pub clock: Clock,
}

/// What a run did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Sequenced {
    pub rounds: u64,
    /// How many entries got their places, the sequencer's own among them.
    pub entries: u64,
    /// How many there are now.
    pub size: u64,
    /// Whether fewer witnesses cosigned the last checkpoint than the policy asks for.
    pub quorum_missed: bool,
}

impl Sequencer {
    /// Finishes what another run left, and sequences all that waits, round by round, for as long as `go_on` says.
    ///
    /// # Errors
    /// [`NotSequenced`]; what was sequenced before stays so.
    pub async fn run(&self, go_on: impl Fn() -> bool + Send) -> Result<Sequenced, NotSequenced> {
        let mut at = Working::default();
        let error = match self.rounds(&mut at, go_on).await {
            Err(error @ (NotSequenced::Forked(_) | NotSequenced::Ledger(_))) => error,
            outcome => return outcome,
        };
        if !self.is_overtaken(at).await? {
            return Err(error);
        }
        tracing::info!(%error, "another sequencer went on in the meantime");
        Err(NotSequenced::Overtaken)
    }

    async fn rounds(&self, at: &mut Working, go_on: impl Fn() -> bool + Send) -> Result<Sequenced, NotSequenced> {
        let keys = self.keys().await?;
        let mut round = self.last_round(at).await?;
        let mut done = Sequenced::default();
        let mut edge = None;
        loop {
            let there = self.published().await?;
            self.compare(&round, there.as_ref(), &keys)?;
            let items = self.ledger.take().await?;
            let Some((next, tiles, grown)) = self.next(&round, items, &keys, edge.take()).await? else {
                done.size = size_after(&round);
                done.quorum_missed = self.complete_quorum(there).await?;
                return Ok(done);
            };
            if !self.ledger.begin(&next).await? {
                return Err(NotSequenced::Overtaken);
            }
            *at = Working::on(&next);
            self.publish(&next, tiles).await?;
            done = Sequenced {
                rounds: done.rounds + 1,
                entries: done.entries + grown.size() - size_after(&round),
                size: grown.size(),
                ..done
            };
            edge = Some(grown);
            round = next.finished();
            *at = Working::on(&round);
            if !go_on() {
                done.quorum_missed = self.complete_quorum(self.published().await?).await?;
                return Ok(done);
            }
        }
    }

    /// Whether another sequencer went on since this one looked: then what does not fit is no harm.
    async fn is_overtaken(&self, at: Working) -> Result<bool, NotSequenced> {
        let now = self.ledger.round().await?.map(|round| Working::on(&round)).unwrap_or_default();
        let published = self.published().await?.map(|there| there.checkpoint.head.size);
        Ok(now.number > at.number
            || now.number == at.number && now.done != at.done
            || !at.done && published.is_some_and(|size| size >= at.size))
    }

    pub(super) fn reader(&self) -> LedgerReader {
        LedgerReader::new(self.store.clone())
    }

    /// The keys that sign. Each must be called as the ledger is.
    pub(super) async fn keys(&self) -> Result<Vec<VerifyKey>, NotSequenced> {
        let mut keys = vec![];
        for signer in &self.signers {
            let key = signer.verify_key().await?;
            if key.name() != self.origin {
                return Err(NotSequenced::OtherKey { key: key.to_string(), origin: self.origin.clone() });
            }
            keys.push(key);
        }
        Ok(keys)
    }

    /// The last round, finished.
    async fn last_round(&self, at: &mut Working) -> Result<Round, NotSequenced> {
        let Some(round) = self.ledger.round().await? else {
            return Ok(Round::before_the_first(&self.origin));
        };
        *at = Working::on(&round);
        if round.origin != self.origin {
            return Err(NotSequenced::Forked(format!(
                "the table is of the ledger {}, not {}",
                round.origin, self.origin
            )));
        }
        if !round.done {
            self.finish_found(&round).await?;
        }
        let round = round.finished();
        *at = Working::on(&round);
        Ok(round)
    }

    /// Finishes a round that another run left.
    async fn finish_found(&self, round: &Round) -> Result<(), NotSequenced> {
        let broken = || NotSequenced::Forked(format!("the record of round {} does not add up", round.number));
        let (before, after) = round.before().zip(round.after()).ok_or_else(broken)?;
        let at = self.published().await?.map(|there| there.checkpoint.head);
        if at.is_some_and(|at| at.size >= after.size()) {
            return self.clean(round).await;
        }
        let keys = round.items();
        let items = self.ledger.items(&keys).await?;
        if items.len() != keys.len() {
            // Deleted by another sequencer, which has published it then; else they are lost.
            let lost = format!("round {} took {} items, and {} are left", round.number, keys.len(), items.len());
            return Err(NotSequenced::Forked(lost));
        }
        let mut edge = self.edge(&before).await?;
        let tiles = grow(&mut edge, round.own(), &items);
        if edge.tree().as_ref() != Some(&after) {
            return Err(NotSequenced::Forked(format!("what round {} took does not lead to its root", round.number)));
        }
        self.publish(round, tiles).await
    }

    /// Whether the store has what the last round published. After a restored backup it has not.
    fn compare(&self, round: &Round, there: Option<&Published>, keys: &[VerifyKey]) -> Result<(), NotSequenced> {
        let tree =
            round.after().ok_or_else(|| NotSequenced::Forked("the last round's record does not add up".into()))?;
        let Some(there) = there else {
            let why = format!("the table has a ledger of {} entries, and the store has no checkpoint", tree.size());
            return if round.number == 0 { Ok(()) } else { Err(NotSequenced::Forked(why)) };
        };
        let (checkpoint, ours) = (&there.checkpoint, head(&tree));
        if checkpoint.head.size > ours.size && round.number > 0 {
            let now = format!(
                "the store's checkpoint has {} entries, the table's last round {}",
                checkpoint.head.size, ours.size
            );
            return Err(NotSequenced::Forked(now));
        }
        if checkpoint.head != ours || checkpoint.origin != self.origin {
            let why = format!(
                "the store's checkpoint ({}, {} entries) is not the last round's",
                checkpoint.origin, checkpoint.head.size
            );
            return Err(NotSequenced::Forked(why));
        }
        // A key that has just begun did not sign the last one: the record knows which keys signed then. A round that was left
        // unfinished is signed by today's.
        let then = round.keys.iter().filter_map(|key| VerifyKey::read(key).ok());
        let known: Vec<VerifyKey> = then.chain(keys.iter().cloned()).collect();
        checkpoint.verify(&known).map_err(|bad| file("checkpoint", bad.to_string()).into())
    }

    /// The round after `round`, its tiles, and the edge that it leads to; none when there is nothing to sequence.
    async fn next(
        &self,
        round: &Round,
        items: Vec<Pending>,
        keys: &[VerifyKey],
        edge: Option<Edge>,
    ) -> Result<Option<(Round, Vec<MadeTile>, Edge)>, NotSequenced> {
        let before =
            round.after().ok_or_else(|| NotSequenced::Forked("the last round's record does not add up".into()))?;
        let own = self.own(round, keys, before.size())?;
        // What waits stands behind the hour in which it is entered.
        let items = if own.is_behind { vec![] } else { items };
        if items.is_empty() && own.entries.is_empty() {
            return Ok(None);
        }
        let mut edge = match edge {
            Some(edge) => edge,
            None => self.edge(&before).await?,
        };
        let tiles = grow(&mut edge, own.entries.chunks_exact(ENTRY_BYTES), &items);
        let after = edge.tree().ok_or_else(|| NotSequenced::Forked("the new tree does not add up".into()))?;
        let items = items.into_iter().map(|item| item.key).collect();
        let mut next = round.next(Taken { before, after, items, own: own.entries });
        (next.hours, next.key_records) = (own.hours, own.key_records);
        next.hour = own.hour.map(|hour| hour.to_string()).or(next.hour);
        next.keys = keys.iter().map(ToString::to_string).collect();
        Ok(Some((next, tiles, edge)))
    }

    /// The sequencer's own entries: keys that began or ended, and hours that began.
    fn own(&self, round: &Round, keys: &[VerifyKey], size: u64) -> Result<Own, NotSequenced> {
        let now = self.clock.now();
        let mut own = Own::default();
        let ours: BTreeSet<String> = keys.iter().map(ToString::to_string).collect();
        let ended = round.keys.difference(&ours).map(|key| (key, KeyEvent::Ended));
        for (key, event) in ended.chain(ours.difference(&round.keys).map(|key| (key, KeyEvent::Began))) {
            let key = VerifyKey::read(key).map_err(|bad| file(KEY, bad.to_string()))?;
            let record = KeyRecord::new(&key, event, now);
            let failed = |error: serde_json::Error| LogError::Item { key: KEY.into(), source: error.into() };
            let (name, bytes) = record.file().map_err(failed)?;
            own.key_records.push((name, String::from_utf8_lossy(&bytes).into_owned()));
            own.entries.extend(record.entry().map_err(failed)?.to_bytes());
        }
        let now = Hour::of(now);
        let mut hours: Vec<Hour> = std::iter::successors(Some(now), |hour| Some(hour.before()))
            .take_while(|hour| round.last_hour().is_none_or(|last| *hour > last))
            .take(if round.last_hour().is_some() { MOST_HOURS } else { 1 })
            .collect();
        hours.reverse();
        own.is_behind = hours.len() > HOURS_A_ROUND;
        hours.truncate(HOURS_A_ROUND);
        for hour in hours {
            let index = size + (own.entries.len() / ENTRY_BYTES) as u64;
            own.hours.push((hour.to_string(), index));
            own.entries.extend(Entry::of_hour(hour).to_bytes());
            own.hour = Some(hour);
        }
        Ok(own)
    }

    /// Asks the witnesses again for a checkpoint that too few have cosigned; whether that is still so.
    async fn complete_quorum(&self, there: Option<Published>) -> Result<bool, NotSequenced> {
        let (Some(witnesses), Some(Published { mut checkpoint, version })) = (&self.witnesses, there) else {
            return Ok(false);
        };
        if witnesses.policy.verify(&checkpoint).is_ok() {
            return Ok(false);
        }
        let before = checkpoint.note.signatures().len();
        let size = checkpoint.head.size;
        self.cosign(&mut checkpoint, size).await;
        if checkpoint.note.signatures().len() > before {
            let bytes = checkpoint.note.to_string().into_bytes();
            self.store.replace(super::store::CHECKPOINT.into(), bytes, Some(version)).await?;
        }
        Ok(witnesses.policy.verify(&checkpoint).is_err())
    }
}

/// Which round a run works on.
#[derive(Debug, Clone, Copy)]
struct Working {
    number: u64,
    done: bool,
    size: u64,
}

impl Default for Working {
    fn default() -> Self {
        Self { number: 0, done: true, size: 0 }
    }
}

impl Working {
    fn on(round: &Round) -> Self {
        Self { number: round.number, done: round.done, size: size_after(round) }
    }
}

fn size_after(round: &Round) -> u64 {
    round.after().map(|tree| tree.size()).unwrap_or_default()
}

/// What a round has of the sequencer's own.
#[derive(Default)]
struct Own {
    entries: Vec<u8>,
    hours: Vec<(String, u64)>,
    /// Whether hours that began are left for the next round.
    is_behind: bool,
    key_records: Vec<(String, String)>,
    hour: Option<Hour>,
}

/// Lets the tree grow, and answers every tile that comes of it.
fn grow<'a>(edge: &mut Edge, own: impl Iterator<Item = &'a [u8]>, items: &'a [Pending]) -> Vec<MadeTile> {
    let mut tiles = vec![];
    let entries = own.chain(items.iter().flat_map(|item| item.entries.chunks_exact(ENTRY_BYTES)));
    entries.for_each(|entry| edge.push(entry, &mut tiles));
    tiles.extend(edge.partials());
    tiles
}
