//! An insider who knows the format, may write to the table, and makes every hash anew; an auditor who kept a checkpoint of the
//! ledger. Whatever stood under the checkpoint and was edited is found and named. Honest calls raise no alarm, though clocks
//! differ, text expires and people are forgotten.
//!
//! `ILOCK_EDITS` and `ILOCK_HONEST_CALLS` say how many: `make check-all` sets them higher.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "what goes wrong here is a broken test")]

mod common;

use common::{
    Dice, LATER, MIDNIGHT, MUCH_LATER, a_call, a_skewed_call, audit_at, export, forget, in_order, leaves, rehash,
};
use ilock_audit::verify::DayJudge;
use ilock_audit::{Finding, Kind};
use ilock_events::{Millis, PersonalText};
use ilock_proof::{Day, Entry, Hour, StoredCall, Tree, salt_personal};
use serde_json::{Value, json};

const HOUR_MS: i64 = 3_600_000;

fn how_many(variable: &str, otherwise: usize) -> usize {
    std::env::var(variable).map_or(otherwise, |text| text.parse().expect("a number"))
}

fn the_day() -> Day {
    Day::of(Millis(MIDNIGHT))
}

fn placed_at(call: &StoredCall) -> i64 {
    call.commits[0]["at"].as_i64().unwrap()
}

/// The ledger of these calls: everything was entered within a minute or two, and each hour has its entry.
fn ledger(calls: &[StoredCall]) -> Vec<Entry> {
    let mut entries = vec![];
    for hour in -1..30 {
        let begins = MIDNIGHT + hour * HOUR_MS;
        entries.push(Entry::of_hour(Hour::of(Millis(begins))));
        let in_hour = |call: &&StoredCall| (begins..begins + HOUR_MS).contains(&placed_at(call));
        entries.extend(calls.iter().filter(in_hour).flat_map(StoredCall::entries));
    }
    entries
}

/// What an auditor finds in the log, held against the ledger as it was kept.
fn found(calls: &[StoredCall], ledger: &[Entry], as_of: Millis) -> Vec<Finding> {
    let (_, mut found) = audit_at(&export(calls, true), as_of);
    let mut judge = DayJudge::new(the_day(), as_of);
    (0..).zip(ledger).for_each(|(index, entry)| judge.entry(index, Some(*entry)));
    for call in calls {
        judge.call(call);
    }
    found.extend(judge.finish(Some(Hour::of(Millis(MIDNIGHT - HOUR_MS)))).findings);
    found
}

/// A value that is another one, of the same kind.
fn another(value: &Value, dice: &mut Dice) -> Value {
    match value {
        Value::Number(number) => json!(number.as_i64().unwrap() + dice.pick(&[-1, 1, 7, 60_000, -60_000])),
        Value::String(text) => match dice.below(3) {
            0 => json!(format!("{text}0")),
            1 => json!(text.chars().rev().collect::<String>() + "1"),
            _ => json!("user9"),
        },
        Value::Bool(yes) => json!(!yes),
        _ => json!(1),
    }
}

/// Sets a random field of `value` to something else; which.
fn edit(value: &mut Value, dice: &mut Dice) -> String {
    // The hash is made anew in any case.
    let paths: Vec<String> = leaves(value).into_iter().filter(|path| path != "/hash").collect();
    let path = dice.pick(&paths).clone();
    let was = value.pointer(&path).unwrap().clone();
    *value.pointer_mut(&path).unwrap() = another(&was, dice);
    path
}

type Edit = fn(&mut Vec<StoredCall>, usize, &mut Dice) -> String;

