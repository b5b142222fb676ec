//! What an insider could change unseen, class by class: each is found, and has the name that an auditor looks for.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "what goes wrong here is a broken test")]

mod common;

use common::{
    LATER, MIDNIGHT, MUCH_LATER, Making, a_call, add_receipt, alert, audit_at, day, device, export, findings, forget,
    in_order, line_of, lines, party, phone, place, reason, rehash, shows, text, with_changed, with_crc,
};
use ilock_audit::export::Progress;
use ilock_audit::{Finding, Header, Kind};
use ilock_events::{Act, Actor, Busy, Callee, ClientName, Millis, PersonalText, Reason};
use ilock_proof::{StoredCall, salt_personal};
use serde_json::{Value, json};

/// One call of each kind.
fn one_of_each() -> Vec<StoredCall> {
    in_order(day(8))
}

fn kinds(findings: &[Finding]) -> Vec<(Kind, Option<u32>)> {
    findings.iter().map(|finding| (finding.kind, finding.n)).collect()
}

fn own_text(words: &str) -> Value {
    let text = PersonalText { reason: Some(words.into()), ..PersonalText::default() };
    serde_json::to_value(salt_personal(text, [77; 16]).unwrap().unwrap()).unwrap()
}

#[test]
fn text_that_no_commit_names_is_changed() {
    let calls = one_of_each();
    let replaced = findings(&with_changed(&calls, 1, |call| call.personal[0] = own_text("forged")));
    assert_eq!(kinds(&replaced), [(Kind::Changed, None), (Kind::Missing, Some(1))]);
    assert!(replaced[0].why.contains("no commit"), "{replaced:?}");
    let added = findings(&with_changed(&calls, 1, |call| call.personal.push(own_text("more"))));
    assert_eq!(kinds(&added), [(Kind::Changed, None)]);
    let moved = calls[0].personal[0].clone();
    let moved = findings(&with_changed(&calls, 2, |call| call.personal.push(moved)));
    assert_eq!(kinds(&moved), [(Kind::Changed, None)]);
    let twice = findings(&with_changed(&calls, 1, |call| call.personal.push(call.personal[0].clone())));
    assert_eq!(kinds(&twice), [(Kind::Forked, None)]);
}

#[test]
fn text_that_a_killed_function_left_is_no_finding_until_the_timer_has_dropped_it() {
    let calls = one_of_each();
    let added = with_changed(&calls, 1, |call| call.personal.push(own_text("left")));
    let over = calls[1].commits.iter().filter_map(|commit| commit["at"].as_i64()).max().unwrap();
    assert_eq!(audit_at(&added, Millis(over)).1, []);
    assert_eq!(kinds(&audit_at(&added, MUCH_LATER).1), [(Kind::Changed, None)]);
}

#[test]
fn text_that_is_gone_before_its_day_without_a_mark_is_missing() {
    let calls = one_of_each();
    let gone = with_changed(&calls, 1, |call| call.personal.clear());
    assert_eq!(kinds(&findings(&gone)), [(Kind::Missing, Some(1)), (Kind::Missing, Some(4))]);
    assert_eq!(audit_at(&gone, MUCH_LATER).1, [], "it was kept for as long as its commit says");
    let marked = with_changed(&calls, 1, |call| forget(call, "user0"));
    assert_eq!(findings(&marked), []);
    let other_mark = with_changed(&calls, 1, |call| {
        forget(call, "user0");
        call.forgotten[0]["digest"] = calls[1].personal[0]["digest"].clone();
    });
    assert_eq!(kinds(&findings(&other_mark)), [(Kind::Missing, Some(1))]);
    let by_stranger = with_changed(&calls, 1, |call| forget(call, "mallory"));
    assert!(findings(&by_stranger).iter().all(|one| one.kind == Kind::Implausible));
    let too_early = with_changed(&calls, 1, |call| {
        forget(call, "user0");
        call.forgotten[0]["at"] = json!(MIDNIGHT - 60_000);
    });
    assert_eq!(kinds(&findings(&too_early)), [(Kind::Implausible, None)]);
}

