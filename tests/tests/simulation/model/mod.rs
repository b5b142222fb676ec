//! Model checking: three phones, a caller that cancels, a timer, two projectors, and crashes between any two steps. Where
//! the simulation draws one order of events by a seed, this visits every one.

mod history;
mod laws;
mod state;
mod system;

use std::collections::BTreeSet;
use std::time::Instant;

use stateright::{Checker, HasDiscoveries, Model};
use system::{Planted, Scope, System};

fn threads() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}

/// `ILOCK_CRASHES`: how many crashes there may be in one order of events.
fn most_crashes() -> u8 {
    let Ok(text) = std::env::var("ILOCK_CRASHES") else { return 0 };
    text.parse().unwrap_or_else(|_| panic!("ILOCK_CRASHES must be a small number, not {text:?}"))
}

/// Three phones that answer, one of which may reject; a caller that cancels; two projectors.
fn race() -> Scope {
    Scope { declines: false, projectors: 2, most_crashes: most_crashes() }
}

/// Three phones that answer or decline, until all have; the functions tell by themselves.
fn declines() -> Scope {
    Scope { declines: true, projectors: 0, most_crashes: 0 }
}

/// How many states there are; in each of them the laws hold.
fn visit(name: &str, scope: Scope) -> usize {
    let begun = Instant::now();
    let checked = System::new(scope, None, laws::all).checker().threads(threads()).spawn_bfs().join();
    checked.assert_properties();
    let (states, deep) = (checked.unique_state_count(), checked.max_depth());
    println!("{name}: {states} states, at most {deep} steps deep: {scope:?}, in {:.0?}", begun.elapsed());
    states
}

#[test]
fn in_every_state_of_a_race_the_laws_hold() {
    assert!(visit("a race", race()) > 1_000);
}

#[test]
fn in_every_state_of_a_call_that_phones_decline_the_laws_hold() {
    assert!(visit("declines", declines()) > 1_000);
}

#[test]
fn planted_bugs_break_a_law() {
    let no_crash = Scope { most_crashes: 0, ..race() };
    for (planted, scope, law) in [
        (Planted::DropCondition, no_crash, "what was written stands"),
        (Planted::SkipReceipt, no_crash, "in the end everybody was told, or there is a reason"),
        (Planted::AcceptAfterGrace, no_crash, "no answer after the grace"),
        (Planted::ForgetOthers, no_crash, "a receipt for what was told only"),
        (Planted::DeclineAsReject, declines(), "who only declined keeps nobody from answering"),
    ] {
        let found = HasDiscoveries::AnyOf(BTreeSet::from([law]));
        let checked = System::new(scope, Some(planted), laws::all)
            .checker()
            .finish_when(found)
            .threads(threads())
            .spawn_bfs()
            .join();
        let path = checked.discovery(law).unwrap_or_else(|| panic!("{planted:?} does not break: {law}"));
        let actions = path.into_actions();
        println!("{planted:?} breaks \"{law}\" after {} steps: {actions:?}", actions.len());
    }
}
