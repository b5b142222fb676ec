//! A day of three calls, entered and sealed; and what is found when somebody was at it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that cannot go on has failed")]

use std::collections::BTreeMap;

use ilock_audit::Kind;
use ilock_audit::verify::{DayJudged, OfLog, SealedHour, judge_day};
use ilock_events::{CallId, Commit, LedgerEntry, Millis};
use ilock_proof::{Bundle, Checkpoint, Day, Head, Hour, SignKey, Tree, chain_of, digest, entry_after};

const SAMPLE: &str = include_str!("../../events/samples/stored.commit.place.json");

/// Commits made so many ms after midnight, of so many calls, two each.
struct Made {
    day: Day,
    log: OfLog,
    ledger: BTreeMap<String, Vec<LedgerEntry>>,
    hours: BTreeMap<Hour, SealedHour>,
    key: SignKey,
}

fn signed(checkpoint: &Checkpoint, key: &SignKey) -> String {
    key.sign(&checkpoint.text(key.verify_key().name())).unwrap()
}

fn commit(call: u32, n: u32, at: Millis) -> Commit {
    let mut commit: Commit = serde_json::from_str(SAMPLE).unwrap();
    commit.call_id = CallId::new(format!("call_device123_user456_{call}")).unwrap();
    commit.n = ilock_events::CommitNo(n);
    commit.at = at;
    commit.hash = digest(format!("{call} {n} {at}").as_bytes());
    commit
}

impl Made {
    /// Three calls at 10:30, 10:40 and 12:10, all hours sealed but those in which nothing happened, which are too.
    fn new() -> Self {
        let day: Day = "2026-11-22".parse().unwrap();
        let mut made = Self {
            log: OfLog::new(),
            ledger: BTreeMap::new(),
            hours: BTreeMap::new(),
            key: SignKey::new("ilock.example/ledger", &[7; 32]).unwrap(),
            day,
        };
        let minute = |minutes: i64| made.day.begins().plus(minutes * 60_000);
        let commits: Vec<Commit> = [(1, 630), (2, 640), (3, 730)]
            .into_iter()
            .flat_map(|(call, at)| [commit(call, 1, minute(at)), commit(call, 2, minute(at + 1))])
            .collect();
        for commit in &commits {
            made.commits(commit);
            made.enters(commit);
        }
        made.seals();
        made
    }

    fn commits(&mut self, commit: &Commit) {
        self.log.insert((commit.call_id.clone(), commit.n.0), (commit.hash.clone(), commit.at));
    }

    fn enters(&mut self, commit: &Commit) {
        let chain = self.ledger.entry(chain_of(commit)).or_default();
        let head = chain.last().map_or_else(|| Head::of_empty(&chain_of(commit)), Head::of);
        chain.push(entry_after(&head, commit).unwrap());
    }

    /// Every hour from the one before the day to two after it.
    fn seals(&mut self) {
        let (mut tree, mut sealed, mut previous) = (Tree::default(), BTreeMap::new(), None);
        let first = Hour::of(self.day.begins()).before();
        for hour in std::iter::successors(Some(first), |hour| Some(hour.next())).take(27) {
            let mut bundle = Bundle { hour, before: tree, sealed, entries: vec![] };
            for (chain, entries) in &self.ledger {
                let after = bundle.sealed.get(chain).copied().unwrap_or_default();
                let entered = entries.iter().filter(|entry| {
                    let (_, at) = &self.log[&(entry.call_id.clone(), entry.n.0)];
                    entry.seq > after && Hour::of(*at) <= hour
                });
                bundle.entries.extend(entered.cloned());
            }
            tree = bundle.after();
            sealed = bundle.sealed_after();
            let note = signed(&Checkpoint::of(&tree, hour, previous), &self.key);
            previous = Some(digest(note.as_bytes()));
            self.hours.insert(hour, SealedHour { checkpoint: Some(note), bundle: Some(bundle.write().unwrap()) });
        }
    }

    fn judged(&self) -> DayJudged {
        let now = self.day.begins().plus(40 * 3_600_000);
        judge_day(&self.day, now, &self.log, &self.ledger, Some((self.key.verify_key(), &self.hours)))
    }