/// Sets fields of commit `at` and makes all hashes behind it anew.
fn forged(calls: &[StoredCall], line: usize, at: usize, fields: &[(&str, Value)]) -> Vec<Finding> {
    findings(&with_changed(calls, line, |call| {
        for (path, value) in fields {
            *call.commits[at].pointer_mut(path).unwrap() = value.clone();
        }
        rehash(call, at, false);
    }))
}

#[test]
fn time_that_runs_backwards_is_out_of_order() {
    let calls = one_of_each();
    let accepted = calls[0].commits[2]["at"].as_i64().unwrap();
    // The last commit says that it happened before the one it continues. Receipts count from their commit: they move with it.
    let backwards = |ms: i64| {
        findings(&with_changed(&calls, 1, |call| {
            let was = call.commits[3]["at"].as_i64().unwrap();
            call.commits[3]["at"] = json!(accepted - ms);
            rehash(call, 3, false);
            for receipt in call.receipts.iter_mut().filter(|receipt| receipt["n"] == 4) {
                receipt["at"] = json!(receipt["at"].as_i64().unwrap() - was + accepted - ms);
            }
        }))
    };
    assert_eq!(kinds(&backwards(60_000)), [(Kind::OutOfOrder, Some(4))]);
    assert_eq!(backwards(3_000), [], "clocks of two functions may differ");
    let future = audit_at(&export(&calls, true), Millis(MIDNIGHT - 660_000)).1;
    assert!(future.iter().any(|one| one.kind == Kind::OutOfOrder && one.why.contains("not come yet")), "{future:?}");
    assert_eq!(audit_at(&export(&calls, true), Millis(MIDNIGHT - 60_000)).1, [], "the auditor's clock may be slow");
}

#[test]
fn two_calls_in_one_room_at_once_are_out_of_order() {
    let calls = one_of_each();
    let room = calls[0].commits[0]["events"][0]["data"]["room_id"].clone();
    let fields = [("/events/0/data/room_id", room.clone()), ("/cmd/args/room_id", room)];
    let found = forged(&calls, 2, 0, &fields);
    assert_eq!(kinds(&found), [(Kind::OutOfOrder, None)]);
    assert!(found[0].why.contains(&calls[0].call_id) && found[0].line == Some(3), "{found:?}");
    // The last of the eight is placed long after the first was over: rooms are used again.
    assert_eq!(forged(&calls, 8, 0, &fields), []);
}

#[test]
fn a_receipt_that_says_what_cannot_be_is_implausible() {
    let calls = one_of_each();
    let changed =
        |change: &dyn Fn(&mut Value)| kinds(&findings(&with_changed(&calls, 1, |call| change(&mut call.receipts[0]))));
    assert_eq!(changed(&|receipt| receipt["at"] = json!(MIDNIGHT - 60_000)), [(Kind::Implausible, Some(1))]);
    assert_eq!(changed(&|receipt| receipt["at"] = json!(LATER.0 + 660_000)), [(Kind::Implausible, Some(1))]);
    assert_eq!(changed(&|receipt| receipt["notices"]["0"]["ms"] = json!(20_000)), [(Kind::Implausible, Some(1))]);
    assert_eq!(changed(&|receipt| receipt["notices"]["0"]["ms"] = json!(-20_000)), [(Kind::Implausible, Some(1))]);
    let both = changed(&|receipt| receipt["notices"]["0"]["error"] = json!("the broker was away"));
    assert!(both.contains(&(Kind::Implausible, Some(1))), "given up on, and with an id of the broker: {both:?}");
    let nobody = changed(&|receipt| receipt["n"] = json!(0));
    assert!(nobody.contains(&(Kind::Implausible, Some(0))), "{nobody:?}");
    let empty = findings(&with_changed(&calls, 1, |call| {
        add_receipt(call, json!({ "n": 1, "path": "projector", "at": MIDNIGHT + 900, "notices": {} }));
    }));
    assert_eq!(kinds(&empty), [(Kind::Implausible, Some(1))]);
    for (field, value) in [("path", json!("slow")), ("extra", json!(1)), ("n", json!("1"))] {
        let found = changed(&|receipt| receipt[field] = value.clone());
        assert!(found.contains(&(Kind::Unreadable, None)), "{field}: {found:?}");
    }
}

