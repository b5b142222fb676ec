//! What stands beside the commits of a call twice, elsewhere or in another order is found, as it is of commits.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "what goes wrong here is a broken test")]

mod common;

use common::{LATER, day, export, findings, forget, in_order, rehash, with_changed};
use ilock_audit::verify::DayAccess;
use ilock_audit::{Finding, Kind};
use ilock_proof::StoredCall;
use serde_json::{Value, json};

/// One call of each kind; text of the first was forgotten.
fn calls() -> Vec<StoredCall> {
    let mut calls = in_order(day(8));
    forget(&mut calls[0], "user0");
    assert!(calls[0].forgotten.len() == 2 && calls[0].alerts.len() == 1 && calls[0].receipts.len() > 3);
    assert_eq!(findings(&export(&calls, true)), []);
    calls
}

#[track_caller]
fn found(kind: Kind, why: &str, change: impl FnOnce(&mut StoredCall)) {
    let found = findings(&with_changed(&calls(), 1, change));
    let is_it = |one: &Finding| one.kind == kind && one.why.contains(why) && one.call_id.is_some();
    assert!(found.iter().any(is_it), "{kind:?} {why}: {found:?}");
}

#[test]
fn a_receipt_an_alert_or_a_mark_that_stands_twice_is_forked() {
    found(Kind::Forked, "receipt 2 stands there twice", |call| call.receipts.insert(1, call.receipts[1].clone()));
    found(Kind::Forked, "receipt 1 stands there 3 times", |call| {
        let first = call.receipts[0].clone();
        call.receipts.splice(0..0, [first.clone(), first]);
    });
    found(Kind::Forked, "is said twice to be forgotten", |call| call.forgotten.insert(0, call.forgotten[0].clone()));
    found(Kind::Forked, "says twice that it rings", |call| call.alerts.push(call.alerts[0].clone()));
}

#[test]
fn what_stands_under_a_key_that_is_not_its_own_is_out_of_order() {
    let placed = |call: &StoredCall, sk: &str, item: &Value| {
        let mut one = StoredCall { call_id: call.call_id.clone(), ..StoredCall::default() };
        one.place(sk, item.clone());
        one
    };
    for sk in ["receipt#000002#0000", "receipt#", "receipt#000001#x"] {
        let why = format!("receipt 1 stands under the key {sk}, which is not its own");
        found(Kind::OutOfOrder, &why, |call| call.receipts[0] = placed(call, sk, &call.receipts[0]).receipts.remove(0));
    }
    found(Kind::OutOfOrder, "alert 1 stands under the key alert#user0_phone_9", |call| {
        call.alerts[0] = placed(call, "alert#user0_phone_9", &call.alerts[0]).alerts.remove(0);
    });
    found(Kind::OutOfOrder, "stands under the key forgotten#00", |call| {
        call.forgotten[1] = placed(call, "forgotten#00", &call.forgotten[1]).forgotten.remove(0);
    });
    // Text of another call, which nobody had forgotten.
    let calls = calls();
    let moved = findings(&with_changed(&calls, 2, |call| {
        call.personal[0] = placed(call, "personal#0000000000000000", &call.personal[0]).personal.remove(0);
    }));
    assert!(moved.len() == 1 && moved[0].kind == Kind::OutOfOrder && moved[0].why.contains("text 1"), "{moved:?}");
    // Under its own key it is as it was.
    for (receipt, round) in calls[0].receipts.iter().zip(0..) {
        let own = placed(&calls[0], &format!("receipt#{:06}#{round:04}", receipt["n"].as_u64().unwrap()), receipt);
        assert_eq!(own.receipts, std::slice::from_ref(receipt));
    }
}

#[test]
fn receipts_alerts_and_marks_in_another_order_are_out_of_order() {
    found(Kind::OutOfOrder, "stands behind one whose key is higher", |call| call.receipts.reverse());
    found(Kind::OutOfOrder, "what says that text was forgotten, 2 stands behind", |call| call.forgotten.reverse());
    found(Kind::OutOfOrder, "alert 2 stands behind", |call| {
        let mut first = call.alerts[0].clone();
        first["client_id"] = json!("user0_phone_1");
        call.alerts.push(first);
    });
}

#[test]
fn personal_text_that_no_setting_keeps_for_so_long_or_so_short_is_an_impossible_decision() {
    // Placed on 2026-11-22.
    let until = |day: &str| {
        findings(&with_changed(&calls(), 2, |call| {
            call.commits[0]["personal_until"] = json!(day);
            call.personal.clear();
            rehash(call, 0, false);
        }))
    };
    for day in ["2020-01-01", "2026-11-22", "2126-10-31"] {
        let found = until(day);
        let is_it = |one: &Finding| (one.kind, one.n) == (Kind::ImpossibleDecision, Some(1)) && one.why.contains(day);
        assert!(found.iter().any(is_it), "{day}: {found:?}");
    }
    for day in ["2026-11-23", "2126-10-29"] {
        let found = until(day);
        assert!(found.iter().all(|one| one.kind != Kind::ImpossibleDecision), "{day}: {found:?}");
    }
}

#[test]
fn an_access_whose_fields_cannot_be_read_is_named_so() {
    let (tenant, day) = ("default".parse().unwrap(), "2026-11-22".parse().unwrap());
    let mut judge = ilock_audit::verify::DayJudge::new("2026-11-22".parse().unwrap(), LATER);
    let sk = "access#001795305600000#00112233445566778899aabbccddeeff";
    judge.access(&DayAccess { tenant: &tenant, day: &day, sk, body: &Value::Null });
    let judged = judge.finish(None);
    assert_eq!(judged.findings.len(), 1, "{judged:?}");
    assert!(judged.findings[0].kind == Kind::Unreadable && judged.findings[0].why.contains(sk), "{judged:?}");
}
