//! Whatever is done to an export is found, and named rightly; an untouched one raises no alarm.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "what goes wrong here is a broken test")]

mod common;

use common::{
    add_receipt, audit, day, export, findings, forget, in_order, leaves, line_of, lines, rehash, text, with_changed,
    with_crc,
};
use ilock_audit::{Finding, Kind, verify};
use ilock_events::Millis;
use ilock_proof::StoredCall;
use proptest::prelude::*;
use serde_json::{Value, json};

fn the_day() -> Vec<StoredCall> {
    in_order(day(200))
}

/// One call of each kind.
fn one_of_each() -> Vec<StoredCall> {
    in_order(day(8))
}

fn kinds(findings: &[Finding]) -> Vec<(Kind, Option<u32>)> {
    findings.iter().map(|finding| (finding.kind, finding.n)).collect()
}

fn assert_found(found: &[Finding], kind: Kind, n: usize, what: &str) {
    let n = u32::try_from(n).unwrap();
    assert!(found.iter().any(|finding| finding.kind == kind && finding.n == Some(n)), "{what}: {found:?}");
}

#[test]
fn an_untouched_day_raises_no_alarm() {
    for with_personal in [false, true] {
        let calls = the_day();
        let (counts, found) = audit(&export(&calls, with_personal));
        assert_eq!(found, []);
        assert_eq!(counts.calls, 200);
        assert_eq!(counts.commits, calls.iter().map(|call| call.commits.len() as u64).sum::<u64>());
        assert_eq!(counts.proven, counts.commits, "every commit is proven, not only looked at");
        assert!(counts.receipts > 400, "{counts:?}");
    }
}

#[test]
fn two_exports_are_the_same_bytes() {
    assert_eq!(export(&the_day(), true), export(&the_day(), true));
}

/// Every way in which one leaf can be changed a little.
fn changed(value: &Value) -> Vec<Value> {
    match value {
        Value::Number(number) => vec![json!(number.as_i64().unwrap() + 1), json!(number.as_i64().unwrap() - 1)],
        Value::String(text) => {
            let last = if text.ends_with('0') { '1' } else { '0' };
            let mut shorter: String = text.chars().collect();
            shorter.pop();
            vec![json!(format!("{shorter}{last}")), json!(shorter), json!(format!("{text}{last}")), Value::Null]
        }
        Value::Bool(yes) => vec![json!(!yes), Value::Null],
        other => panic!("{other}"),
    }
}

#[test]
fn a_change_of_any_field_of_any_commit_is_named_changed() {
    let calls = one_of_each();
    let mut tried = 0;
    for (place, call) in calls.iter().enumerate() {
        for (at, commit) in call.commits.iter().enumerate() {
            for path in leaves(commit) {
                for value in changed(commit.pointer(&path).unwrap()) {
                    let found = findings(&with_changed(&calls, place + 1, |call| {
                        *call.commits[at].pointer_mut(&path).unwrap() = value.clone();
                    }));
                    let what = format!("{path} of commit {} of call {place} → {value}", at + 1);
                    assert_found(&found, Kind::Changed, at + 1, &what);
                    assert!(found.iter().all(|one| one.call_id.as_ref() == Some(&call.call_id)), "{what}: {found:?}");
                    tried += 1;
                }
            }
        }
    }
    assert!(tried > 1_000, "{tried}");
}

#[test]
fn a_field_that_is_taken_out_or_put_in_is_named_changed() {
    let calls = one_of_each();
    for (at, commit) in calls[0].commits.iter().enumerate() {
        for name in commit.as_object().unwrap().keys() {
            let found = findings(&with_changed(&calls, 1, |call| {
                call.commits[at].as_object_mut().unwrap().remove(name);
            }));
            assert_found(&found, Kind::Changed, at + 1, name);
        }
        for path in ["", "/cmd", "/actor", "/events/0", "/events/0/data", "/cmd/args"] {
            let Some(Value::Object(_)) = commit.pointer(path) else { continue };
            let found = findings(&with_changed(&calls, 1, |call| {
                call.commits[at].pointer_mut(path).unwrap().as_object_mut().unwrap().insert("extra".into(), json!(1));
            }));
            assert_found(&found, Kind::Changed, at + 1, path);
        }
    }
}

