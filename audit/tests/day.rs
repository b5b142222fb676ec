//! A day of the log against the ledger: what an insider could do, and what is found.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that cannot go on has failed")]

use ilock_audit::Kind;
use ilock_audit::verify::{DayAccess, DayJudge, DayJudged, end_of_entries};
use ilock_events::{Millis, TenantId};
use ilock_proof::{Day, Entry, EntryKind, Hour, StoredCall, access_digest, canonical, digest};
use serde_json::{Value, json};

const HOUR: i64 = 3_600_000;
const MINUTE: i64 = 60_000;

/// A log, and the ledger that it was entered into.
struct Made {
    day: Day,
    calls: Vec<StoredCall>,
    ledger: Vec<Entry>,
}

fn call_id(number: usize) -> String {
    format!("call_door1_user1_{number}")
}

/// A commit with its hash, as far as the ledger looks at it.
fn commit(call: &str, n: u64, at: Millis) -> Value {
    let mut commit = json!({ "call_id": call, "n": n, "at": at.0, "state": "ringing" });
    commit["hash"] = digest(&canonical(&commit).unwrap()).into();
    commit
}

impl Made {
    /// Ten calls of two commits and a receipt, one every hour from 08:30 on; sequenced a minute later.
    fn new() -> Self {
        let day: Day = "2026-11-22".parse().unwrap();
        let mut made = Self { day: day.clone(), calls: vec![], ledger: vec![] };
        let begins = day.begins();
        for hour in -1..30 {
            made.ledger.push(Entry::of_hour(Hour::of(begins.plus(hour * HOUR))));
            if (8..18).contains(&hour) {
                let id = call_id(made.calls.len());
                let at = begins.plus(hour * HOUR + 30 * MINUTE);
                let call = StoredCall {
                    commits: vec![commit(&id, 1, at), commit(&id, 2, at.plus(9_000))],
                    receipts: vec![json!({ "n": 1, "path": "fast", "at": at.0 + 60, "notices": {} })],
                    call_id: id,
                    ..StoredCall::default()
                };
                made.ledger.extend(call.entries());
                made.calls.push(call);
            }
        }
        made
    }

    fn judged_at(&self, now: Millis) -> DayJudged {
        let mut judge = DayJudge::new(self.day.clone(), now);
        (0..).zip(&self.ledger).for_each(|(index, entry)| judge.entry(index, Some(*entry)));
        self.calls.iter().for_each(|call| judge.call(call));
        judge.finish(Some(Hour::of(self.day.begins().plus(-HOUR))))
    }

    fn judged(&self) -> DayJudged {
        self.judged_at(self.day.begins().plus(40 * HOUR))
    }

    fn found(&self) -> Vec<(Kind, Option<String>, Option<u32>)> {
        self.judged().findings.into_iter().map(|finding| (finding.kind, finding.call_id, finding.n)).collect()
    }

    fn kinds(&self) -> Vec<Kind> {
        self.judged().findings.into_iter().map(|finding| finding.kind).collect()
    }

    fn enters(&mut self, call: &StoredCall) {
        self.ledger.extend(call.entries());
    }
}

#[test]
fn an_untouched_day_has_no_findings_and_is_counted() {
    let made = Made::new();
    let judged = made.judged();
    assert_eq!(judged.findings, []);
    assert_eq!((judged.commits, judged.items, judged.entries), (20, 10, 61));
    // Entered twice is harmless.
    let mut twice = Made::new();
    let again = twice.calls[3].clone();
    twice.enters(&again);
    assert_eq!(twice.found(), []);
}

#[test]
fn a_call_a_commit_or_a_receipt_that_was_removed_is_missing() {
    let mut made = Made::new();
    made.calls.remove(4);
    let found = made.judged().findings;
    assert!(found.len() == 1 && found[0].kind == Kind::Missing && found[0].why.contains("whole call"), "{found:?}");

    let mut made = Made::new();
    made.calls[4].commits.pop();
    assert_eq!(made.found(), [(Kind::Missing, Some(call_id(4)), Some(2))]);

    let mut made = Made::new();
    made.calls[4].receipts.clear();
    assert_eq!(made.found(), [(Kind::Missing, Some(call_id(4)), Some(1))]);
}

