//! What holds in every state of the model, and what must come about in some of them, so that the model is not empty.

use ilock_events::{CallState, Millis};
use stateright::{Model, Property};

use super::history::{Deed, MOMENTS, PHONES};
use super::state::{Function, State, bit};
use super::system::{Scope, System};

/// Until when an answer counts, in milliseconds after the call was placed.
const ANSWERS_UNTIL: i64 = 32_000;

pub fn all(scope: Scope) -> Vec<Property<System>> {
    let mut all = vec![
        Property::always("one winner", |_, state: &State| answers(state) <= 1),
        Property::always("final is final", final_is_final),
        Property::always("what was written stands", |_, state: &State| !state.overwritten),
        Property::always("no command twice", no_command_twice),
        Property::always("a receipt for what was told only", |_, state: &State| state.receipted & !state.handed == 0),
        Property::always("no answer after the grace", no_late_answer),
        Property::always("who only declined keeps nobody from answering", declines_end_nothing_alone),
        Property::always("in the end everybody was told, or there is a reason", told_in_the_end),
        Property::sometimes("a phone answers", |_, state| answers(state) == 1),
        Property::sometimes("an answer counts in the grace", |_, state: &State| {
            state.answered == Some(Millis(MOMENTS[1]))
        }),
        Property::sometimes("nobody answers", |_, state| ends(state, |deed| deed == Deed::Expire)),
        Property::sometimes("a notice is given up", |_, state: &State| state.settled & !state.receipted != 0),
    ];
    all.extend(if scope.declines {
        vec![
            Property::sometimes("all phones decline", |_, state| declined(state) == usize::from(PHONES)),
            Property::sometimes("a phone answers after others have declined", |_, state| {
                answers(state) == 1 && declined(state) == 2
            }),
        ]
    } else {
        vec![
            Property::sometimes("the caller cancels", |_, state| ends(state, |deed| deed == Deed::Cancel)),
            Property::sometimes("a phone rejects", |_, state| ends(state, |deed| matches!(deed, Deed::Reject(_)))),
            Property::sometimes("a notice is handed over twice", |_, state: &State| state.again),
        ]
    });
    all
}

fn answers(state: &State) -> usize {
    state.log.iter().filter(|(deed, _)| matches!(deed, Deed::Accept(_))).count()
}

fn ends(state: &State, with: impl Fn(Deed) -> bool) -> bool {
    state.log.last().is_some_and(|(deed, _)| with(*deed))
}

fn declined(state: &State) -> usize {
    state.log.iter().filter(|(deed, _)| matches!(deed, Deed::Decline(_))).count()
}

/// As long as one phone has not declined and nobody has meant to reject, the call rings on.
fn declines_end_nothing_alone(system: &System, state: &State) -> bool {
    let stands = system.histories.of(&state.log).call.state();
    stands != Some(CallState::Rejected) || state.meant_to_reject || declined(state) == usize::from(PHONES)
}

fn final_is_final(system: &System, state: &State) -> bool {
    (1..state.log.len()).all(|n| {
        let stood = system.histories.of(&state.log[..n]).call.state();
        stood.is_none_or(|stood| !stood.is_final() && stood != CallState::Failed)
    })
}

fn no_command_twice(_: &System, state: &State) -> bool {
    let log = &state.log;
    (0..log.len()).all(|at| !log[..at].iter().any(|(deed, _)| *deed == log[at].0))
}

/// A function may have decided in time, and append later: it is the moment of the decision that counts.
fn no_late_answer(_: &System, state: &State) -> bool {
    state.answered.is_none_or(|answered| answered.0 < ANSWERS_UNTIL)
}

fn told_in_the_end(system: &System, state: &State) -> bool {
    let busy = state.functions.iter().any(|function| !matches!(function, Function::Waiting))
        || state.projectors.iter().any(|projector| projector.n <= state.log.len());
    if busy || !system.next_states(state).is_empty() {
        return true;
    }
    let history = system.histories.of(&state.log);
    let all = history.commits.iter().enumerate();
    all.flat_map(|(at, (_, notices))| notices.iter().map(move |notice| bit(at + 1, notice.index)))
        .all(|bit| state.settled & bit != 0)
}
