//! What holds whatever is asked, by whom, in which order.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "what goes wrong here is a broken test")]

mod builder;

use builder::{Story, act, callee, cancel, decline, device, hang_up, ms, phone_of, place_to, reject, user};
use ilock_call::{BrokenLog, Call};
use ilock_events::{Act, Actor, CallEvent, CallState, Command, Reason};
use proptest::prelude::*;

/// Two callers, a household of two persons with two phones each and one that came later, the timer, the backend, and a
/// stranger.
fn anybody() -> impl Strategy<Value = Actor> {
    prop_oneof![
        3 => Just(device()),
        1 => Just(user("anna")),
        4 => (0_usize..3).prop_map(|n| phone_of("mum", n)),
        4 => (0_usize..3).prop_map(|n| phone_of("dad", n)),
        1 => Just(user("mum")),
        2 => Just(Actor::Timer),
        1 => Just(Actor::System),
        1 => Just(user("stranger")),
    ]
}

fn anything() -> impl Strategy<Value = Act> {
    prop_oneof![
        1 => Just(place_to(vec![callee("mum", 2), callee("dad", 2)], 30)),
        1 => Just(Act::Alert {}),
        3 => Just(decline()),
        1 => Just(Act::Accept {}),
        2 => Just(reject()),
        1 => Just(cancel()),
        1 => Just(hang_up()),
        1 => Just(Act::Expire {}),
        1 => Just(Act::End { reason: Reason::Limit }),
        1 => Just(Act::Fail { reason: "room".into() }),
    ]
}

fn commands() -> impl Strategy<Value = Vec<(Command, i64)>> {
    // Few keys, so that some come again; times around the deadline, not always in order.
    let one = (0_u8..12, anybody(), anything(), 0_i64..40_000)
        .prop_map(|(key, actor, asked, at)| (act(&format!("k{key}"), &actor, asked), at));
    proptest::collection::vec(one, 0..60)
}

fn leads_on(event: &CallEvent) -> bool {
    let goes_on = matches!(
        event,
        CallEvent::CallPlaced(_) | CallEvent::CallAlerted(_) | CallEvent::CallDeclined(_) | CallEvent::CallRejected(_)
    );
    !goes_on
}

/// Whether somebody in the household has neither rejected nor has only phones that declined.
fn somebody_may_answer(story: &Story) -> bool {
    let placed = story.call.placed.as_ref().unwrap();
    placed.terms.callees.iter().any(|callee| {
        let declined = callee.clients.iter().filter(|client| placed.declined.contains(*client)).count();
        !placed.rejected.contains_key(&callee.id) && declined < callee.clients.len()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn there_is_at_most_one_winner_and_a_final_state_is_never_left(commands in commands()) {
        let mut story = Story::nothing();
        let mut last: Option<CallState> = None;
        let (mut accepted, mut finals) = (0, 0);
        for (command, at) in commands {
            let before = story.call.state();
            let committed = story.try_commit(command, ms(at)).unwrap_or(false);
            let after = story.call.state();
            if last.is_some_and(CallState::is_final) {
                prop_assert!(!committed, "something was committed after the end");
                prop_assert_eq!(after, last);
            }
            if before != after {
                accepted += u32::from(after == Some(CallState::Active));
                finals += u32::from(after.is_some_and(CallState::is_final));
            }
            last = after;
        }
        prop_assert!(accepted <= 1 && finals <= 1);
        let deciding = story.commits.iter().flat_map(|commit| &commit.events).filter(|event| leads_on(&CallEvent::read(event).unwrap())).count();
        prop_assert!(deciding <= 2, "an answer and an end at most");
    }

    #[test]
    fn folding_the_commits_again_gives_the_same_call(commands in commands()) {
        let mut story = Story::nothing();
        for (command, at) in commands {
            let _ = story.try_commit(command, ms(at));
        }
        let mut again = Call::new(story.call.id.clone());
        for commit in &story.commits {
            again.fold(commit).unwrap();
        }
        prop_assert_eq!(&again, &story.call);
    }

    #[test]
    fn deciding_a_stored_command_again_yields_exactly_the_stored_events(commands in commands()) {
        let mut story = Story::nothing();
        for (command, at) in commands {
            let _ = story.try_commit(command, ms(at));
        }
        let mut before = Call::new(story.call.id.clone());
        for commit in &story.commits {
            let command = Command::read(&commit.cmd, commit.actor.clone()).unwrap();
            let events = ilock_call::decide(&before, &command, commit.at).unwrap();
            prop_assert_eq!(events.iter().map(CallEvent::stored).collect::<Vec<_>>(), commit.events.clone());
            before.fold(commit).unwrap();
        }
    }

    #[test]
    fn nobody_answers_two_seconds_after_the_deadline_or_later(phone_n in 0_usize..3, late in 0_i64..100_000) {
        let story = Story::household();
        let refused = story.decide(&phone_of("mum", phone_n), Act::Accept {}, ms(32_000 + late)).is_err();
        prop_assert!(refused);
    }

    #[test]
    fn a_decline_or_a_rejection_never_ends_a_ring_that_somebody_else_may_still_answer(commands in commands()) {
        let mut story = Story::household();
        for (command, at) in commands {
            let _ = story.try_commit(command, ms(at));
            let rejected = story.call.state() == Some(CallState::Rejected);
            if rejected {
                prop_assert!(!somebody_may_answer(&story));
            }
            if story.call.state() == Some(CallState::Ringing) {
                prop_assert!(somebody_may_answer(&story), "it rings for nobody");
            }
        }
    }

    #[test]
    fn a_call_that_ended_says_why(commands in commands()) {
        let mut story = Story::household();
        for (command, at) in commands {
            let _ = story.try_commit(command, ms(at));
        }
        let placed = story.call.placed.unwrap();
        prop_assert_eq!(placed.state.is_final(), placed.reason.is_some());
    }

    #[test]
    fn a_log_with_a_commit_missing_doubled_or_moved_is_not_folded(commands in commands(), at in any::<prop::sample::Index>()) {
        let mut story = Story::household();
        for (command, at) in commands {
            let _ = story.try_commit(command, ms(at));
        }
        prop_assume!(story.commits.len() > 1);
        let at = at.index(story.commits.len() - 1);
        let mut missing = story.commits.clone();
        missing.remove(at);
        let mut doubled = story.commits.clone();
        doubled.insert(at, story.commits[at].clone());
        let mut moved = story.commits.clone();
        moved.swap(at, at + 1);
        for broken in [missing, doubled, moved] {
            let mut call = Call::new(story.call.id.clone());
            let folded = broken.iter().try_for_each(|commit| call.fold(commit));
            let is_gap = matches!(folded, Err(BrokenLog::Gap { .. }));
            prop_assert!(is_gap, "{:?}", folded);
        }
    }
}