#[test]
fn a_commit_that_was_taken_out_is_named_missing() {
    let calls = one_of_each();
    for (place, call) in calls.iter().enumerate() {
        for at in 0..call.commits.len() {
            let found = findings(&with_changed(&calls, place + 1, |call| {
                call.commits.remove(at);
            }));
            assert_found(&found, Kind::Missing, at + 1, &format!("commit {} of call {place}", at + 1));
            assert!(found.iter().all(|one| one.kind == Kind::Missing), "{found:?}");
        }
    }
}

#[test]
fn receipts_betray_a_last_commit_that_was_taken_out() {
    let calls = one_of_each();
    for (place, call) in calls.iter().enumerate().filter(|(_, call)| call.commits.len() > 2) {
        // Straight from the table nobody notes how many there should be.
        let mut cut = call.clone();
        cut.commits.pop();
        let line = line_of(place + 1, call.commits[0]["at"].as_i64().unwrap(), cut.commits.len(), &cut);
        let (_, line) = ilock_audit::Line::read(&line).unwrap();
        let ilock_audit::Line::Call(mut line) = line else { panic!("a call") };
        line.last = None;
        let found = verify::call(&line, common::LATER).findings;
        assert_found(&found, Kind::Missing, call.commits.len(), "the last");
    }
}

#[test]
fn a_commit_that_stands_twice_is_named_forked() {
    let calls = one_of_each();
    for at in 0..calls[0].commits.len() {
        for to in 0..=calls[0].commits.len() {
            let found = findings(&with_changed(&calls, 1, |call| {
                let copy = call.commits[at].clone();
                call.commits.insert(to, copy);
            }));
            assert_eq!(kinds(&found), [(Kind::Forked, Some(u32::try_from(at + 1).unwrap()))], "{at} → {to}");
        }
    }
}

#[test]
fn another_commit_in_the_same_place_is_named_forked_and_the_story_goes_on() {
    let calls = one_of_each();
    for at in 1..calls[0].commits.len() {
        for to in [at, at + 1] {
            let found = findings(&with_changed(&calls, 1, |call| {
                let mut other = call.clone();
                other.commits[at]["cmd"]["id"] = json!("another");
                rehash(&mut other, at, true);
                call.commits.insert(to, other.commits.remove(at));
            }));
            assert_eq!(kinds(&found), [(Kind::Forked, Some(u32::try_from(at + 1).unwrap()))], "{at} → {to}: {found:?}");
        }
    }
}

#[test]
fn commits_that_changed_places_are_named_out_of_order() {
    let calls = one_of_each();
    let length = calls[0].commits.len();
    for a in 0..length {
        for b in a + 1..length {
            let found = findings(&with_changed(&calls, 1, |call| call.commits.swap(a, b)));
            assert!(!found.is_empty() && found.iter().all(|one| one.kind == Kind::OutOfOrder), "{a} {b}: {found:?}");
        }
    }
}

#[test]
fn a_commit_of_another_call_is_named_changed() {
    let calls = one_of_each();
    let stranger = calls[1].commits[1].clone();
    let found = findings(&with_changed(&calls, 1, |call| call.commits[1] = stranger));
    assert_found(&found, Kind::Changed, 2, "a stranger");
    assert!(found.iter().any(|one| one.why.contains(&calls[1].call_id)), "{found:?}");
}

#[test]
fn a_forger_who_makes_one_hash_anew_forks_the_chain() {
    let calls = one_of_each();
    for at in 0..calls[0].commits.len() - 1 {
        let found = findings(&with_changed(&calls, 1, |call| {
            call.commits[at]["cmd"]["id"] = json!("forged");
            rehash(call, at, true);
        }));
        assert_eq!(kinds(&found), [(Kind::Forked, Some(u32::try_from(at + 2).unwrap()))], "{found:?}");
    }
}