/// What an insider may do to call `at`.
const EDITS: [(&str, Edit); 16] = [
    ("a field of a commit, all hashes made anew", |calls, at, dice| {
        let call = &mut calls[at];
        let n = dice.below(call.commits.len());
        let path = edit(&mut call.commits[n], dice);
        rehash(call, n, false);
        format!("{path} of commit {}", n + 1)
    }),
    ("the time of a call, all hashes made anew", |calls, at, dice| {
        let by = dice.pick(&[-1_000, 1_000, 60_000, -3_600_000]);
        let call = &mut calls[at];
        for commit in &mut call.commits {
            commit["at"] = json!(commit["at"].as_i64().unwrap() + by);
        }
        let deadline = call.commits[0]["events"][0]["data"]["deadline"].as_i64().unwrap() + by;
        call.commits[0]["events"][0]["data"]["deadline"] = json!(deadline);
        for receipt in &mut call.receipts {
            receipt["at"] = json!(receipt["at"].as_i64().unwrap() + by);
        }
        rehash(call, 0, false);
        by.to_string()
    }),
    ("who did it, in command and event", |calls, at, _| {
        let call = &mut calls[at];
        let n = call.commits.len() - 1;
        let is_system = call.commits[n]["actor"]["kind"] == "system";
        call.commits[n]["actor"] = json!({ "kind": if is_system { "timer" } else { "system" } });
        rehash(call, n, false);
        String::new()
    }),
    ("the last commit is taken out, with its receipts", |calls, at, _| {
        let call = &mut calls[at];
        let n = call.commits.pop().unwrap()["n"].clone();
        call.receipts.retain(|receipt| receipt["n"] != n);
        n.to_string()
    }),
    ("a commit is taken out, and the others are numbered anew", |calls, at, dice| {
        let call = &mut calls[at];
        let n = 1 + dice.below(call.commits.len() - 1);
        call.commits.remove(n);
        for (place, commit) in (1..).zip(&mut call.commits) {
            commit["n"] = json!(place);
        }
        rehash(call, n - 1, false);
        n.to_string()
    }),
    ("a whole call is taken out", |calls, at, _| calls.remove(at).call_id),
    ("a receipt is taken out", |calls, at, dice| {
        let n = dice.below(calls[at].receipts.len());
        calls[at].receipts.remove(n).to_string()
    }),
    ("a field of a receipt", |calls, at, dice| {
        let n = dice.below(calls[at].receipts.len());
        edit(&mut calls[at].receipts[n], dice)
    }),
    ("a receipt is added", |calls, at, _| {
        let receipt = calls[at].receipts[0].clone();
        calls[at].receipts.push(receipt);
        calls[at].receipts.last_mut().unwrap()["path"] = json!("projector");
        calls[at].receipts.last_mut().unwrap()["at"] = json!(placed_at(&calls[at]) + 777);
        String::new()
    }),
    ("an alert is added, taken out or changed", |calls, at, dice| {
        let at_ms = placed_at(&calls[at]) + 350;
        let callee = calls[at].commits[0]["events"][0]["data"]["callees"][0]["id"].as_str().unwrap().to_owned();
        match calls[at].alerts.pop() {
            Some(mut alert) if dice.below(2) == 0 => {
                let path = edit(&mut alert, dice);
                calls[at].alerts.push(alert);
                path
            }
            Some(_) => "taken out".into(),
            None => {
                let client = format!("{callee}_phone_2");
                calls[at].alerts.push(json!({ "callee": callee, "client_id": client, "at": at_ms }));
                "added".into()
            }
        }
    }),
    ("personal text is taken out", |calls, at, _| {
        calls[at].personal.remove(0);
        String::new()
    }),
    ("personal text is another one with its own digest", |calls, at, _| {
        calls[at].personal[0] = forged_text("forged");
        String::new()
    }),
    ("personal text is another one, and the commit names that", |calls, at, _| {
        let call = &mut calls[at];
        let text = forged_text("forged, and hashed");
        let (was, is) = (call.personal[0]["digest"].to_string(), text["digest"].to_string());
        call.personal[0] = text;
        call.commits[0] = serde_json::from_str(&call.commits[0].to_string().replace(&was, &is)).unwrap();
        rehash(call, 0, false);
        String::new()
    }),
    ("personal text is moved to another call", |calls, at, _| {
        let text = calls[at].personal.remove(0);
        let other = (at + 1) % calls.len();
        calls[other].personal.push(text);
        String::new()
    }),
    ("text is said to be forgotten, by a mark that is made up", |calls, at, _| {
        let callee = calls[at].commits[0]["events"][0]["data"]["callees"][0]["id"].as_str().unwrap().to_owned();
        let call = &mut calls[at];
        forget(call, &callee);
        for mark in &mut call.forgotten {
            mark["at"] = json!(MIDNIGHT + HOUR_MS);
        }
        callee
    }),
    ("a call is made up, hours after it says that it was", |calls, at, _| {
        let made_up =
            a_call(800_000 + u32::try_from(at).unwrap(), Millis(MIDNIGHT + 90_000 + i64::try_from(at).unwrap()));
        let id = made_up.call_id.clone();
        calls.push(made_up);
        *calls = in_order(std::mem::take(calls));
        id
    }),
];

fn forged_text(words: &str) -> Value {
    let text = PersonalText { reason: Some(words.into()), ..PersonalText::default() };
    serde_json::to_value(salt_personal(text, [42; 16]).unwrap().unwrap()).unwrap()
}

