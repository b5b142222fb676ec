//! What calls and ledgers have in common: seeds that are named by a variable, run on all processors, and decide everything.

use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};

use ilock_env::simulate_randomness;

use crate::dice::Dice;

/// The seeds that `variable` names: `5000` for the first 5,000, `5000..9000` for those from 5,000 on. None where it is not set.
pub fn named(variable: &str) -> Option<Range<u64>> {
    let text = std::env::var(variable).ok()?;
    let bad = || panic!("{variable} must be a number or FROM..TO, not {text:?}");
    Some(match text.split_once("..") {
        None => 0..text.parse().unwrap_or_else(|_| bad()),
        Some((from, to)) => from.parse().unwrap_or_else(|_| bad())..to.parse().unwrap_or_else(|_| bad()),
    })
}

/// Runs `one` for each of `seeds`, on all processors, as long as `is_wanted` says so.
pub fn on_all_processors(seeds: Range<u64>, is_wanted: impl Fn(u64) -> bool + Sync, one: impl Fn(u64) + Sync) {
    let next = AtomicU64::new(seeds.start);
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= seeds.end || !is_wanted(seed) {
                        return;
                    }
                    one(seed);
                }
            });
        }
    });
}

/// Runs `simulation` on one thread, by a clock that stands still while anything can be done, with the randomness of `seed`.
pub fn decided_by<T>(seed: u64, simulation: impl Future<Output = T>) -> T {
    fastrand::seed(seed);
    let dice = Dice::of(seed, "randomness of the functions");
    let _randomness = simulate_randomness(move |bytes| dice.fill(bytes));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    runtime.block_on(Box::pin(simulation))
}
