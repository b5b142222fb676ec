//! What a call costs.

use ilock_tests::meter::Meter;
use ilock_tests::usage::{CallUsage, call_usage};
use ilock_tests::{RoundTrips, round_trips, whole_call};

#[tokio::test(flavor = "multi_thread")]
async fn a_whole_call_with_everything_written_for_it_costs_sixteen_write_units() {
    let mut used = whole_call(&Meter::default()).await;
    for _ in 0..2 {
        // On a machine so busy that the fast path is late, the projector writes receipts too.
        if used.wcu > 16.0 {
            used = whole_call(&Meter::default()).await;
        }
    }
    assert!(used.wcu <= 16.0, "{used:?}");
    // Place, alert, accept, hang up: two items each, in a transaction, in which each costs double.
    assert!((used.ledger_wcu - 16.0).abs() < f64::EPSILON, "the ledger, beside it: {used:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_phones_ring_after_four_requests_in_turn_and_the_caller_hears_the_answer_after_three() {
    let targets = [("POST /api/calls", 4), ("POST callee-action accepted", 3)];
    let over = |trips: &[RoundTrips]| {
        let until_told = |endpoint| trips.iter().find(|trips| trips.endpoint == endpoint).unwrap().until_told.unwrap();
        targets.iter().any(|(endpoint, most)| until_told(*endpoint) > *most)
    };
    let mut measured = round_trips().await;
    for _ in 0..2 {
        // On a busy machine concurrent requests may appear sequential.
        if over(&measured) {
            measured = round_trips().await;
        }
    }
    assert!(!over(&measured), "{measured:#?}");
}

/// What `tools/cost` counted last, and the tables of the operators' pages are made of.
fn counted() -> CallUsage {
    let text = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../bench/cost/counts.json")).unwrap();
    serde_json::from_value(serde_json::from_str::<serde_json::Value>(&text).unwrap()["call"].take()).unwrap()
}

/// Whether both are the same but for what a busy machine changes: a late fast path has the projector write receipts too.
fn agree(now: &CallUsage, then: &CallUsage) -> bool {
    let near = |a: f64, b: f64| (a - b).abs() <= b.mul_add(0.1, 1.0);
    let exact = |usage: &CallUsage| {
        (usage.http_requests, usage.commits, usage.mqtt_published, usage.mqtt_delivered, usage.pushes)
    };
    exact(now) == exact(then)
        && near(now.read_units, then.read_units)
        && now.write_units.keys().eq(then.write_units.keys())
        && now.write_units.iter().all(|(table, units)| near(*units, then.write_units[table]))
        && near(now.registration_write_units, then.registration_write_units)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_uses_what_the_operators_pages_say() {
    let then = counted();
    let mut now = call_usage(|| ()).await;
    for _ in 0..2 {
        if !agree(&now, &then) {
            now = call_usage(|| ()).await;
        }
    }
    assert!(agree(&now, &then), "run tools/cost: counted {now:#?}, and the pages have {then:#?}");
}