#[test]
fn what_was_changed_and_rehashed_is_not_what_was_entered() {
    let mut made = Made::new();
    let at = Millis(made.calls[2].commits[1]["at"].as_i64().unwrap());
    made.calls[2].commits[1] = commit(&call_id(2), 2, at.plus(1));
    assert_eq!(made.found(), [(Kind::Changed, Some(call_id(2)), Some(2))]);

    // Its hash is left as it was: what it holds counts.
    let mut made = Made::new();
    made.calls[2].commits[1]["state"] = "ended".into();
    assert_eq!(made.found(), [(Kind::Changed, Some(call_id(2)), Some(2))]);

    for (field, value) in
        [("path", json!("projector")), ("at", json!(made.calls[2].receipts[0]["at"].as_i64().unwrap() + 1))]
    {
        let mut made = Made::new();
        made.calls[2].receipts[0][field] = value;
        assert_eq!(made.found(), [(Kind::Changed, Some(call_id(2)), Some(1))], "{field}");
    }
}

#[test]
fn what_was_added_to_the_log_alone_was_never_entered_but_for_what_is_on_its_way() {
    let mut made = Made::new();
    let (early, now) = (made.day.begins().plus(9 * HOUR), made.day.begins().plus(20 * HOUR));
    made.ledger
        .retain(|entry| (21..40).all(|hour| *entry != Entry::of_hour(Hour::of(made.day.begins().plus(hour * HOUR)))));
    made.calls.push(StoredCall {
        call_id: call_id(90),
        commits: vec![commit(&call_id(90), 1, early)],
        ..StoredCall::default()
    });
    let young = now.plus(-MINUTE);
    made.calls.push(StoredCall {
        call_id: call_id(91),
        commits: vec![commit(&call_id(91), 1, young)],
        ..StoredCall::default()
    });
    let found: Vec<_> =
        made.judged_at(now).findings.into_iter().map(|finding| (finding.kind, finding.call_id)).collect();
    assert_eq!(found, [(Kind::NotEntered, Some(call_id(90)))]);
}

#[test]
fn a_call_that_was_made_up_later_with_an_earlier_date_was_entered_late() {
    let mut made = Made::new();
    let id = call_id(90);
    let call = StoredCall {
        commits: vec![commit(&id, 1, made.day.begins().plus(9 * HOUR))],
        call_id: id.clone(),
        ..StoredCall::default()
    };
    made.enters(&call);
    made.calls.push(call.clone());
    assert_eq!(made.found(), [(Kind::EnteredLate, Some(id.clone()), Some(1))]);

    // The same, entered so late that it stands behind the entries that are read for the day.
    let mut made = Made::new();
    made.calls.push(call.clone());
    let mut judge = DayJudge::new(made.day.clone(), made.day.begins().plus(90 * HOUR));
    (0..).zip(&made.ledger).for_each(|(index, entry)| judge.entry(index, Some(*entry)));
    made.calls.iter().for_each(|call| judge.call(call));
    assert!(judge.lacks());
    judge.later_entry(70, &Entry::of_hour(Hour::of(made.day.begins().plus(80 * HOUR))));
    judge.later_entry(71, &call.entries()[0]);
    assert!(!judge.lacks());
    let found = judge.finish(None).findings;
    assert!(found.len() == 1 && found[0].kind == Kind::EnteredLate, "{found:?}");
}

#[test]
fn what_a_long_ledger_lacks_of_a_long_log_is_found_in_time() {
    const MANY: u32 = 100_000;
    let made = Made::new();
    let mut judge = DayJudge::new(made.day.clone(), made.day.begins().plus(90 * HOUR));
    let mut call = made.calls[0].clone();
    let at = call.commits[0]["at"].clone();
    call.receipts = (0..MANY).map(|n| json!({ "at": at, "n": n })).collect();
    judge.call(&call);
    let begun = std::time::Instant::now();
    let entries = call.entries();
    for (index, entry) in (0..).zip(&entries) {
        // Its own, later; before that one that is nobody's.
        let others = Entry { hash: [7; 32], ..*entry };
        judge.later_entry(index, &others);
        judge.later_entry(index, &entries[entries.len() - 1 - usize::try_from(index).unwrap()]);
    }
    assert!(!judge.lacks());
    assert!(begun.elapsed().as_secs() < 30, "{:?}", begun.elapsed());
}

#[test]
fn a_call_without_its_place_in_the_day_index_is_not_overlooked() {
    // Who takes the day's key from a call hides it from the index, and so from those who are shown calls by it.
    let mut made = Made::new();
    let hidden = made.calls.remove(0);
    let mut judge = DayJudge::new(made.day.clone(), made.day.begins().plus(40 * HOUR));
    (0..).zip(&made.ledger).for_each(|(index, entry)| judge.entry(index, Some(*entry)));
    made.calls.iter().for_each(|call| judge.call(call));
    assert!(judge.unexplained());
    judge.call(&hidden);
    assert!(!judge.unexplained());
}

