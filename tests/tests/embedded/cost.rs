//! What a call costs.

use ilock_tests::meter::Meter;
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