#[test]
fn a_forger_who_makes_all_hashes_anew_is_betrayed_by_what_could_not_be_decided() {
    let calls = one_of_each();
    let length = calls[0].commits.len();
    let forged: [(usize, &str, Value); 8] = [
        (0, "/events/0/data/deadline", json!(1_795_305_700_000_i64)),
        (0, "/events/0/data/callees/0/id", json!("user9")),
        (0, "/events/0/data/room_id", json!(1)),
        (0, "/cmd/args/ring_seconds", json!(31)),
        (1, "/state", json!("active")),
        (2, "/actor/client", json!("user0_phone_9")),
        (2, "/at", json!(1_795_305_632_000_i64)),
        (length - 1, "/events/0/data/by", json!("caller")),
    ];
    for (at, path, value) in forged {
        let found = findings(&with_changed(&calls, 1, |call| {
            *call.commits[at].pointer_mut(path).unwrap() = value;
            rehash(call, at, false);
        }));
        assert_found(&found, Kind::ImpossibleDecision, at + 1, path);
        assert!(found.iter().all(|one| one.kind != Kind::Changed && one.kind != Kind::Forked), "{path}: {found:?}");
    }
}

#[test]
fn a_newer_event_is_unreadable_and_not_called_changed() {
    let calls = one_of_each();
    let found = findings(&with_changed(&calls, 1, |call| {
        let last = call.commits.len() - 1;
        call.commits[last]["events"][0]["v"] = json!(2);
        rehash(call, last, true);
    }));
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(found[0].kind, Kind::Unreadable);
    assert!(found[0].why.contains("v2"), "{found:?}");
}

#[test]
fn who_was_to_be_told_and_has_no_receipt_was_never_told() {
    let calls = one_of_each();
    let found = findings(&with_changed(&calls, 1, |call| call.receipts.clear()));
    let never: Vec<u32> = found.iter().map(|one| one.n.unwrap()).collect();
    assert!(found.iter().all(|one| one.kind == Kind::NeverTold), "{found:?}");
    let why =
        "placed: two; alerted: one; accepted: two; hung up by the callee: the caller, and the person's other phones";
    assert_eq!(never, [1, 1, 2, 3, 3, 4, 4], "{why}");
}

#[test]
fn who_can_still_be_told_is_not_missed_yet() {
    let calls = one_of_each();
    let placed = Millis(calls[0].commits[0]["at"].as_i64().unwrap());
    let bytes = with_changed(&calls, 1, |call| call.receipts.clear());
    let missed_at = |ms| {
        let mut found = vec![];
        verify::file(&*bytes, placed.plus(ms), |finding| found.push(finding), |_| {});
        found.iter().filter(|one| one.n == Some(1) && one.kind == Kind::NeverTold).count()
    };
    assert_eq!(missed_at(20_000), 0, "it still rings");
    assert_eq!(missed_at(90_000), 0, "the projector may be about to say why");
    assert_eq!(missed_at(90_001), 2);
}

#[test]
fn a_reason_is_as_good_as_a_receipt() {
    let calls = one_of_each();
    let found = findings(&with_changed(&calls, 1, |call| {
        let handed = call.receipts[0]["notices"].as_object_mut().unwrap();
        for handed in handed.values_mut() {
            handed["error"] = json!("its time had passed");
            handed.as_object_mut().unwrap().remove("carrier_id");
        }
    }));
    assert_eq!(found, []);
}

#[test]
fn a_receipt_after_the_deadline_is_named_too_late() {
    let calls = one_of_each();
    let told_after = |ms: i64| {
        findings(&with_changed(&calls, 1, |call| {
            call.receipts[0]["notices"]["0"]["ms"] = json!(ms);
            call.receipts[0]["at"] = json!(call.commits[0]["at"].as_i64().unwrap() + ms + 3);
        }))
    };
    let found = told_after(30_001);
    assert_eq!(kinds(&found), [(Kind::ToldTooLate, Some(1))]);
    assert!(found[0].why.contains("1 ms"), "{found:?}");
    assert_eq!(told_after(30_000), []);
}