#[test]
fn an_hour_without_its_entry_is_missed_once_the_ledger_had_begun() {
    let mut made = Made::new();
    let hour = Hour::of(made.day.begins().plus(11 * HOUR));
    made.ledger.retain(|entry| *entry != Entry::of_hour(hour));
    assert_eq!(made.kinds(), [Kind::Missing]);
    let mut judge = DayJudge::new(made.day.clone(), made.day.begins().plus(40 * HOUR));
    (0..).zip(&made.ledger).for_each(|(index, entry)| judge.entry(index, Some(*entry)));
    made.calls.iter().for_each(|call| judge.call(call));
    assert_eq!(judge.finish(Some(hour.next())).findings, [], "before it began there was nothing to miss");
}

#[test]
fn a_day_is_over_when_the_ledger_says_that_a_later_hour_began() {
    let made = Made::new();
    let mut judge = DayJudge::new(made.day.clone(), made.day.begins().plus(40 * HOUR));
    let end = end_of_entries(&made.day);
    assert_eq!(end.to_string(), "2026-11-23T02");
    for (index, entry) in (0..).zip(&made.ledger) {
        judge.entry(index, Some(*entry));
        assert_eq!(judge.is_over(), made.ledger[..=usize::try_from(index).unwrap()].contains(&Entry::of_hour(end)));
    }
    // A ledger that began later has nothing of the day.
    let mut judge = DayJudge::new("2026-05-01".parse().unwrap(), made.day.begins());
    judge.entry(0, Some(made.ledger[0]));
    assert!(judge.is_over());
}

#[test]
fn an_entry_of_a_form_that_nobody_knows_is_named() {
    let made = Made::new();
    let mut judge = DayJudge::new(made.day.clone(), made.day.begins().plus(40 * HOUR));
    judge.entry(0, None);
    let found = judge.finish(None).findings;
    assert_eq!((found.len(), found[0].kind), (1, Kind::Unreadable));
}

#[test]
fn hours_that_do_not_go_on_are_out_of_order() {
    // Who enters a day's hours once more, behind later ones, and points there, would hide what was entered in between.
    let mut made = Made::new();
    made.ledger.push(Entry::of_hour(Hour::of(made.day.begins().plus(3 * HOUR))));
    assert_eq!(made.kinds(), [Kind::OutOfOrder]);

    // The same hour twice, and those of days before, are no others; hours that follow them are named once.
    for (again, findings) in [(29..30, 1), (-90..-60, 1), (-90..30, 1)] {
        let mut made = Made::new();
        made.ledger.extend(again.map(|hour| Entry::of_hour(Hour::of(made.day.begins().plus(hour * HOUR)))));
        assert_eq!(made.kinds(), vec![Kind::OutOfOrder; findings]);
    }
}

#[test]
fn a_call_that_a_day_was_entered_again_without_is_missing_all_the_same() {
    let mut made = Made::new();
    let gone = made.calls.remove(4);
    let again: Vec<Entry> = made.ledger.iter().copied().filter(|entry| !gone.entries().contains(entry)).collect();
    made.ledger.extend(again);
    assert_eq!(made.kinds(), [Kind::Missing, Kind::OutOfOrder]);
}

/// A mark that text was forgotten, at this time.
fn forgotten(at: Millis) -> Value {
    json!({ "digest": "ab".repeat(32), "person": { "kind": "user", "id": "user1" }, "at": at.0 })
}

#[test]
fn what_was_added_to_a_call_under_a_later_date_was_never_entered() {
    let day: Day = "2026-11-22".parse().unwrap();
    let edits: [fn(&mut StoredCall, Millis); 3] = [
        |call, at| call.forgotten.push(forgotten(at)),
        |call, at| call.receipts.push(json!({ "n": 2, "path": "projector", "at": at.0, "notices": {} })),
        |call, at| call.commits.push(commit(&call.call_id.clone(), 3, at)),
    ];
    // In the first hours of the next day, on that day, and months later.
    for later in [25 * HOUR, 30 * HOUR, 24 * 100 * HOUR] {
        for edit in edits {
            let mut made = Made::new();
            let at = day.begins().plus(later);
            edit(&mut made.calls[4], at);
            let found: Vec<_> = made.judged_at(at.plus(HOUR)).findings.into_iter().map(|found| found.kind).collect();
            assert_eq!(found, [Kind::NotEntered], "{later}");
            assert_eq!(made.judged_at(at.plus(9 * MINUTE)).findings, [], "it may still be on its way");
        }
    }
}

