//! A day of the log, held against the ledger, and the ledger against the checkpoints.

use std::collections::{BTreeMap, BTreeSet};

use ilock_events::{CallId, Hash, LedgerEntry, Millis};
use ilock_proof::{Bundle, Checkpoint, Day, Head, Hour, Tree, VerifyKey, bucket, chains_of, digest, entry_hash};

use crate::finding::{Finding, Kind};

/// How long a commit may take into the ledger, and an hour to be sealed, in ms.
const GRACE: i64 = 10 * 60 * 1000;

/// For how many hours after a day's end late entries are still sealed.
const LATE_HOURS: i64 = 2;

/// The commits of a day that the log has: call and number, with the hash, and when it was made.
pub type OfLog = BTreeMap<(CallId, u32), (Hash, Millis)>;

/// What was kept of an hour, as it was found.
#[derive(Debug, Clone, Default)]
pub struct SealedHour {
    /// The checkpoint, a signed note.
    pub checkpoint: Option<String>,
    /// The bundle.
    pub bundle: Option<Vec<u8>>,
}

/// What was found, and in how much.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DayJudged {
    /// What is wrong.
    pub findings: Vec<Finding>,
    /// Commits of the day in the log.
    pub commits: u64,
    /// Entries of the day in the ledger.
    pub entries: u64,
    /// Checkpoints that were checked.
    pub checkpoints: u64,
}

/// Judges `day` at `now`: `log` against `ledger` (each chain's entries as they are stored), and that against what
/// `hours` has. Without a `key` the checkpoints are not looked at.
#[must_use]
pub fn judge_day(
    day: &Day,
    now: Millis,
    log: &OfLog,
    ledger: &BTreeMap<String, Vec<LedgerEntry>>,
    key: Option<(&VerifyKey, &BTreeMap<Hour, SealedHour>)>,
) -> DayJudged {
    let mut judged = DayJudged { commits: log.len() as u64, ..DayJudged::default() };
    for chain in chains_of(day) {
        judged.chain(&chain, ledger.get(&chain).map_or(&[], Vec::as_slice));
    }
    judged.log_against_ledger(now, log, ledger);
    if let Some((key, hours)) = key {
        judged.seals(day, now, ledger, key, hours);
    }
    judged
}

fn of(entry: &LedgerEntry, kind: Kind, why: impl Into<String>) -> Finding {
    let call_id = Some(entry.call_id.to_string());
    Finding { call_id, ..Finding::at(kind, entry.n.0, why) }
}

impl DayJudged {
    /// That a chain has no gap, and every entry its hash and its place.
    fn chain(&mut self, chain: &str, entries: &[LedgerEntry]) {
        self.entries += entries.len() as u64;
        let mut head = Head::of_empty(chain);
        let mut seen = BTreeSet::new();
        for entry in entries {
            let name = format!("entry {} of {chain}", entry.seq);
            if entry.seq != head.seq + 1 {
                let why = format!("after entry {} of {chain} comes {}", head.seq, entry.seq);
                self.findings.push(Finding::new(Kind::Missing, why));
            } else if entry.prev != head.hash {
                self.findings.push(of(entry, Kind::Forked, format!("{name} does not follow the one before it")));
            }
            if entry_hash(entry).ok().as_ref() != Some(&entry.hash) {
                self.findings.push(of(entry, Kind::Changed, format!("{name} does not have its hash")));
            }
            if !chain.ends_with(&format!("#{}", bucket(&entry.call_id))) {
                self.findings.push(of(entry, Kind::OutOfOrder, format!("{name} is of a call of another chain")));
            }
            if !seen.insert((&entry.call_id, entry.n)) {
                self.findings.push(of(entry, Kind::Forked, format!("{name} enters its commit a second time")));
            }
            head = Head::of(entry);
        }
    }