#[test]
fn a_receipt_that_is_made_up_days_later_does_not_hide_that_somebody_was_never_told() {
    let calls = one_of_each();
    let (ring, days) = ("users/user0/calls/incoming", 9 * 24 * 3_600_000);
    let outcome = |ms: i64| json!({ "target": ring, "carrier": "mqtt", "ms": ms });
    let given_up = |ms: i64| json!({ "target": ring, "carrier": "mqtt", "ms": ms, "error": "its time had passed" });
    // The receipt of the first commit, as if it had been written so long after it.
    let instead = |after: i64, ring: Value, of_others: i64| {
        findings(&with_changed(&calls, 1, |call| {
            let at = call.commits[0]["at"].as_i64().unwrap() + after;
            let receipt = &mut call.receipts[0];
            for outcome in receipt["notices"].as_object_mut().unwrap().values_mut() {
                outcome["ms"] = json!(of_others);
                if of_others > 60_000 {
                    outcome["error"] = json!("its time had passed");
                    outcome.as_object_mut().unwrap().remove("carrier_id");
                }
            }
            receipt["notices"]["0"] = ring;
            receipt["at"] = json!(at);
        }))
    };
    assert_eq!(kinds(&instead(days, outcome(300), 310)), [(Kind::Implausible, Some(1))]);
    let beside_one_of_then = instead(days, outcome(300), days - 5);
    assert_eq!(kinds(&beside_one_of_then), [(Kind::Implausible, Some(1))], "{beside_one_of_then:?}");
    assert!(beside_one_of_then[0].why.contains("was told 300 ms after it was made"), "{beside_one_of_then:?}");
    // A broker that did not answer, and a table that throttled, for as long as the projector may run.
    assert_eq!(instead(60_000, outcome(300), 310), []);
    // The projector gave up, and its letter was redriven days later: all of that is of then.
    assert_eq!(instead(days, given_up(days - 5), days - 3), []);
}

#[test]
fn an_alert_by_somebody_who_is_not_rung_is_implausible() {
    let calls = one_of_each();
    for (field, value, kind) in [
        ("callee", json!("mallory"), Kind::Implausible),
        ("client_id", json!("user1_phone_1"), Kind::Implausible),
        ("at", json!(MIDNIGHT - 60_000), Kind::Implausible),
        ("at", json!(MIDNIGHT + 60_000), Kind::Implausible),
        ("at", json!("now"), Kind::Unreadable),
        ("more", json!(1), Kind::Unreadable),
    ] {
        let found = findings(&with_changed(&calls, 1, |call| call.alerts[0][field] = value.clone()));
        assert_eq!(kinds(&found), [(kind, None)], "{field}: {found:?}");
    }
    let twice = findings(&with_changed(&calls, 1, |call| call.alerts.push(call.alerts[0].clone())));
    assert_eq!(kinds(&twice), [(Kind::Forked, None)]);
}

/// Line `number` with its text changed, and its checksum made anew.
fn rewritten(calls: &[StoredCall], number: usize, from: &str, to: &str) -> Vec<Finding> {
    let mut lines = lines(&export(calls, true));
    let content = lines[number].rsplit_once(",\"crc\"").unwrap().0.to_owned();
    let changed = content.replacen(from, to, 1);
    assert_ne!(changed, content, "{from}");
    lines[number] = with_crc(&changed);
    findings(&text(&lines))
}