#[test]
fn what_happened_to_a_call_later_is_looked_for_in_the_hours_in_which_it_happened() {
    let mut made = Made::new();
    let at = made.day.begins().plus(24 * 100 * HOUR + 30 * MINUTE);
    made.calls[4].forgotten.push(forgotten(at));
    let entry = *made.calls[4].entries().last().unwrap();
    assert_eq!(entry.kind, EntryKind::Forgotten);
    let (now, hour) = (at.plus(3 * HOUR), Hour::of(at));
    let lacks = || {
        let mut judge = DayJudge::new(made.day.clone(), now);
        (0..).zip(&made.ledger).for_each(|(index, entry)| judge.entry(index, Some(*entry)));
        made.calls.iter().for_each(|call| judge.call(call));
        assert!(judge.lacks());
        judge.look_later();
        assert_eq!(judge.hours_of_later_items(), [(hour, hour.next())].into());
        judge
    };
    for (begun, found) in [(hour, vec![]), (hour.next().next().next(), vec![Kind::EnteredLate])] {
        let mut judge = lacks();
        judge.later_entry(900, &Entry::of_hour(begun));
        judge.later_entry(901, &entry);
        assert!(!judge.lacks());
        let kinds: Vec<_> = judge.finish(None).findings.into_iter().map(|finding| finding.kind).collect();
        assert_eq!(kinds, found);
    }
    // A copy of the ledger that was made before has nothing of it; one that was made after must have it.
    let mut judge = lacks();
    judge.covered_by(hour.before());
    assert!(!judge.lacks() && judge.lacking().is_empty());
    assert_eq!(judge.finish(None).findings, []);
    let mut judge = lacks();
    judge.covered_by(hour.next());
    assert_eq!(judge.finish(None).findings[0].kind, Kind::NotEntered);
}

#[test]
fn a_call_that_the_log_has_under_the_day_is_judged_with_it_whatever_it_says() {
    let made = Made::new();
    let id = call_id(90);
    let later = StoredCall {
        commits: vec![commit(&id, 1, made.day.begins().plus(30 * HOUR))],
        call_id: id.clone(),
        ..StoredCall::default()
    };
    let judged = |of_day: bool| {
        let mut judge = DayJudge::new(made.day.clone(), made.day.begins().plus(40 * HOUR));
        (0..).zip(&made.ledger).for_each(|(index, entry)| judge.entry(index, Some(*entry)));
        made.calls.iter().for_each(|call| judge.call_of_day(call));
        if of_day {
            judge.call_of_day(&later);
        } else {
            judge.call(&later);
        }
        judge.finish(None).findings.into_iter().map(|finding| finding.kind).collect::<Vec<_>>()
    };
    assert_eq!((judged(true), judged(false)), (vec![Kind::NotEntered], vec![]));
}

/// The mark of a call that was archived a hundred days later.
fn marked(call: &StoredCall) -> StoredCall {
    let at = call.commits[0]["at"].as_i64().unwrap();
    let mark = json!({
        "tenant": "default", "at": at, "commits": 2, "digest": "ab".repeat(32), "archived_at": at + 100 * 24 * HOUR,
    });
    StoredCall { archived: Some(mark), ..call.clone() }
}

#[test]
fn a_call_of_which_only_the_mark_is_left_is_not_missed_and_the_mark_is() {
    // Beside its commits, or those of the archive, the mark changes nothing on the day of the call.
    let mut made = Made::new();
    made.calls[4] = marked(&made.calls[4]);
    assert_eq!(made.found(), []);
    // What the archive has not is missed, whatever stands beside it.
    made.calls[4].receipts.clear();
    assert_eq!(made.found(), [(Kind::Missing, Some(call_id(4)), Some(1))]);
    // A call of another day, whose commits are gone: its archive is judged with its own day.
    made.calls[4].commits.clear();
    assert_eq!(made.found(), []);
    made.calls[4].archived = None;
    assert_eq!(made.kinds(), [Kind::Missing; 3]);
}