    fn log_against_ledger(&mut self, now: Millis, log: &OfLog, ledger: &BTreeMap<String, Vec<LedgerEntry>>) {
        let mut entered = BTreeSet::new();
        let mut vanished: BTreeSet<&CallId> = BTreeSet::new();
        for entry in ledger.values().flatten() {
            let place = (entry.call_id.clone(), entry.n.0);
            match log.get(&place) {
                Some((hash, _)) if *hash == entry.commit => {}
                Some(_) => self.findings.push(of(entry, Kind::Changed, "its hash is not the one that was entered")),
                None if log.range((entry.call_id.clone(), 0)..=(entry.call_id.clone(), u32::MAX)).next().is_some() => {
                    self.findings.push(of(entry, Kind::Missing, "it was entered, and is not in the log any more"));
                }
                None => {
                    vanished.insert(&entry.call_id);
                }
            }
            entered.insert(place);
        }
        for call_id in vanished {
            let why = "the whole call was entered on this day, and is not in the log any more";
            self.findings.push(Finding { call_id: Some(call_id.to_string()), ..Finding::new(Kind::Missing, why) });
        }
        for ((call_id, n), (_, at)) in log {
            if !entered.contains(&(call_id.clone(), *n)) && now.since(*at) > GRACE {
                let found = Finding::at(Kind::NotEntered, *n, "it is in the log, and was never entered");
                self.findings.push(Finding { call_id: Some(call_id.to_string()), ..found });
            }
        }
    }

    /// That every hour has its checkpoint, each follows the one before and fits its bundle; and that the ledger is what
    /// was sealed.
    fn seals(
        &mut self,
        day: &Day,
        now: Millis,
        ledger: &BTreeMap<String, Vec<LedgerEntry>>,
        key: &VerifyKey,
        hours: &BTreeMap<Hour, SealedHour>,
    ) {
        let first = Hour::of(day.begins());
        let mut last = Last::None;
        let mut sealed: BTreeMap<(String, u64), LedgerEntry> = BTreeMap::new();
        let mut all_sealed = true;
        let late = (0..LATE_HOURS).scan(Hour::of_day(day).last().unwrap_or(first), |hour, _| {
            *hour = hour.next();
            Some(*hour)
        });
        let wanted = [first.before()].into_iter().chain(Hour::of_day(day)).chain(late);
        for hour in wanted {
            let of_day = hour.day() == *day;
            let due = now.since(hour.ends()) > GRACE;
            let found = hours.get(&hour).cloned().unwrap_or_default();
            let (checkpoint, bundle) = match self.hour(hour, &found, key) {
                Read::Nothing if due => {
                    all_sealed = false;
                    match last {
                        // Before the first of all there is none.
                        Last::None => last = Last::Unknown(vec![hour]),
                        Last::Unknown(ref mut hours) => hours.push(hour),
                        Last::Is(..) | Last::Lost if of_day => self.no_checkpoint(hour),
                        Last::Is(..) | Last::Lost => {}
                    }
                    if matches!(last, Last::Is(..)) {
                        last = Last::Lost;
                    }
                    continue;
                }
                Read::Nothing => {
                    all_sealed = false;
                    continue;
                }
                Read::Wrong => {
                    all_sealed = false;
                    last = Last::Lost;
                    continue;
                }
                Read::Both(checkpoint, bundle) => (checkpoint, bundle),
            };
            self.follows(hour, &last, &checkpoint, &bundle, day);
            let note = found.checkpoint.unwrap_or_default();
            last = Last::Is(digest(note.as_bytes()), bundle.after());
            let entries = bundle.entries.into_iter().filter(|entry| entry.chain.starts_with(day.as_str()));
            sealed.extend(entries.map(|entry| ((entry.chain.clone(), entry.seq), entry)));
        }
        if let Last::Unknown(missing) = last {
            missing.into_iter().filter(|hour| hour.day() == *day).for_each(|hour| self.no_checkpoint(hour));
        }
        self.ledger_against_sealed(ledger, &sealed, all_sealed);
    }

    fn no_checkpoint(&mut self, hour: Hour) {
        self.findings.push(Finding::new(Kind::Missing, format!("the hour {hour} has no checkpoint")));
    }

