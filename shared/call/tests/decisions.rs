//! Given these commits, when this command, then these events.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "what goes wrong here is a broken test")]

mod builder;

use builder::{Story, accept, act, actor, device, ms, phone, user};
use ilock_call::{MAX_ALERTS, Refusal, decide};
use ilock_events::{Act, Actor, CallEvent, CallState, Side};

fn too_late(state: CallState, winner: &str) -> Refusal {
    Refusal::TooLate { state, winner: winner.into() }
}

#[test]
fn a_door_places_a_call_and_it_rings_until_its_deadline() {
    let story = Story::ringing();
    let placed = story.call.placed.clone().unwrap();
    assert_eq!(placed.state, CallState::Ringing);
    assert_eq!(placed.terms.deadline, ms(30_000));
    assert!(placed.joinable(ms(29_999)) && !placed.joinable(ms(30_000)));
}

#[test]
fn nothing_can_be_asked_of_a_call_that_was_never_placed() {
    let story = Story::nothing();
    for asked in [Act::Alert {}, Act::Accept {}, Act::Expire {}, Act::HangUp { personal: None }] {
        assert_eq!(story.decide(&phone(1), asked, ms(0)), Err(Refusal::NoSuchCall));
    }
}

#[test]
fn a_call_is_placed_once_by_a_party_to_somebody_else_for_five_to_120_seconds() {
    let place = |callee: &str, seconds| builder::place(callee, seconds);
    let story = Story::nothing();
    assert_eq!(story.decide(&device(), place("user456", 4), ms(0)), Err(Refusal::RingSeconds));
    assert_eq!(story.decide(&device(), place("user456", 121), ms(0)), Err(Refusal::RingSeconds));
    assert_eq!(story.decide(&user("anna"), place("anna", 30), ms(0)), Err(Refusal::CallsSelf));
    assert_eq!(story.decide(&Actor::Timer, place("user456", 30), ms(0)), Err(Refusal::NotYours));
    assert!(story.decide(&user("anna"), place("user456", 120), ms(0)).is_ok());
    assert_eq!(Story::ringing().decide(&device(), place("user456", 30), ms(1)), Err(Refusal::AlreadyPlaced));
}

#[test]
fn one_phone_answers_and_the_others_are_told_which() {
    let story = Story::ringing().then(&phone(1), accept(), ms(5));
    assert_eq!(story.call.state(), Some(CallState::Active));
    assert_eq!(story.decide(&phone(2), accept(), ms(6)), Err(too_late(CallState::Active, "user456_phone_1")));
    assert_eq!(story.decide(&phone(1), accept(), ms(7)), Ok(vec![]), "the winner may say it again");
}

#[test]
fn at_the_deadline_nobody_can_answer_and_before_it_nobody_can_expire() {
    let story = Story::ringing();
    assert!(story.decide(&phone(1), accept(), ms(29_999)).is_ok());
    for late in [accept(), Act::Alert {}, Act::Reject { personal: None }] {
        assert_eq!(story.decide(&phone(1), late, ms(30_000)), Err(too_late(CallState::Missed, "timer")));
    }
    let early = story.decide(&Actor::Timer, Act::Expire {}, ms(29_999));
    assert_eq!(early, Err(Refusal::StillRinging { deadline: ms(30_000) }));
    let due = story.decide(&Actor::Timer, Act::Expire {}, ms(30_000)).unwrap();
    assert!(matches!(due[..], [CallEvent::CallMissed(_)]));
}

#[test]
fn each_act_belongs_to_one_side() {
    let ringing = Story::ringing();
    for callees in [Act::Alert {}, accept(), Act::Reject { personal: None }] {
        assert_eq!(ringing.decide(&device(), callees, ms(1)), Err(Refusal::NotYours));
    }
    assert_eq!(ringing.decide(&phone(1), Act::Cancel { personal: None }, ms(1)), Err(Refusal::NotYours));
    assert_eq!(ringing.decide(&phone(1), Act::Expire {}, ms(40_000)), Err(Refusal::NotYours));
    assert_eq!(ringing.decide(&phone(1), Act::Fail { reason: "x".into() }, ms(1)), Err(Refusal::NotYours));
    for stranger in [user("stranger"), user("device123")] {
        assert_eq!(ringing.decide(&stranger, accept(), ms(1)), Err(Refusal::NotYours));
    }
}

#[test]
fn either_side_hangs_up_an_answered_call_and_only_that() {
    let hang_up = || Act::HangUp { personal: None };
    assert_eq!(Story::ringing().decide(&device(), hang_up(), ms(1)), Err(Refusal::NotAnswered));
    for (actor, side) in [(device(), Side::Caller), (phone(1), Side::Callee), (Actor::System, Side::System)] {
        let ended = Story::active().decide(&actor, hang_up(), ms(90_000)).unwrap();
        assert!(matches!(&ended[..], [CallEvent::CallEnded(ended)] if ended.by == side));
    }
    let over = Story::active().then(&device(), hang_up(), ms(9));
    assert_eq!(over.decide(&device(), hang_up(), ms(10)), Ok(vec![]));
    assert_eq!(over.decide(&phone(1), hang_up(), ms(10)), Err(too_late(CallState::Ended, "device123")));
}

#[test]
fn the_backend_can_fail_a_call_that_is_not_over() {
    let fail = || Act::Fail { reason: "room".into() };
    for story in [Story::ringing(), Story::active()] {
        assert_eq!(story.then(&Actor::System, fail(), ms(9)).call.state(), Some(CallState::Failed));
    }
    let over = Story::ringing().then(&device(), Act::Cancel { personal: None }, ms(1));
    assert_eq!(over.decide(&Actor::System, fail(), ms(2)), Err(too_late(CallState::Cancelled, "device123")));
}

#[test]
fn the_same_key_from_the_same_hand_is_the_same_command() {
    let story = Story::ringing().then_under("k", &phone(1), Act::Reject { personal: None }, ms(5));
    assert_eq!(story.decide_under("k", &phone(1), Act::Reject { personal: None }, ms(6)), Ok(vec![]));
    assert_eq!(story.decide_under("k", &phone(1), accept(), ms(6)), Err(Refusal::KeyReused));
    let other = story.decide_under("k", &phone(2), Act::Reject { personal: None }, ms(6));
    assert_eq!(other, Err(too_late(CallState::Rejected, "user456_phone_1")));
}

#[test]
fn phones_confirm_that_they_ring_once_each_and_not_without_end() {
    let mut story = Story::ringing();
    for n in 0..MAX_ALERTS {
        story = story.then(&phone(n), Act::Alert {}, ms(1));
    }
    assert_eq!(story.decide(&phone(0), Act::Alert {}, ms(2)), Ok(vec![]));
    assert_eq!(story.decide(&phone(999), Act::Alert {}, ms(2)), Ok(vec![]));
    assert_eq!(story.call.state(), Some(CallState::Ringing));
}

#[test]
fn a_person_who_does_not_say_which_phone_answers_once() {
    let story = Story::ringing().then(&user("user456"), accept(), ms(1));
    let second = decide(&story.call, &act("other", &actor("user456", None), accept()), ms(2));
    assert_eq!(second, Err(too_late(CallState::Active, "user456")));
}