#[test]
fn text_that_is_not_rfc_8785_is_changed_though_it_hashes_to_what_is_named() {
    let calls = one_of_each();
    for (from, to) in [
        // A commit.
        ("{\"actor\":{\"id\":\"door0\",", "{\"actor\":{ \"id\":\"door0\","),
        ("\"max_call_seconds\":7200", "\"max_call_seconds\":7200.0"),
        ("\"kind\":\"place\"", "\"kind\":\"\\u0070lace\""),
        ("\"id\":\"door0\",\"kind\":\"device\"", "\"kind\":\"device\",\"id\":\"door0\""),
        ("\"ring_seconds\":30", "\"ring_seconds\":30,\"ring_seconds\":30"),
        ("\"tenant\":\"default\"}", "\"tenant\":\"default\" }"),
        ("\"reachable\":true", "\"reachable\": true"),
        // What stands beside it.
        ("\"path\":\"fast\"", "\"path\": \"fast\""),
        ("\"carrier\":\"mqtt\"", "\"carrier\":\"mqt\\u0074\""),
        ("\"salt\":", "\"salt\": "),
        ("\"alerts\":[{", "\"alerts\":[{ "),
    ] {
        let found = rewritten(&calls, 1, from, to);
        assert!(!found.is_empty() && found.iter().all(|one| one.kind == Kind::Changed), "{from} → {to}: {found:?}");
    }
    // The line itself, and the head and the end.
    for (line, from, to) in [
        (1, "\"last\":4,", "\"last\": 4,"),
        (1, "\"call\":", "\"end\":null,\"call\":"),
        (0, "\"tenants\":[]", "\"tenants\":[ ]"),
        (9, "\"calls\":8", "\"calls\": 8"),
    ] {
        assert_eq!(kinds(&rewritten(&calls, line, from, to)), [(Kind::Changed, None)], "{from} → {to}");
    }
}

#[test]
fn a_field_that_is_not_known_is_unreadable_though_all_hashes_were_made_anew() {
    let calls = one_of_each();
    for path in ["", "/cmd", "/actor", "/events/0", "/events/0/data", "/events/0/data/callees/0", "/cmd/args"] {
        let found = findings(&with_changed(&calls, 1, |call| {
            call.commits[0].pointer_mut(path).unwrap().as_object_mut().unwrap().insert("extra".into(), json!(1));
            rehash(call, 0, false);
        }));
        let named = found.iter().any(|one| (one.kind, one.n) == (Kind::Unreadable, Some(1)));
        assert!(named, "{path}: {found:?}");
    }
    // An integer that JSON readers do not read alike: RFC 8785 hashes another one than stands there.
    let found = rewritten(&calls, 1, "\"room_id\":664321", "\"room_id\":9007199254740993");
    assert!(found.iter().any(|one| (one.kind, one.n) == (Kind::Changed, Some(1))), "{found:?}");
}

fn export_under(header: &Header, calls: &[StoredCall], with_personal: bool) -> Vec<u8> {
    let (mut out, mut progress) = (vec![], Progress::default());
    progress.head(&mut out, &header.line().unwrap()).unwrap();
    for call in calls {
        progress.call(&mut out, call, with_personal).unwrap();
    }
    progress.finish(&mut out).unwrap();
    out
}

#[test]
fn an_export_whose_head_does_not_fit_is_found_with_and_without_another_finding() {
    let calls = one_of_each();
    let mut other_finding = calls.clone();
    other_finding[3].receipts.clear();
    let head = |from: &str, to: &str| Header { from: Some(from.into()), to: Some(to.into()), ..Header::default() };
    let tenants = Header { tenants: vec!["other".into()], ..Header::default() };
    let personal = Header { with_personal: true, ..Header::default() };
    for (header, with_personal, kind) in [
        (head("2026-11-22", "2026-11-22"), false, None),
        (Header { tenants: vec!["other".into(), "default".into()], ..Header::default() }, false, None),
        (personal.clone(), true, None),
        (head("2026-11-23", "2026-11-23"), false, Some(Kind::OutOfOrder)),
        (head("2026-11-20", "2026-11-21"), false, Some(Kind::OutOfOrder)),
        (tenants, false, Some(Kind::OutOfOrder)),
        (personal, false, Some(Kind::Missing)),
        (Header::default(), true, Some(Kind::Changed)),
        (head("2026-02-30", "2026-11-22"), false, Some(Kind::Changed)),
        (head("2026-11-22", "2026-11-20"), false, Some(Kind::Changed)),
    ] {
        let found = findings(&export_under(&header, &calls, with_personal));
        let named = |found: &[Finding], kind| found.iter().any(|one| one.kind == kind);
        match kind {
            None => assert_eq!(found, [], "{header:?}"),
            Some(kind) => {
                assert!(named(&found, kind), "{header:?}: {found:?}");
                let found = findings(&export_under(&header, &other_finding, with_personal));
                assert!(named(&found, kind) && named(&found, Kind::NeverTold), "{header:?}: {found:?}");
            }
        }
    }
}