    fn found(&self) -> Vec<(Kind, Option<String>, Option<u32>)> {
        self.judged().findings.into_iter().map(|finding| (finding.kind, finding.call_id, finding.n)).collect()
    }

    fn hour(&mut self, hour: i64) -> &mut SealedHour {
        let hour = Hour::of(self.day.begins().plus(hour * 3_600_000));
        self.hours.get_mut(&hour).unwrap()
    }
}

fn call(call: u32) -> CallId {
    CallId::new(format!("call_device123_user456_{call}")).unwrap()
}

#[test]
fn an_untouched_day_has_no_finding_and_every_hour_of_it_was_looked_at() {
    let judged = Made::new().judged();
    assert_eq!(judged.findings, []);
    assert_eq!((judged.commits, judged.entries, judged.checkpoints), (6, 6, 27));
}

#[test]
fn a_whole_call_that_vanished_from_the_log_is_found() {
    let mut made = Made::new();
    made.log.retain(|(id, _), _| *id != call(2));
    assert_eq!(made.found(), [(Kind::Missing, Some(call(2).to_string()), None)]);
}

#[test]
fn one_commit_that_vanished_or_was_changed_or_slipped_in_is_found() {
    let mut made = Made::new();
    made.log.remove(&(call(1), 2));
    assert_eq!(made.found(), [(Kind::Missing, Some(call(1).to_string()), Some(2))]);

    let mut made = Made::new();
    made.log.get_mut(&(call(1), 2)).unwrap().0 = digest(b"other");
    assert_eq!(made.found(), [(Kind::Changed, Some(call(1).to_string()), Some(2))]);

    let mut made = Made::new();
    made.commits(&commit(9, 1, made.day.begins().plus(3_600_000)));
    assert_eq!(made.found(), [(Kind::NotEntered, Some(call(9).to_string()), Some(1))]);
}

#[test]
fn a_commit_of_this_moment_may_still_be_on_its_way() {
    let mut made = Made::new();
    let now = made.day.begins().plus(20 * 3_600_000);
    made.commits(&commit(9, 1, now.plus(-60_000)));
    let judged = judge_day(&made.day, now, &made.log, &made.ledger, None);
    assert_eq!(judged.findings, []);
}

#[test]
fn log_and_ledger_that_were_forged_together_do_not_fit_what_was_sealed() {
    let mut made = Made::new();
    made.log.retain(|(id, _), _| *id != call(1));
    let kept: Vec<LedgerEntry> = std::mem::take(&mut made.ledger).into_values().flatten().collect();
    for entry in kept.iter().filter(|entry| entry.call_id != call(1)) {
        let (_, at) = made.log[&(entry.call_id.clone(), entry.n.0)].clone();
        let mut again = commit(0, entry.n.0, at);
        (again.call_id, again.hash) = (entry.call_id.clone(), entry.commit.clone());
        made.enters(&again);
    }
    // Without the seals nothing is to be seen of it.
    let now = made.day.begins().plus(40 * 3_600_000);
    assert_eq!(judge_day(&made.day, now, &made.log, &made.ledger, None).findings, []);
    let found = made.found();
    assert!(found.len() >= 2, "{found:?}");
    assert!(found.iter().all(|(kind, ..)| [Kind::Changed, Kind::Missing].contains(kind)), "{found:?}");
    assert!(found.iter().any(|(_, id, _)| *id == Some(call(1).to_string())), "{found:?}");
}

#[test]
fn a_call_that_was_made_up_later_was_entered_after_its_day_was_sealed() {
    let mut made = Made::new();
    let made_up = commit(9, 1, made.day.begins().plus(3_600_000));
    made.commits(&made_up);
    made.enters(&made_up);
    assert_eq!(made.found(), [(Kind::OutOfOrder, Some(call(9).to_string()), Some(1))]);
}