#[test]
fn a_mark_is_held_against_the_ledger_of_the_day_on_which_it_was_written() {
    let (was, day) = (Made::new(), "2026-11-22".parse::<Day>().unwrap().plus(100));
    let made = |calls: Vec<StoredCall>, entered: Vec<Entry>| {
        let hours = (-1..30).map(|hour| Entry::of_hour(Hour::of(day.begins().plus(hour * HOUR)))).collect::<Vec<_>>();
        // At half past eight.
        let (before, after) = hours.split_at(10);
        Made { day: day.clone(), calls, ledger: [before, &entered[..], after].concat() }
    };
    let gone = StoredCall { commits: vec![], receipts: vec![], ..marked(&was.calls[0]) };
    let entry = gone.entry_of_mark().unwrap();
    let judged = made(vec![gone.clone()], vec![entry]).judged();
    assert_eq!((judged.findings, judged.items), (vec![], 1));
    assert_eq!(made(vec![gone.clone()], vec![]).kinds(), [Kind::NotEntered]);
    let removed = StoredCall { archived: None, ..gone.clone() };
    assert_eq!(made(vec![removed], vec![entry]).found(), [(Kind::Missing, Some(call_id(0)), None)]);
    let mut other = gone.clone();
    other.archived.as_mut().unwrap()["digest"] = "cd".repeat(32).into();
    assert_eq!(made(vec![other], vec![entry]).found(), [(Kind::Changed, Some(call_id(0)), None)]);
    // Whose call it is can be asked for by its hash.
    let alone = made(vec![], vec![entry]);
    let mut judge = DayJudge::new(day.clone(), day.begins().plus(40 * HOUR));
    (0..).zip(&alone.ledger).for_each(|(index, entry)| judge.entry(index, Some(*entry)));
    assert_eq!(judge.unexplained_calls(), [ilock_proof::call_hash(&call_id(0))].into());
    judge.call(&gone);
    assert!(judge.unexplained_calls().is_empty());
}

/// An access, as it is stored.
#[derive(Clone)]
struct Looked {
    tenant: TenantId,
    day: Day,
    sk: String,
    body: Value,
}

impl Looked {
    fn at(at: Millis, auditor: &str) -> Self {
        let salt = digest(auditor.as_bytes());
        Self {
            tenant: TenantId::new("default").unwrap(),
            day: Day::of(at),
            sk: format!("access#{:015}#{}", at.0, &salt[..32]),
            body: json!({ "at": at.0, "auditor": auditor, "looked_at": "events" }),
        }
    }

    fn stored(&self) -> DayAccess<'_> {
        DayAccess { tenant: &self.tenant, day: &self.day, sk: &self.sk, body: &self.body }
    }

    fn entry(&self) -> Entry {
        let salt = self.sk.rsplit('#').next().unwrap();
        Entry::of_log(EntryKind::Access, access_digest(&self.tenant, salt, &self.body).unwrap())
    }
}

impl Made {
    /// Auditors looked in the last hour of the day before, twice on the day, and in the first hour of the next; all of it was
    /// entered within the hour.
    fn looked_at() -> (Self, Vec<Looked>) {
        let mut made = Self::new();
        let hours = [(-1, "anna"), (9, "ben"), (23, "carl"), (24, "dora")];
        let looked = hours.map(|(hour, auditor)| {
            let begins = made.day.begins().plus(hour * HOUR);
            let looked = Looked::at(begins.plus(40 * MINUTE), auditor);
            let began = made.ledger.iter().position(|entry| *entry == Entry::of_hour(Hour::of(begins))).unwrap();
            made.ledger.insert(began + 1, looked.entry());
            looked
        });
        (made, looked.to_vec())
    }

    fn judge_of(&self, looked: &[Looked], now: Millis) -> DayJudge {
        let mut judge = DayJudge::new(self.day.clone(), now);
        (0..).zip(&self.ledger).for_each(|(index, entry)| judge.entry(index, Some(*entry)));
        self.calls.iter().for_each(|call| judge.call(call));
        for one in looked {
            judge.access(&one.stored());
        }
        judge
    }

    fn found_of(&self, looked: &[Looked]) -> Vec<(Kind, String)> {
        let judged = self.judge_of(looked, self.day.begins().plus(40 * HOUR)).finish(None);
        judged.findings.into_iter().map(|finding| (finding.kind, finding.why)).collect()
    }
}

#[test]
fn accesses_that_are_as_they_were_entered_are_no_finding_and_those_of_the_day_are_counted() {
    let (made, looked) = Made::looked_at();
    let mut judge = made.judge_of(&looked[1..3], made.day.begins().plus(40 * HOUR));
    assert!(judge.unexplained_accesses() && !judge.unexplained(), "those of the days beside it are in its hours");
    judge.access(&looked[0].stored());
    judge.access(&looked[3].stored());
    assert!(!judge.unexplained_accesses() && !judge.lacks());
    let judged = judge.finish(None);
    assert_eq!((judged.findings, judged.accesses, judged.items), (vec![], 2, 10));
}

