//! What a call costs.

use aws_sdk_dynamodb::config::SharedInterceptor;
use ilock_local::dynamodb::{self, create_table};
use ilock_log::ledger::{LEDGER_TABLE, Ledger};
use ilock_tests::engine::Engine;
use ilock_tests::ledger::{TestLedger, entries};
use ilock_tests::meter::Meter;
use ilock_tests::usage::{CallUsage, call_usage};
use ilock_tests::{RoundTrips, round_trips, whole_call};

#[tokio::test(flavor = "multi_thread")]
async fn a_whole_call_with_everything_beside_it_costs_sixteen_write_units_and_thirteen_read_units() {
    let mut used = whole_call(&Meter::default()).await;
    for _ in 0..2 {
        // On a machine so busy that the fast path is late, the projector writes receipts too.
        if used.wcu > 16.0 || used.rcu > 13.0 {
            used = whole_call(&Meter::default()).await;
        }
    }
    assert!(used.wcu <= 16.0 && used.rcu <= 13.0, "{used:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_ledger_costs_less_than_a_third_of_a_write_unit_a_commit_at_ten_calls_a_second() {
    let (engine, meter) = (Engine::embedded().await, Meter::default());
    create_table(&engine.client, "ledger", LEDGER_TABLE).await.unwrap();
    let watched = dynamodb::client(engine.at.parse().unwrap(), Some(SharedInterceptor::new(meter.clone())));
    let test = TestLedger::with(Ledger::new(watched, "ledger"));
    test.settle().await;
    let _ = meter.take();
    // A minute: every five seconds the stream shows 50 calls of four commits, each with a receipt.
    for window in 0..12 {
        test.ledger.enter(&entries(window * 400..(window + 1) * 400)).await.unwrap();
    }
    let done = test.settle().await;
    let used = meter.take();
    let commits = 12.0 * 200.0;
    assert_eq!((done.rounds, done.entries), (1, 4_800));
    assert!(used.ledger_wcu / commits <= 0.3, "{} units a commit: {used:?}", used.ledger_wcu / commits);
    // With 13 read units beside it a call of four commits takes 14.
    assert!(used.ledger_rcu / commits <= 0.25, "{used:?}");
    engine.end().await;
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

/// Whether both are the same but for what a busy machine changes: a late fast path has the projector write receipts too, and
/// what the stream shows together is entered into the ledger together, in fewer items.
fn agree(now: &CallUsage, then: &CallUsage) -> bool {
    let near = |a: f64, b: f64| (a - b).abs() <= b.mul_add(0.1, 1.0);
    let near_in = |table: &str, a: f64, b: f64| near(a, b) || table == "ledger" && (b / 2.0..b).contains(&a);
    let exact = |usage: &CallUsage| {
        (usage.http_requests, usage.commits, usage.mqtt_published, usage.mqtt_delivered, usage.pushes)
    };
    exact(now) == exact(then)
        && near(now.read_units, then.read_units)
        && now.write_units.keys().eq(then.write_units.keys())
        && now.write_units.iter().all(|(table, units)| near_in(table, *units, then.write_units[table]))
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
