//! How fast an export is verified on one core: `cargo run --release -p ilock-audit --example verify-speed [CALLS [FILE]]`. The
//! export is left in FILE, to be verified by the command.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "what goes wrong here is a broken measurement"
)]

#[path = "../tests/common/mod.rs"]
mod common;

use std::time::Instant;

use common::{a_call, export, in_order};
use ilock_audit::verify;
use ilock_events::Millis;

const ROUNDS: u32 = 5;

fn main() {
    let calls: u32 = std::env::args().nth(1).map_or(50_000, |calls| calls.parse().expect("a number of calls"));
    let made = (0..calls).map(|number| a_call(number, Millis(1_795_305_600_000 + i64::from(number) * 1_000))).collect();
    let file = export(&in_order(made), false);
    if let Some(path) = std::env::args().nth(2) {
        std::fs::write(path, &file).expect("the file can be written");
    }
    let verify = || verify::file(&*file, common::LATER, |finding| panic!("{finding:?}"), |_| {});
    // The first time warms up.
    let counts = verify();
    let begun = Instant::now();
    for _ in 0..ROUNDS {
        verify();
    }
    let took = begun.elapsed() / ROUNDS;
    assert_eq!(counts.proven, counts.commits);
    #[allow(clippy::cast_precision_loss, reason = "a measurement")]
    let (commits, bytes) = (counts.commits as f64, file.len() as f64);
    println!(
        "{} commits of {} calls, {:.0} MB, in {:.2} s: {:.0} commits/s, {:.0} MB/s",
        counts.commits,
        counts.calls,
        bytes / 1e6,
        took.as_secs_f64(),
        commits / took.as_secs_f64(),
        bytes / 1e6 / took.as_secs_f64()
    );
}
