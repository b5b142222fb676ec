//! The seeds that are run: 30 by `make test`, or those that `ILOCK_LEDGER_SEEDS` names: `10000`, `300..400`. With it, a
//! sequencer is killed at each of its awaits, else at every fourth.

use std::ops::Range;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use super::run::{Outcome, Scene, run};
use crate::bugs::Bug;
use crate::seeded::{named, on_all_processors};
use crate::weather::Weather;

const VARIABLE: &str = "ILOCK_LEDGER_SEEDS";
const SEEDS: u64 = 30;
/// How long something is written where the seed does not say so.
const SHORT: Duration = Duration::from_secs(100);
/// `make test` kills a sequencer at every so many-th of its awaits, `make check-all` at each.
const STEP: usize = 4;
/// Within so many seeds each planted bug is found.
const FOUND_WITHIN: u64 = 20;

/// Runs `seeds` on all processors until one fails; the sums over all, with what is wrong with the first that failed.
fn run_all(seeds: Range<u64>, scene: &Scene) -> Outcome {
    let sums: Mutex<Outcome> = Mutex::default();
    on_all_processors(
        seeds,
        |_| sums.lock().unwrap().found.is_empty(),
        |seed| {
            let outcome = run(seed, scene);
            add(&mut sums.lock().unwrap(), seed, outcome);
        },
    );
    sums.into_inner().unwrap()
}

fn add(sums: &mut Outcome, seed: u64, outcome: Outcome) {
    if sums.found.is_empty() && !outcome.found.is_empty() {
        sums.story = format!("seed {seed}:\n{}\nAgain: ILOCK_LEDGER_SEEDS={seed}..{}", outcome.story, seed + 1);
        sums.found = outcome.found;
    }
    sums.entries += outcome.entries;
    sums.rounds += outcome.rounds;
    sums.kills += outcome.kills;
    sums.redriven += outcome.redriven;
    sums.signed.extend(outcome.signed);
    sums.witnessed.extend(outcome.witnessed);
}

fn p99(mut delays: Vec<Duration>) -> Duration {
    delays.sort();
    delays[delays.len() * 99 / 100]
}

#[test]
fn whatever_goes_wrong_the_ledger_holds() {
    let (begun, seeds) = (Instant::now(), named(VARIABLE).unwrap_or(0..SEEDS));
    let sums = run_all(seeds.clone(), &Scene::default());
    let Outcome { entries, rounds, kills, redriven, .. } = sums;
    println!(
        "seeds {seeds:?} of the ledger: {entries} entries, {rounds} checkpoints, {kills} sequencers killed, {redriven} dead \
         letters redriven, in {:.0?}",
        begun.elapsed()
    );
    assert!(sums.found.is_empty(), "{}\n{}", sums.story, sums.found.join("\n"));
    assert!(entries > 0 && rounds > 0);
    assert!(seeds.end - seeds.start < SEEDS || kills > 2 && redriven > 0, "nothing went wrong");
}

#[test]
fn a_seed_of_the_ledger_tells_the_same_story_twice() {
    for seed in 0..3 {
        let (one, two) = (run(seed, &Scene::default()), run(seed, &Scene::default()));
        assert!(one.story == two.story, "seed {seed}:\n{}\n---\n{}", one.story, two.story);
    }
}

#[test]
fn what_is_committed_is_signed_within_75_seconds_and_witnessed_within_90() {
    let fair = Weather { lasts: Duration::from_mins(10), ..Weather::fair() };
    let sums = run_all(0..8, &Scene { weather: Some(fair), ..Scene::default() });
    assert!(sums.found.is_empty(), "{}", sums.found.join("\n"));
    let (counted, signed, witnessed) = (sums.signed.len(), p99(sums.signed), p99(sums.witnessed));
    println!(
        "of {counted} entries 99 % are signed within {signed:.1?}, witnessed within {witnessed:.1?}, by the simulation's clock"
    );
    assert!(signed <= Duration::from_secs(75) && witnessed <= Duration::from_secs(90));
}

#[test]
fn planted_bugs_of_the_ledger_are_found() {
    // Two sequencers that wake at almost the same time, and meet.
    let weather = Weather {
        slow_requests: 20,
        two_sequencers: true,
        sequencers_apart_ms: 3_000,
        lasts: SHORT,
        ..Weather::fair()
    };
    for bug in Bug::LEDGER {
        let scene = Scene { weather: Some(weather.clone()), bug: Some(bug), kill: None };
        let found = |seed| run(seed, &scene).found.into_iter().find(|found| found.contains(bug.found_by()));
        let first = (0..FOUND_WITHIN).find_map(|seed| Some((seed, found(seed)?)));
        let Some((seed, found)) = first else { panic!("not found within {FOUND_WITHIN} seeds: {bug}") };
        println!("found after {} seeds: {bug}: {found}", seed + 1);
    }
}

#[test]
fn a_sequencer_may_be_killed_at_any_of_its_awaits() {
    let step = if named(VARIABLE).is_some() { 1 } else { STEP };
    // Alone, it finds what it left itself; with a second, that one may be in the middle of the same round.
    for (first, two_sequencers) in [(0, false), (step / 2, true)] {
        let weather = Weather { two_sequencers, sequencers_apart_ms: 300, lasts: SHORT, ..Weather::fair() };
        for (kills, at) in (0..).skip(first).step_by(step).enumerate() {
            let scene = Scene { weather: Some(weather.clone()), kill: Some(at), ..Scene::default() };
            let outcome = run(at, &scene);
            assert!(outcome.found.is_empty(), "killed at {at}:\n{}\n{}", outcome.story, outcome.found.join("\n"));
            if outcome.kills == 0 {
                println!("{kills} sequencers were killed before their await {at}; a second one: {two_sequencers}");
                assert!(at > 40, "a sequencer waits only {at} times");
                break;
            }
        }
    }
}
