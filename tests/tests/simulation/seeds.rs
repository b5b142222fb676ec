//! The seeds that are run: 2,000 by `make test`, those that `ILOCK_SEEDS` names, or the one of `ILOCK_SEED`, with its story.

use std::ops::Range;
use std::sync::Mutex;
use std::time::Instant;

use crate::bugs::Bug;
use crate::judge::Judgement;
use crate::run::{Outcome, Script, run};
use crate::seeded::{named, on_all_processors};
use crate::weather::Weather;

/// How many seeds are run where nothing else is said.
const SEEDS: u64 = 2_000;

/// Of more, a page of a history would not show all.
const MOST_ROUNDS: u64 = 12;

/// Within so many seeds each planted bug is found.
const FOUND_WITHIN: u64 = 500;

/// `ILOCK_SEED`: the one seed that is to be run.
fn one_seed() -> Option<u64> {
    let text = std::env::var("ILOCK_SEED").ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("ILOCK_SEED must be a whole number, not {text:?}")))
}

fn seeds() -> Range<u64> {
    one_seed().map(|seed| seed..seed + 1).or_else(|| named("ILOCK_SEEDS")).unwrap_or(0..SEEDS)
}

/// `ILOCK_ROUNDS`: how often the callers of a seed call; once where it is not set.
fn script() -> Script {
    let rounds = std::env::var("ILOCK_ROUNDS").map_or(1, |text| {
        let rounds = text.parse().ok().filter(|rounds| (1..=MOST_ROUNDS).contains(rounds));
        rounds.unwrap_or_else(|| panic!("ILOCK_ROUNDS must be from 1 to {MOST_ROUNDS}, not {text:?}"))
    });
    Script { rounds, ..Script::default() }
}

/// Runs `seeds` on all processors until one fails; the first that did, and the sums over all.
fn run_all(seeds: Range<u64>, script: &Script) -> (Option<(u64, Outcome)>, Judgement) {
    run_until(seeds, script, |_| true)
}

/// As [`run_all`], but only what `fails` says is wrong is a failure.
fn run_until(
    seeds: Range<u64>,
    script: &Script,
    fails: impl Fn(&str) -> bool + Sync,
) -> (Option<(u64, Outcome)>, Judgement) {
    let failed: Mutex<Option<(u64, Outcome)>> = Mutex::default();
    let sums: Mutex<Judgement> = Mutex::default();
    let comes_first = |seed| failed.lock().unwrap().as_ref().is_none_or(|(earlier, _)| seed < *earlier);
    on_all_processors(seeds, comes_first, |seed| {
        let outcome = run(seed, script);
        add(&mut sums.lock().unwrap(), &outcome.judgement);
        let mut failed = failed.lock().unwrap();
        let first = failed.as_ref().is_none_or(|(earlier, _)| seed < *earlier);
        if first && outcome.judgement.found.iter().any(|found| fails(found)) {
            *failed = Some((seed, outcome));
        }
    });
    (failed.into_inner().unwrap(), sums.into_inner().unwrap())
}

fn add(sums: &mut Judgement, judgement: &Judgement) {
    sums.calls += judgement.calls;
    sums.commits += judgement.commits;
    sums.rings += judgement.rings;
}

fn told(seed: u64, outcome: &Outcome, script: &Script) -> String {
    let rounds = if script.rounds > 1 { format!("ILOCK_ROUNDS={} ", script.rounds) } else { String::new() };
    format!(
        "seed {seed}:\n{}\n{}\nAgain: {rounds}ILOCK_SEED={seed} make simulation",
        outcome.story,
        outcome.judgement.found.join("\n")
    )
}

#[test]
fn whatever_goes_wrong_calls_hold() {
    let begun = Instant::now();
    let (seeds, script) = (seeds(), script());
    if let Some(seed) = one_seed() {
        println!("{}", run(seed, &script).story);
    }
    let (failed, sums) = run_all(seeds.clone(), &script);
    let Judgement { calls, commits, rings, .. } = sums;
    let took = begun.elapsed();
    println!("seeds {seeds:?}: {calls} calls, {commits} commits, {rings} phones rang, in {took:.0?}");
    assert!(failed.is_none(), "{}", failed.map(|(seed, outcome)| told(seed, &outcome, &script)).unwrap_or_default());
    assert!(calls > 0 && (rings > 0 || seeds.end - seeds.start == 1), "nothing was simulated");
}

#[test]
fn calls_hold_behind_calls() {
    let script = Script { rounds: 6, ..Script::default() };
    let (failed, sums) = run_all(0..16, &script);
    assert!(failed.is_none(), "{}", failed.map(|(seed, outcome)| told(seed, &outcome, &script)).unwrap_or_default());
    assert!(sums.calls >= 80, "{} calls", sums.calls);
}

#[test]
fn a_seed_tells_the_same_story_twice() {
    for seed in 0..8 {
        let (one, two) = (run(seed, &Script::default()), run(seed, &Script::default()));
        assert!(one.story == two.story, "seed {seed}:\n{}\n---\n{}", one.story, two.story);
    }
}

#[test]
fn planted_bugs_are_found() {
    for bug in Bug::ALL {
        let script = Script { bug: Some(bug), weather: bug.weather(), ..Script::default() };
        let (failed, _) = run_until(0..FOUND_WITHIN, &script, |found| found.contains(bug.found_by()));
        let Some((seed, outcome)) = failed else { panic!("not found within {FOUND_WITHIN} seeds: {bug}") };
        let found = outcome.judgement.found.iter().find(|found| found.contains(bug.found_by())).unwrap();
        println!("found after {} seeds: {bug}: {found}", seed + 1);
    }
}

#[test]
fn in_fair_weather_nothing_is_lost_or_late() {
    let script = Script { weather: Some(Weather::fair()), ..Script::default() };
    let (failed, sums) = run_all(0..40, &script);
    assert!(failed.is_none(), "{}", failed.map(|(seed, outcome)| told(seed, &outcome, &script)).unwrap_or_default());
    assert!(sums.calls >= 40);
}

/// The first awaits of a function, at each of which it is killed, where it has so many.
const AWAITS: u64 = 24;

/// In how many stories an await is looked for: not every one has, for example, somebody who rejects.
const TRIED: u64 = 8;

#[test]
fn a_function_may_be_killed_at_any_of_its_awaits() {
    for name in ["calls", "accepted", "rejected", "cancelled", "hangup", "projector", "expire-call"] {
        // Whether it was killed at this await, in one of a few stories.
        let is_killed = |at: u64| {
            (0..TRIED).map(|seed| at + seed * 100).any(|seed| {
                let script = Script { weather: Some(Weather::fair()), kill: Some((name, at)), ..Script::default() };
                let outcome = run(seed, &script);
                assert!(outcome.judgement.found.is_empty(), "{name} killed at {at}: {}", told(seed, &outcome, &script));
                outcome.story.contains("killed")
            })
        };
        let kills = (0..AWAITS).take_while(|at| is_killed(*at)).count();
        println!("{name} was killed at each of {kills} awaits");
        assert!(kills >= 3, "{name} was killed at {kills} awaits only");
    }
}