#[test]
fn a_call_that_was_taken_out_is_betrayed_by_the_count_though_there_is_another_finding() {
    let calls = one_of_each();
    let mut fewer = calls.clone();
    fewer.remove(5);
    fewer[0].receipts.clear();
    let mut forged = lines(&export(&fewer, true));
    let end = lines(&export(&calls, true)).pop().unwrap();
    *forged.last_mut().unwrap() = with_crc(&end.rsplit_once(",\"crc\"").unwrap().0.replace("\"line\":9", "\"line\":8"));
    let found = findings(&text(&forged));
    assert!(found.iter().any(|one| one.kind == Kind::Missing && one.why.contains("8 calls")), "{found:?}");
    // A last commit, with its receipts and the number of commits that its line gives.
    let mut shorter = lines(&export(&calls, true));
    let mut call = calls[4].clone();
    call.commits.pop();
    call.receipts.retain(|receipt| receipt["n"] != 4);
    shorter[5] = line_of(5, call.commits[0]["at"].as_i64().unwrap(), 3, &call);
    let found = findings(&text(&shorter));
    assert!(found.iter().any(|one| one.kind == Kind::Missing && one.why.contains("commits")), "{found:?}");
}

#[test]
fn a_call_that_still_rings_long_after_its_deadline_is_unfinished() {
    let mut calls = one_of_each();
    calls[2].commits.truncate(2);
    calls[2].receipts.retain(|receipt| receipt["n"].as_u64() < Some(3));
    calls[4].commits.truncate(3);
    calls[4].receipts.retain(|receipt| receipt["n"].as_u64() < Some(4));
    let bytes = export(&calls, true);
    let unfinished = |as_of: i64| -> Vec<Option<u32>> {
        let found = audit_at(&bytes, Millis(MIDNIGHT + as_of)).1;
        found.iter().filter(|one| one.kind == Kind::Unfinished).map(|one| one.n).collect()
    };
    assert_eq!(unfinished(200_000), [], "the timer may be about to end it");
    assert_eq!(unfinished(900_000), [Some(2)], "it rang for 30 seconds");
    assert_eq!(unfinished(3 * 3_600_000), [Some(2), Some(3)], "and two hours is the longest that a call may last");
}

#[test]
fn a_ring_that_was_handed_over_after_the_deadline_is_told_too_late_though_it_was_told_in_time_before() {
    let calls = one_of_each();
    let again = |ms: i64, target: &str, phone: bool| {
        findings(&with_changed(&calls, 1, |call| {
            let outcome = json!({ "target": target, "carrier": if phone { "push" } else { "mqtt" }, "ms": ms });
            let at = MIDNIGHT + ms + 2;
            let (notices, phones) = if phone {
                (json!({}), json!({ "user0_phone_1": outcome }))
            } else {
                (json!({ "0": outcome }), json!({}))
            };
            let mut receipt = json!({ "n": 1, "path": "projector", "at": at, "notices": notices });
            if phone {
                receipt["phones"] = phones;
            }
            add_receipt(call, receipt);
        }))
    };
    assert_eq!(again(29_000, "users/user0/calls/incoming", false), []);
    let late = again(30_020, "users/user0/calls/incoming", false);
    assert_eq!(kinds(&late), [(Kind::ToldTooLate, Some(1))]);
    assert!(late[0].why.contains("handed the ring 20 ms after the deadline"), "{late:?}");
    let late: Vec<Finding> =
        again(31_000, "GCM", true).into_iter().filter(|one| one.kind == Kind::ToldTooLate).collect();
    assert_eq!(kinds(&late), [(Kind::ToldTooLate, Some(1))]);
    assert!(late[0].why.contains("user0_phone_1 was handed the ring 1000 ms after the deadline"), "{late:?}");
}

