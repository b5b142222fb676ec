//! Phones and doors, the backend and a network that does what it wants: once all is well again, everybody shows what the
//! backend has, nobody rings for nothing, and no call is left that nobody is in.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that cannot go on has failed")]

mod app;
mod backend;
mod device;
mod judge;
mod network;
mod people;
mod random;
mod story;

use std::time::{Duration, Instant};

/// `ILOCK_FUZZ_SECONDS`: go on for so long. A round of stories without it.
fn seconds() -> Duration {
    let text = std::env::var("ILOCK_FUZZ_SECONDS").unwrap_or_default();
    Duration::from_secs(text.parse().unwrap_or(0))
}

/// How many stories are one round. `ILOCK_FUZZ_SEED` tells another one.
const ROUND: u64 = 150;

#[test]
fn once_all_is_well_everybody_shows_what_the_backend_has() {
    let first: u64 = std::env::var("ILOCK_FUZZ_SEED").ok().and_then(|text| text.parse().ok()).unwrap_or(0);
    let (began, least) = (Instant::now(), seconds());
    let mut seed = first;
    let mut failures = 0;
    let round = if first > 0 { 1 } else { ROUND };
    while seed < first + round || began.elapsed() < least {
        if let Err(error) = story::Story::new(seed, false).run() {
            failures += 1;
            if failures < 4 {
                let mut again = story::Story::new(seed, true);
                again.run().unwrap_err();
                println!("{}", again.log.join("\n"));
            }
            println!("seed {seed}: {error}");
        }
        seed += 1;
    }
    println!("world: {} stories in {:.0?}", seed - first, began.elapsed());
    assert!(failures == 0, "{failures} stories failed");
}