#[test]
fn every_random_edit_of_what_stood_under_a_kept_checkpoint_is_found_and_named() {
    let whole: Vec<StoredCall> =
        in_order((0..24).map(|number| a_call(number, Millis(MIDNIGHT + i64::from(number) * 40_000))).collect());
    let kept = ledger(&whole);
    assert_eq!(found(&whole, &kept, LATER), []);
    let (mut dice, mut named) = (Dice::new(11), std::collections::BTreeMap::<Kind, usize>::new());
    for number in 0..how_many("ILOCK_EDITS", 500) {
        let (what, edit) = EDITS[number % EDITS.len()];
        let mut calls = whole.clone();
        let at = dice.below(calls.len());
        let call_id = calls[at].call_id.clone();
        let detail = edit(&mut calls, at, &mut dice);
        assert_ne!(calls, whole, "{what}: {detail}");
        // What is made up now can be entered now, and not earlier.
        let mut entries = kept.clone();
        if calls.len() > whole.len() {
            entries.extend(calls.iter().find(|call| call.call_id == detail).unwrap().entries());
        }
        let found = found(&calls, &entries, LATER);
        let about = |finding: &&Finding| finding.call_id.as_ref().is_some_and(|id| *id == call_id || *id == detail);
        let whole_call = |finding: &&Finding| finding.kind == Kind::Missing && finding.why.contains("whole call");
        let one = found.iter().find(about).or_else(|| found.iter().find(whole_call));
        let one = one.unwrap_or_else(|| panic!("edit {number}, {what}: {detail} in {call_id}: {found:?}"));
        *named.entry(one.kind).or_default() += 1;
        if what.contains("made up, hours") {
            assert!(found.iter().any(|one| one.kind == Kind::EnteredLate), "{found:?}");
        }
    }
    println!("{named:?}");
}

#[test]
fn a_ledger_that_was_edited_does_not_continue_the_checkpoint_that_was_kept() {
    let whole = in_order((0..24).map(|number| a_call(number, Millis(MIDNIGHT + i64::from(number) * 40_000))).collect());
    let entries = ledger(&whole);
    let root = |entries: &[Entry]| {
        let mut tree = Tree::of(0, vec![]).unwrap();
        for entry in entries {
            tree.push(&entry.to_bytes());
        }
        tree.root()
    };
    let kept = root(&entries);
    let mut dice = Dice::new(5);
    for _ in 0..100 {
        let mut forged = entries.clone();
        let at = dice.below(forged.len());
        match dice.below(3) {
            0 => drop(forged.remove(at)),
            1 => forged[at].hash[dice.below(32)] ^= 1,
            _ => forged.insert(at, entries[(at + 1) % entries.len()]),
        }
        forged.truncate(entries.len());
        assert_ne!(root(&forged), kept);
    }
}

/// A call as honest functions leave it: their clocks differ, some text was forgotten, some has expired.
fn honest(number: u32, dice: &mut Dice, as_of: Millis) -> StoredCall {
    let at = Millis(MIDNIGHT + i64::from(number) * 4_000 + dice.about(400));
    let mut call = a_skewed_call(number, at, &mut || dice.about(400));
    for receipt in call.receipts.iter_mut().filter(|receipt| receipt["path"] == "projector") {
        // The dead letters of some were redriven days later, when nothing of it was to be told any more.
        let is_redriven = dice.below(8) == 0;
        let off = if is_redriven { 3 * 24 * HOUR_MS } else { dice.about(400) };
        receipt["at"] = json!(receipt["at"].as_i64().unwrap() + off);
        for outcome in receipt["notices"].as_object_mut().unwrap().values_mut() {
            outcome["ms"] = json!(outcome["ms"].as_i64().unwrap() + off);
            if is_redriven {
                outcome["error"] = json!("its time had passed");
            }
        }
    }
    match dice.below(4) {
        0 => {
            let callee = call.commits[0]["events"][0]["data"]["callees"][0]["id"].as_str().unwrap().to_owned();
            forget(&mut call, &callee);
            for mark in &mut call.forgotten {
                mark["at"] = json!(at.0 + HOUR_MS);
            }
        }
        // DynamoDB deletes it within days of its time.
        1 if as_of == MUCH_LATER => call.personal.clear(),
        _ => {}
    }
    call
}

#[test]
fn honest_calls_raise_no_alarm_though_clocks_differ_text_expires_and_people_are_forgotten() {
    for (as_of, share) in [(LATER, 2), (MUCH_LATER, 2)] {
        let mut dice = Dice::new(23);
        let calls = u32::try_from(how_many("ILOCK_HONEST_CALLS", 10_000) / share).unwrap();
        let calls: Vec<StoredCall> = in_order((0..calls).map(|number| honest(number, &mut dice, as_of)).collect());
        let mut entries = ledger(&calls);
        // Marks of forgetting came an hour later, and are entered like everything else.
        entries.dedup();
        assert_eq!(found(&calls, &entries, as_of), []);
    }
}