    fn hour(&mut self, hour: Hour, found: &SealedHour, key: &VerifyKey) -> Read {
        let Some(note) = &found.checkpoint else { return Read::Nothing };
        self.checkpoints += 1;
        let checkpoint = match Checkpoint::open(note, key) {
            Ok(checkpoint) => checkpoint,
            Err(bad) => return self.wrong(Kind::Changed, format!("the checkpoint of {hour}: {bad}")),
        };
        if checkpoint.hour != hour {
            let why = format!("in the place of the checkpoint of {hour} stands that of {}", checkpoint.hour);
            return self.wrong(Kind::OutOfOrder, why);
        }
        let Some(bundle) = &found.bundle else {
            return self.wrong(Kind::Missing, format!("the bundle of {hour} is missing"));
        };
        match Bundle::read(bundle) {
            Ok(bundle) if bundle.hour == hour => Read::Both(checkpoint, bundle),
            Ok(other) => self
                .wrong(Kind::OutOfOrder, format!("in the place of the bundle of {hour} stands that of {}", other.hour)),
            Err(why) => self.wrong(Kind::Unreadable, format!("the bundle of {hour}: {why}")),
        }
    }

    fn wrong(&mut self, kind: Kind, why: String) -> Read {
        self.findings.push(Finding::new(kind, why));
        Read::Wrong
    }

    fn follows(&mut self, hour: Hour, last: &Last, checkpoint: &Checkpoint, bundle: &Bundle, day: &Day) {
        let after = bundle.after();
        if (after.size(), after.root()) != (checkpoint.size, checkpoint.root) {
            let why = format!("the bundle of {hour} does not add up to its checkpoint's root");
            self.findings.push(Finding::new(Kind::Changed, why));
        }
        match last {
            Last::Is(note, tree) => {
                if checkpoint.previous.as_ref() != Some(note) {
                    let why = format!("the checkpoint of {hour} does not follow the one of the hour before");
                    self.findings.push(Finding::new(Kind::Forked, why));
                }
                if (tree.size(), tree.root()) != (bundle.before.size(), bundle.before.root()) {
                    let why = format!("the bundle of {hour} does not begin where the one before ended");
                    self.findings.push(Finding::new(Kind::Forked, why));
                }
            }
            // A checkpoint that follows another one shows that there was one.
            Last::Unknown(missing) if checkpoint.previous.is_some() => {
                missing.iter().filter(|missing| missing.day() == *day).for_each(|missing| self.no_checkpoint(*missing));
            }
            Last::None | Last::Unknown(_) | Last::Lost => {}
        }
    }

    fn ledger_against_sealed(
        &mut self,
        ledger: &BTreeMap<String, Vec<LedgerEntry>>,
        sealed: &BTreeMap<(String, u64), LedgerEntry>,
        all_sealed: bool,
    ) {
        let stored: BTreeMap<(String, u64), &LedgerEntry> =
            ledger.values().flatten().map(|entry| ((entry.chain.clone(), entry.seq), entry)).collect();
        for (place, entry) in sealed {
            match stored.get(place) {
                Some(stored) if *stored == entry => {}
                Some(_) => {
                    let why = format!("entry {} of {} is not the one that was sealed", entry.seq, entry.chain);
                    self.findings.push(of(entry, Kind::Changed, why));
                }
                None => {
                    let why = format!("entry {} of {} was sealed, and is not there any more", entry.seq, entry.chain);
                    self.findings.push(of(entry, Kind::Missing, why));
                }
            }
        }
        for (place, entry) in stored.iter().filter(|_| all_sealed) {
            if !sealed.contains_key(place) {
                let why = format!("entry {} of {} was entered after its day was sealed", entry.seq, entry.chain);
                self.findings.push(of(entry, Kind::OutOfOrder, why));
            }
        }
    }
}

/// What was read of an hour.
enum Read {
    Nothing,
    /// Said already.
    Wrong,
    Both(Checkpoint, Bundle),
}

/// The checkpoint before.
enum Last {
    /// None was looked for yet.
    None,
    /// None was found, in these hours.
    Unknown(Vec<Hour>),
    /// There was one, and what stood after it is wrong or missing.
    Lost,
    /// This one: its digest, and its tree.
    Is(Hash, Tree),
}