#[test]
fn an_access_that_was_removed_is_missing_and_one_that_was_altered_is_changed() {
    let (made, looked) = Made::looked_at();
    let mut without = looked.clone();
    without.remove(1);
    let found = made.found_of(&without);
    assert!(matches!(&found[..], [(Kind::Missing, why)] if why.contains("an access was entered")), "{found:?}");

    let edits: [fn(&mut Looked); 4] = [
        |access| access.body["auditor"] = "somebody".into(),
        |access| access.body["at"] = json!(access.body["at"].as_i64().unwrap() - HOUR),
        |access| access.tenant = TenantId::new("theirs").unwrap(),
        |access| access.sk = access.sk.replace(&access.sk[23..], &"ab".repeat(16)),
    ];
    for (place, edit) in edits.into_iter().enumerate() {
        let mut altered = looked.clone();
        edit(&mut altered[1]);
        let found = made.found_of(&altered);
        let changed: Vec<_> = found.iter().filter(|(kind, _)| *kind != Kind::OutOfOrder).collect();
        assert!(
            matches!(&changed[..], [(Kind::Changed, why)] if why.contains("the access access#")),
            "{place}: {found:?}"
        );
        // Another moment than that of its key is named as well.
        assert_eq!(found.len(), if place == 1 { 2 } else { 1 }, "{place}: {found:?}");
    }
}

#[test]
fn an_access_that_the_ledger_has_not_was_never_entered_or_late_but_for_what_is_on_its_way() {
    let (made, mut looked) = Made::looked_at();
    let now = made.day.begins().plus(40 * HOUR);
    let added = Looked::at(made.day.begins().plus(10 * HOUR), "eve");
    looked.push(added.clone());
    let found = made.found_of(&looked);
    assert!(matches!(&found[..], [(Kind::NotEntered, why)] if why.contains(&added.sk)), "{found:?}");
    assert_eq!(made.judge_of(&looked, now).lacking(), [added.entry()], "it is what a backfill enters");

    let mut late = made.judge_of(&looked, now);
    late.later_entry(90, &Entry::of_hour(Hour::of(made.day.begins().plus(38 * HOUR))));
    late.later_entry(91, &added.entry());
    let found = late.finish(None).findings;
    assert!(found.len() == 1 && found[0].kind == Kind::EnteredLate && found[0].why.contains("access#"), "{found:?}");

    // Nine minutes after it, it may still be on its way; and nothing of it was altered.
    let young = made.judge_of(&looked, made.day.begins().plus(10 * HOUR + 9 * MINUTE)).finish(None);
    assert_eq!(young.findings, []);
}

#[test]
fn an_access_that_stands_under_another_day_or_moment_than_its_own_is_out_of_order() {
    let (made, looked) = Made::looked_at();
    let edits: [fn(&mut Looked); 5] = [
        |access| access.day = access.day.plus(9),
        |access| access.sk = access.sk.replacen("access#0", "access#1", 1),
        // The same moment and salt, and still another key.
        |access| access.sk.insert_str("access#".len() + 16, "x#"),
        |access| access.sk = access.sk.replacen("access#00", "access#", 1),
        |access| access.sk = access.sk.replacen("access#0", "access#+", 1),
    ];
    for (place, edit) in edits.into_iter().enumerate() {
        let mut other = looked[1].clone();
        edit(&mut other);
        assert_ne!((&other.day, &other.sk), (&looked[1].day, &looked[1].sk), "{place}");
        let mut moved = looked.clone();
        moved[1] = other.clone();
        let copied = [looked.clone(), vec![other]].concat();
        for accesses in [moved, copied] {
            let found = made.found_of(&accesses);
            assert!(
                matches!(&found[..], [(Kind::OutOfOrder, why)] if why.contains("stands under")),
                "{place}: {found:?}"
            );
        }
    }
    // It says of itself that it is of another day: what stands under the day is judged with it.
    let mut made_up = Looked::at(made.day.begins().plus(11 * HOUR), "eve");
    made_up.body["at"] = json!(made.day.begins().0 - 90 * HOUR);
    let found = made.found_of(&[looked, vec![made_up]].concat());
    assert_eq!(found.iter().map(|(kind, _)| *kind).collect::<Vec<_>>(), [Kind::OutOfOrder, Kind::NotEntered]);
}