#[test]
fn a_chain_with_a_gap_a_changed_entry_or_a_second_one_for_a_commit_is_found() {
    let longest = |made: &Made| made.ledger.iter().max_by_key(|(_, chain)| chain.len()).unwrap().0.clone();
    let kinds = |made: &Made| -> Vec<Kind> { made.found().into_iter().map(|(kind, ..)| kind).collect() };

    let mut made = Made::new();
    let chain = longest(&made);
    made.ledger.get_mut(&chain).unwrap().remove(0);
    assert!(kinds(&made).contains(&Kind::Missing) && kinds(&made).contains(&Kind::NotEntered), "{:?}", made.found());

    let mut made = Made::new();
    made.ledger.get_mut(&chain).unwrap()[1].tenant = ilock_events::TenantId::new("other").unwrap();
    assert_eq!(kinds(&made), [Kind::Changed, Kind::Changed], "its hash, and what was sealed");

    let mut made = Made::new();
    let twice = made.ledger[&chain][0].clone();
    let mut again = commit(0, twice.n.0, made.log[&(twice.call_id.clone(), twice.n.0)].1);
    (again.call_id, again.hash) = (twice.call_id, twice.commit);
    made.enters(&again);
    assert_eq!(kinds(&made), [Kind::Forked, Kind::OutOfOrder], "a second one, that nobody sealed");
}

#[test]
fn a_checkpoint_or_bundle_that_is_missing_changed_or_misplaced_is_found() {
    let kinds = |made: &Made| -> Vec<Kind> { made.found().into_iter().map(|(kind, ..)| kind).collect() };
    let mut made = Made::new();
    *made.hour(3) = SealedHour::default();
    assert_eq!(kinds(&made), [Kind::Missing], "an hour in which nothing happened");

    let mut made = Made::new();
    made.hour(10).bundle = None;
    let found = made.judged().findings;
    assert!(found.iter().all(|finding| finding.kind == Kind::Missing) && found.len() == 1, "{found:?}");

    let mut made = Made::new();
    let changed = made.hour(12).checkpoint.as_ref().unwrap().replacen("hour", "Hour", 1);
    made.hour(12).checkpoint = Some(changed);
    assert_eq!(kinds(&made), [Kind::Changed]);

    let mut made = Made::new();
    let other = made.hour(5).clone();
    *made.hour(6) = other;
    assert_eq!(kinds(&made), [Kind::OutOfOrder]);

    // A bundle from which a line was taken does not add up to its checkpoint, nor does the next begin where it ends.
    let mut made = Made::new();
    let text = String::from_utf8(made.hour(10).bundle.clone().unwrap()).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    made.hour(10).bundle = Some(lines[..lines.len() - 1].join("\n").into_bytes());
    assert_eq!(kinds(&made), [Kind::Changed, Kind::Forked, Kind::OutOfOrder]);

    let mut made = Made::new();
    made.hour(10).bundle = Some(b"{".to_vec());
    assert_eq!(kinds(&made), [Kind::Unreadable]);

    // Signed anew, with another key, all of it.
    let mut made = Made::new();
    let trusted = std::mem::replace(&mut made.key, SignKey::new("ilock.example/ledger", &[8; 32]).unwrap());
    made.seals();
    made.key = trusted;
    assert_eq!(kinds(&made).len(), 27);
    assert!(kinds(&made).iter().all(|kind| *kind == Kind::Changed));
}

#[test]
fn before_the_first_checkpoint_of_all_none_is_missed_and_a_day_without_any_misses_each() {
    let mut made = Made::new();
    made.hours.clear();
    assert_eq!(made.found().len(), 24);
    // The ledger began at nine.
    let (mut tree, mut previous) = (Tree::default(), None);
    let all: Vec<LedgerEntry> = made.ledger.values().flatten().cloned().collect();
    for (at, hour) in Hour::of_day(&made.day)
        .chain([24, 25].map(|hour: i64| Hour::of(made.day.begins().plus(hour * 3_600_000))))
        .enumerate()
        .skip(9)
    {
        let entries = if at == 13 { all.clone() } else { vec![] };
        let bundle = Bundle { hour, before: tree, sealed: BTreeMap::new(), entries };
        tree = bundle.after();
        let note = signed(&Checkpoint::of(&tree, hour, previous), &made.key);
        previous = Some(digest(note.as_bytes()));
        made.hours.insert(hour, SealedHour { checkpoint: Some(note), bundle: Some(bundle.write().unwrap()) });
    }
    assert_eq!(made.found(), [], "none of the hours before");
    // But one that follows another says that there was one.
    let first = Hour::of(made.day.begins().plus(9 * 3_600_000));
    made.hours.remove(&first);
    assert_eq!(made.judged().findings.iter().filter(|finding| finding.kind == Kind::Missing).count(), 10);
}