#[test]
fn a_receipt_for_what_was_not_due_is_named() {
    let calls = one_of_each();
    let handed = || json!({"target": "users/user0/calls/control", "carrier": "mqtt", "ms": 3});
    let at = calls[0].commits[1]["at"].as_i64().unwrap() + 5;
    // An alert tells nobody.
    let found = findings(&with_changed(&calls, 1, |call| {
        add_receipt(call, json!({"n": 2, "path": "fast", "at": at, "notices": {"0": handed()}}));
    }));
    assert_eq!(kinds(&found), [(Kind::UnexpectedNotice, Some(2))]);
    let push = json!({"target": "arn:…", "carrier": "push", "ms": 3});
    let found = findings(&with_changed(&calls, 1, |call| {
        add_receipt(call, json!({"n": 2, "path": "fast", "at": at, "notices": {"7": push}}));
    }));
    assert_eq!(kinds(&found), [(Kind::UnexpectedNotice, Some(2))]);
    // To somebody else.
    let found = findings(&with_changed(&calls, 1, |call| {
        call.receipts[0]["notices"]["0"]["target"] = json!("users/mallory/calls/incoming");
    }));
    assert!(kinds(&found).contains(&(Kind::UnexpectedNotice, Some(1))), "{found:?}");
    assert!(kinds(&found).contains(&(Kind::NeverTold, Some(1))), "{found:?}");
    // "It rings" was said, though the ring was not handed over.
    let found = findings(&with_changed(&calls, 1, |call| {
        call.receipts[0]["notices"]["0"]["error"] = json!("the broker was away");
        call.receipts[0]["notices"]["0"].as_object_mut().unwrap().remove("carrier_id");
    }));
    let said = call_says_ringing(&calls[0]);
    assert_eq!(kinds(&found), if said { vec![(Kind::UnexpectedNotice, Some(1))] } else { vec![] });
    assert!(said);
}

fn call_says_ringing(call: &StoredCall) -> bool {
    call.receipts.iter().any(|receipt| receipt["n"] == 1 && receipt["notices"].get("1").is_some())
}

#[test]
fn personal_text_that_was_changed_is_found() {
    let calls = one_of_each();
    let found = findings(&with_changed(&calls, 1, |call| {
        let text = call.personal[0]["text"].as_str().unwrap().replace("前门设备", "后门设备");
        assert_ne!(call.personal[0]["text"], text);
        call.personal[0]["text"] = json!(text);
    }));
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].kind, Kind::Changed);
    let rewritten = findings(&with_changed(&calls, 1, |call| {
        call.personal[0]["text"] = json!(format!("{} ", call.personal[0]["text"].as_str().unwrap()));
    }));
    assert_eq!(kinds(&rewritten), [(Kind::Changed, None)], "the same JSON in other bytes is not what was written");
    let cut = findings(&with_changed(&calls, 1, |call| call.personal[0]["text"] = json!("{")));
    assert_eq!(kinds(&cut), [(Kind::Unreadable, None)]);
    let recorded = findings(&with_changed(&calls, 1, |call| forget(call, "user0")));
    assert_eq!(recorded, [], "what was forgotten breaks no proof, nor does the record of it");
    let torn = findings(&with_changed(&calls, 1, |call| {
        forget(call, "user0");
        call.forgotten[0]["person"] = json!("?");
    }));
    assert_eq!(
        kinds(&torn),
        [(Kind::Unreadable, None), (Kind::Missing, Some(1))],
        "and nothing says why the text is gone"
    );
}

#[test]
fn a_line_that_was_lost_moved_or_doubled_is_named() {
    let whole = lines(&export(&the_day(), false));
    for at in (0..200).step_by(9) {
        let mut lost = whole.clone();
        lost.remove(at);
        let found = findings(&text(&lost));
        assert_eq!(kinds(&found), [(Kind::Missing, None)], "line {at}");
        assert!(found[0].why.contains(&format!("line {at} ")), "{found:?}");
        let mut doubled = whole.clone();
        doubled.insert(at, whole[at].clone());
        assert_eq!(kinds(&findings(&text(&doubled))), [(Kind::Forked, None)], "line {at}");
    }
    for (a, b) in [(1, 2), (3, 30), (17, 18), (1, 200), (199, 200), (200, 201)] {
        let mut moved = whole.clone();
        moved.swap(a, b);
        let found = findings(&text(&moved));
        assert!(!found.is_empty() && found.iter().all(|one| one.kind == Kind::OutOfOrder), "{a} {b}: {found:?}");
    }
}