#[test]
fn a_single_call_is_judged_as_of_a_moment() {
    let call = a_call(3, Millis(MIDNIGHT));
    assert_eq!(audit_at(&export(&[call], true), Millis(MIDNIGHT + 40_000)).1, []);
}

/// Rings each of these, who are busy as it says.
fn place_to(callees: &[(&str, Option<Busy>)]) -> Act {
    let callee = |(id, busy): &(&str, Option<Busy>)| {
        let clients = (1..=2).map(|n| ClientName::new(format!("{id}_phone_{n}")).unwrap()).collect();
        Callee { id: party(id), clients, primary: None, reachable: *busy != Some(Busy::Blocked), busy: *busy }
    };
    let Act::Place { ring_seconds, room_id, max_call_seconds, personal, .. } = place("user0") else { unreachable!() };
    Act::Place { callees: callees.iter().map(callee).collect(), ring_seconds, room_id, max_call_seconds, personal }
}

fn pressed(second: i64, callees: &[(&str, Option<Busy>)]) -> Making {
    let at = Millis(MIDNIGHT + second * 1_000);
    Making::new(&format!("call_door0_{}_{}", callees[0].0, at.0), at).then(
        0,
        device("door0"),
        place_to(callees),
        shows("前门"),
    )
}

#[test]
fn what_busy_people_households_and_second_presses_do_raises_no_alarm() {
    let nothing = PersonalText::default;
    let refused = pressed(0, &[("anna", Some(Busy::Refused))]);
    assert_eq!(refused.stored.commits[0]["events"][1]["type"], "CallRejected", "at once, in the same commit");
    let blocked = pressed(100, &[("anna", Some(Busy::Blocked))]).then(32_100, Actor::Timer, Act::Expire {}, nothing());
    let household = [("anna", Some(Busy::Waiting)), ("ben", None), ("carl", Some(Busy::Refused)), ("dora", None)];
    let reject = |reason| Act::Reject { reason, personal: None };
    let household = pressed(200, &household).then(300, phone("anna", 1), Act::Alert {}, nothing());
    let household = alert(alert(household, &phone("ben", 1)), &phone("dora", 2))
        .then(1_000, phone("anna", 1), Act::Decline {}, nothing())
        .then(1_000, phone("ben", 2), reject(Reason::Busy), reason("in a meeting"))
        .then(1_000, phone("dora", 2), Act::Accept {}, nothing())
        .then(4_000, device("door0"), Act::HangUp { personal: None }, nothing());
    let mut again = pressed(300, &[("anna", None)]);
    // The second press rings again what has not said that it rings: one more round of the first commit.
    let ring = again.stored.receipts[0]["notices"]["0"].clone();
    assert!(ring["target"].as_str().unwrap().ends_with("/calls/incoming"), "{ring}");
    let (mut round, at) =
        (json!({ "n": 1, "path": "fast", "at": again.now.0 + 5_030, "notices": { "0": ring } }), 5_020);
    round["notices"]["0"]["ms"] = json!(at);
    again.stored.receipts.push(round);
    let again = again.then(7_000, phone("anna", 1), Act::Accept {}, nothing()).then(
        7_200_000,
        Actor::Timer,
        Act::End { reason: Reason::Limit },
        nothing(),
    );
    let calls: Vec<StoredCall> = [refused, blocked, household, again].into_iter().map(|made| made.stored).collect();
    let (counts, found) = audit_at(&export(&calls, true), LATER);
    assert_eq!(found, []);
    assert_eq!((counts.calls, counts.proven), (4, counts.commits));
    // And whoever says that somebody was busy who was not is found out.
    let forged = findings(&with_changed(&calls, 1, |call| {
        call.commits[0]["events"].as_array_mut().unwrap().pop();
        call.commits[0]["state"] = json!("ringing");
        rehash(call, 0, false);
    }));
    assert!(forged.iter().any(|one| (one.kind, one.n) == (Kind::ImpossibleDecision, Some(1))), "{forged:?}");
}