#[test]
fn a_call_that_a_careful_hand_took_out_is_betrayed_by_the_count() {
    let calls = the_day();
    let mut fewer = calls.clone();
    fewer.remove(11);
    let mut forged = lines(&export(&fewer, false));
    *forged.last_mut().unwrap() = {
        let end = lines(&export(&calls, false)).pop().unwrap();
        let content = end.rsplit_once(",\"crc\"").unwrap().0.replace("\"line\":201", "\"line\":200");
        with_crc(&content)
    };
    let found = findings(&text(&forged));
    assert_eq!(kinds(&found), [(Kind::Missing, None)]);
    assert!(found[0].why.contains("200 calls") && found[0].why.contains("199 with"), "{found:?}");
}

#[test]
fn calls_in_another_order_are_named_even_when_the_lines_were_numbered_anew() {
    let mut calls = the_day();
    calls.swap(3, 30);
    let found = findings(&export(&calls, false));
    assert!(!found.is_empty() && found.iter().all(|one| one.kind == Kind::OutOfOrder), "{found:?}");
    let mut twice = the_day();
    twice.insert(4, twice[3].clone());
    assert_eq!(kinds(&findings(&export(&twice, false))), [(Kind::Forked, None)]);
}

#[test]
fn a_half_written_line_says_where_and_the_rest_is_read() {
    let whole = export(&the_day(), false);
    let written = lines(&whole);
    let half = whole.len() - written[201].len() - 1 - written[200].len() / 2;
    let (counts, found) = audit(&whole[..half]);
    assert_eq!(counts.calls, 199);
    assert_eq!(counts.unreadable_lines, 1);
    assert_eq!(kinds(&found), [(Kind::Unreadable, None), (Kind::Missing, None)]);
    assert_eq!(found[0].line, Some(201));
    assert!(found[0].why.contains("the file ends within it"), "{found:?}");

    let mut poisoned = written;
    poisoned[9] = "}{ nonsense".into();
    poisoned[20] = "x".repeat(ilock_audit::MAX_LINE + 5);
    let mut bytes = text(&poisoned);
    bytes.extend_from_slice(b"\xff\xfe\n");
    let (counts, found) = audit(&bytes);
    assert_eq!((counts.calls, counts.unreadable_lines), (198, 3));
    let places: Vec<_> = found.iter().map(|one| (one.kind, one.line)).collect();
    assert_eq!(places, [10, 21, 203].map(|line| (Kind::Unreadable, Some(line))));
}

#[test]
fn an_export_that_was_cut_off_is_found_wherever_it_was() {
    let whole = export(&one_of_each(), false);
    for length in (0..whole.len()).rev() {
        let found = findings(&whole[..length]);
        assert!(!found.is_empty(), "cut to {length} of {} bytes", whole.len());
        let named = |one: &Finding| matches!(one.kind, Kind::Missing | Kind::Unreadable);
        assert!(found.iter().all(named), "cut to {length}: {found:?}");
    }
}

#[test]
fn a_lie_about_the_call_in_its_line_is_found() {
    let calls = one_of_each();
    let whole = lines(&export(&calls, false));
    let change = |from: &str, to: &str| {
        let mut lines = whole.clone();
        let content = lines[1].rsplit_once(",\"crc\"").unwrap().0.replacen(from, to, 1);
        assert_ne!(content, lines[1].rsplit_once(",\"crc\"").unwrap().0);
        lines[1] = with_crc(&content);
        findings(&text(&lines))
    };
    assert!(kinds(&change("\"last\":4", "\"last\":5")).contains(&(Kind::Missing, Some(5))));
    assert!(kinds(&change("\"last\":4", "\"last\":3")).contains(&(Kind::Forked, Some(4))));
    assert!(kinds(&change("\"at\":1795305600000", "\"at\":1795305600001")).contains(&(Kind::Changed, Some(1))));
    assert!(change("\"call\":\"call_door0", "\"call\":\"call_door1").iter().any(|one| one.kind == Kind::Changed));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(120))]

    #[test]
    fn a_change_of_any_byte_is_found(at in any::<prop::sample::Index>(), by in 1_u8..=255) {
        let mut bytes = DAY.with(Clone::clone);
        let at = at.index(bytes.len());
        bytes[at] ^= by;
        let found = findings(&bytes);
        prop_assert!(!found.is_empty(), "byte {} ^ {}", at, by);
        for finding in &found {
            prop_assert!(!matches!(finding.kind, Kind::ImpossibleDecision), "byte {} ^ {}: {:?}", at, by, found);
        }
    }

    #[test]
    fn a_byte_that_is_taken_out_or_put_in_is_found(at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let whole = DAY.with(Clone::clone);
        let at = at.index(whole.len());
        let mut shorter = whole.clone();
        shorter.remove(at);
        prop_assert!(!findings(&shorter).is_empty(), "without byte {}", at);
        let mut longer = whole;
        longer.insert(at, byte);
        prop_assert!(!findings(&longer).is_empty(), "{} before byte {}", byte, at);
    }
}

/// What is found in a call's line after somebody changed `call` and made the checksum anew.
fn judged(call: &StoredCall, change: impl FnOnce(&mut StoredCall)) -> Vec<Finding> {
    let mut changed = call.clone();
    change(&mut changed);
    judged_line(&line_of(1, call.commits[0]["at"].as_i64().unwrap(), call.commits.len(), &changed))
}

fn judged_line(line: &str) -> Vec<Finding> {
    let (_, ilock_audit::Line::Call(line)) = ilock_audit::Line::read(line).unwrap() else { panic!("a call") };
    verify::call(&line, common::LATER).findings
}

#[test]
fn over_a_whole_day_a_change_of_any_field_of_any_commit_is_named_changed_and_nothing_else() {
    let canonical = |value: &Value| String::from_utf8(ilock_proof::canonical(value).unwrap()).unwrap();
    let mut tried = 0;
    for (place, call) in the_day().iter().enumerate() {
        let line = line_of(1, call.commits[0]["at"].as_i64().unwrap(), call.commits.len(), call);
        for (at, commit) in call.commits.iter().enumerate() {
            let was = canonical(commit);
            for path in leaves(commit) {
                for value in changed(commit.pointer(&path).unwrap()).into_iter().take(1 + place % 4) {
                    let mut other = commit.clone();
                    *other.pointer_mut(&path).unwrap() = value;
                    let found = judged_line(&line.replacen(&was, &canonical(&other), 1));
                    assert_found(&found, Kind::Changed, at + 1, &format!("{path} of commit {} of {place}", at + 1));
                    let others = |one: &&Finding| one.kind != Kind::Changed && one.kind != Kind::Missing;
                    let alarm = found.iter().find(others);
                    assert!(alarm.is_none_or(|one| one.kind != Kind::ImpossibleDecision), "{path}: {found:?}");
                    tried += 1;
                }
            }
        }
    }
    assert!(tried > 15_000, "{tried}");
}

#[test]
fn over_a_whole_day_every_commit_that_was_taken_out_put_in_moved_or_cut_off_is_named() {
    let calls = the_day();
    for (place, call) in calls.iter().enumerate() {
        let length = call.commits.len();
        let stranger = &calls[(place + 1) % calls.len()].commits[1];
        for at in 0..length {
            let lost = judged(call, |call| drop(call.commits.remove(at)));
            assert_found(&lost, Kind::Missing, at + 1, "lost");
            assert!(lost.iter().all(|one| one.kind == Kind::Missing), "{lost:?}");
            let twice = judged(call, |call| call.commits.insert(at, call.commits[at].clone()));
            assert_eq!(kinds(&twice), [(Kind::Forked, Some(u32::try_from(at + 1).unwrap()))]);
            let strange = judged(call, |call| call.commits[at] = stranger.clone());
            assert!(strange.iter().any(|one| one.kind == Kind::Changed && one.why.contains("of call")), "{strange:?}");
            for other in at + 1..length {
                let moved = judged(call, |call| call.commits.swap(at, other));
                let named = moved.iter().all(|one| one.kind == Kind::OutOfOrder);
                assert!(!moved.is_empty() && named, "{at} {other}: {moved:?}");
            }
            let cut = judged(call, |call| call.commits.truncate(at));
            assert_found(&cut, Kind::Missing, at + 1, "cut off");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn a_day_that_was_cut_off_anywhere_is_named_missing_or_unreadable(at in any::<prop::sample::Index>()) {
        let whole = DAY.with(Clone::clone);
        let found = findings(&whole[..at.index(whole.len())]);
        prop_assert!(!found.is_empty());
        prop_assert!(found.iter().all(|one| matches!(one.kind, Kind::Missing | Kind::Unreadable)), "{:?}", found);
    }
}

thread_local! {
    static DAY: Vec<u8> = export(&the_day(), true);
}
