//! Given these commits, when this command, then these events.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "what goes wrong here is a broken test")]

mod builder;

use builder::{
    Story, accept, act, actor, callee, cancel, decline, device, hang_up, ms, phone, phone_of, place, place_to, reject,
    user,
};
use ilock_call::{Refusal, decide};
use ilock_events::{Act, Actor, Busy, CallEvent, CallState, Callee, Reason, Side};

fn too_late(state: CallState, winner: &str) -> Refusal {
    Refusal::TooLate { state, winner: Some(winner.into()) }
}

#[test]
fn a_door_places_a_call_and_it_rings_until_its_deadline() {
    let story = Story::ringing();
    let placed = story.call.placed.clone().unwrap();
    assert_eq!(placed.state, CallState::Ringing);
    assert_eq!(placed.terms.deadline, ms(30_000));
    let caller = &placed.terms.caller;
    assert!(placed.joinable(caller, ms(29_999)) && !placed.joinable(caller, ms(30_000)));
    assert_eq!((placed.remaining_ms(ms(10_000)), placed.remaining_ms(ms(31_000))), (20_000, 0));
}

#[test]
fn nothing_can_be_asked_of_a_call_that_was_never_placed() {
    let story = Story::nothing();
    for asked in [Act::Alert {}, decline(), accept(), Act::Expire {}, hang_up()] {
        assert_eq!(story.decide(&phone(1), asked, ms(0)), Err(Refusal::NoSuchCall));
    }
}

#[test]
fn a_call_is_placed_once_by_a_party_to_somebody_else_for_five_to_120_seconds() {
    let story = Story::nothing();
    assert_eq!(story.decide(&device(), place("user456", 4), ms(0)), Err(Refusal::RingSeconds));
    assert_eq!(story.decide(&device(), place("user456", 121), ms(0)), Err(Refusal::RingSeconds));
    assert_eq!(story.decide(&user("anna"), place("anna", 30), ms(0)), Err(Refusal::CallsSelf));
    assert_eq!(story.decide(&Actor::Timer, place("user456", 30), ms(0)), Err(Refusal::NotYours));
    assert!(story.decide(&user("anna"), place("user456", 120), ms(0)).is_ok());
    assert_eq!(Story::ringing().decide(&device(), place("user456", 30), ms(1)), Err(Refusal::AlreadyPlaced));
}

#[test]
fn a_door_whose_id_a_person_has_too_calls_that_person() {
    assert!(Story::nothing().decide(&device(), place("device123", 30), ms(0)).is_ok());
}

#[test]
fn one_to_twenty_people_with_phones_are_called_each_once() {
    let story = Story::nothing();
    let many = |count: usize| -> Vec<Callee> { (0..count).map(|n| callee(&format!("user{n}"), 1)).collect() };
    for wrong in [vec![], many(21), vec![callee("mum", 1), callee("mum", 1)]] {
        assert_eq!(story.decide(&device(), place_to(wrong, 30), ms(0)), Err(Refusal::Callees));
    }
    assert!(story.decide(&device(), place_to(many(20), 30), ms(0)).is_ok());
    let without_phone = vec![callee("mum", 1), callee("dad", 0)];
    assert_eq!(story.decide(&device(), place_to(without_phone, 30), ms(0)), Err(Refusal::NobodyThere));
}

#[test]
fn one_phone_answers_and_the_others_are_told_which() {
    let story = Story::ringing().then(&phone(1), accept(), ms(5));
    assert_eq!(story.call.state(), Some(CallState::Active));
    assert_eq!(story.decide(&phone(2), accept(), ms(6)), Err(too_late(CallState::Active, "user456_phone_1")));
    assert_eq!(story.decide(&phone(1), accept(), ms(7)), Ok(vec![]), "the winner may say it again");
}

#[test]
fn an_answer_counts_until_two_seconds_after_the_deadline_and_only_then_the_timer_ends_the_ringing() {
    let story = Story::ringing();
    assert!(story.decide(&phone(1), accept(), ms(31_999)).is_ok());
    for late in [accept(), Act::Alert {}, decline(), reject()] {
        assert_eq!(story.decide(&phone(1), late, ms(32_000)), Err(too_late(CallState::Missed, "timer")));
    }
    let early = story.decide(&Actor::Timer, Act::Expire {}, ms(31_999));
    assert_eq!(early, Err(Refusal::StillRinging { ends: ms(32_000) }));
    let due = story.decide(&Actor::Timer, Act::Expire {}, ms(32_000)).unwrap();
    assert!(matches!(due[..], [CallEvent::CallMissed(_)]));
}

#[test]
fn each_act_belongs_to_one_side() {
    let ringing = Story::ringing();
    for callees in [Act::Alert {}, decline(), accept(), reject()] {
        assert_eq!(ringing.decide(&device(), callees, ms(1)), Err(Refusal::NotYours));
    }
    assert_eq!(ringing.decide(&phone(1), cancel(), ms(1)), Err(Refusal::NotYours));
    assert_eq!(ringing.decide(&phone(1), Act::Expire {}, ms(40_000)), Err(Refusal::NotYours));
    assert_eq!(ringing.decide(&phone(1), Act::Fail { reason: "x".into() }, ms(1)), Err(Refusal::NotYours));
    assert_eq!(ringing.decide(&phone(1), Act::End { reason: Reason::Left }, ms(1)), Err(Refusal::NotYours));
    for stranger in [user("stranger"), user("device123")] {
        assert_eq!(ringing.decide(&stranger, accept(), ms(1)), Err(Refusal::NotYours));
    }
}

#[test]
fn either_side_hangs_up_an_answered_call_and_only_that() {
    assert_eq!(Story::ringing().decide(&device(), hang_up(), ms(1)), Err(Refusal::NotAnswered));
    for (actor, side) in [(device(), Side::Caller), (phone(1), Side::Callee), (phone(2), Side::Callee)] {
        let ended = Story::active().decide(&actor, hang_up(), ms(90_000)).unwrap();
        assert!(matches!(&ended[..], [CallEvent::CallEnded(ended)] if ended.by == side));
    }
    let over = Story::active().then(&device(), hang_up(), ms(9));
    assert_eq!(over.decide(&device(), hang_up(), ms(10)), Ok(vec![]));
    assert_eq!(over.decide(&phone(1), hang_up(), ms(10)), Err(too_late(CallState::Ended, "device123")));
}

#[test]
fn of_a_household_only_who_answered_hangs_up() {
    let active = Story::household().then(&phone_of("mum", 0), accept(), ms(5));
    assert_eq!(active.decide(&phone_of("dad", 0), hang_up(), ms(9)), Err(Refusal::NotYours));
    assert!(active.decide(&phone_of("mum", 1), hang_up(), ms(9)).is_ok(), "from any phone of theirs");
}

#[test]
fn a_call_ends_once_it_has_lasted_for_as_long_as_it_may_or_everybody_has_left() {
    let limit = || Act::End { reason: Reason::Limit };
    let active = Story::active();
    assert_eq!(active.decide(&Actor::Timer, limit(), ms(60_004)), Err(Refusal::StillActive { ends_by: ms(60_005) }));
    let ended = active.decide(&Actor::Timer, limit(), ms(60_005)).unwrap();
    assert!(matches!(&ended[..], [CallEvent::CallEnded(end)] if end.by == Side::System && end.reason == Reason::Limit));
    let left = active.clone().then(&Actor::System, Act::End { reason: Reason::Left }, ms(9));
    assert_eq!(left.call.state(), Some(CallState::Ended));
    assert_eq!(left.call.placed.unwrap().reason, Some(Reason::Left));
    assert!(Story::ringing().decide(&Actor::Timer, limit(), ms(90_000)).is_err());
}

#[test]
fn the_backend_can_fail_a_call_that_is_not_over() {
    let fail = || Act::Fail { reason: "room".into() };
    for story in [Story::ringing(), Story::active()] {
        assert_eq!(story.then(&Actor::System, fail(), ms(9)).call.state(), Some(CallState::Failed));
    }
    let over = Story::ringing().then(&device(), cancel(), ms(1));
    assert_eq!(over.decide(&Actor::System, fail(), ms(2)), Err(too_late(CallState::Cancelled, "device123")));
}

#[test]
fn the_same_key_from_the_same_actor_is_the_same_command() {
    let story = Story::ringing().then_under("k", &phone(1), reject(), ms(5));
    assert_eq!(story.decide_under("k", &phone(1), reject(), ms(6)), Ok(vec![]));
    assert_eq!(story.decide_under("k", &phone(1), accept(), ms(6)), Err(Refusal::KeyReused));
    let other = story.decide_under("k", &phone(2), reject(), ms(6));
    assert_eq!(other, Err(too_late(CallState::Rejected, "user456_phone_1")));
}

#[test]
fn a_press_is_the_same_whatever_the_directory_says_of_those_who_are_called() {
    let story =
        Story::nothing().then_under("k", &device(), place_to(vec![callee("mum", 1), callee("dad", 1)], 30), ms(0));
    let again = place_to(vec![callee("dad", 3), callee("mum", 2)], 30);
    assert_eq!(story.decide_under("k", &device(), again, ms(1)), Ok(vec![]));
    let others = place_to(vec![callee("mum", 1)], 30);
    assert_eq!(story.decide_under("k", &device(), others, ms(1)), Err(Refusal::KeyReused));
}

#[test]
fn the_first_phone_that_rings_makes_a_commit_and_no_other() {
    let story = Story::ringing().then(&phone(0), Act::Alert {}, ms(1));
    for n in [0, 1, 99] {
        assert_eq!(story.decide(&phone(n), Act::Alert {}, ms(2)), Ok(vec![]));
    }
    assert_eq!(story.call.state(), Some(CallState::Ringing));
}

#[test]
fn a_person_who_does_not_say_which_phone_answers_once() {
    let story = Story::ringing().then(&user("user456"), accept(), ms(1));
    let second = decide(&story.call, &act("other", &actor("user456", None), accept()), ms(2));
    assert_eq!(second, Err(too_late(CallState::Active, "user456")));
}

#[test]
fn a_phone_that_declines_leaves_the_others_ringing_and_may_still_answer() {
    let story = Story::household().then(&phone_of("mum", 0), decline(), ms(1));
    assert_eq!(story.call.state(), Some(CallState::Ringing));
    assert_eq!(story.decide(&phone_of("mum", 0), decline(), ms(2)), Ok(vec![]), "it has said so");
    for any in [phone_of("mum", 0), phone_of("mum", 1), phone_of("dad", 0)] {
        assert!(story.decide(&any, accept(), ms(2)).is_ok());
    }
    assert_eq!(story.decide(&user("mum"), decline(), ms(2)), Err(Refusal::WhichClient));
}

#[test]
fn a_call_is_rejected_once_each_person_has_rejected_or_all_their_phones_have_declined() {
    let story =
        Story::household().then(&phone_of("mum", 0), decline(), ms(1)).then(&phone_of("dad", 1), reject(), ms(2));
    assert_eq!(story.call.state(), Some(CallState::Ringing), "mum's other phone rings");
    let story = story.then(&phone_of("mum", 1), decline(), ms(3));
    assert_eq!(story.call.state(), Some(CallState::Rejected));
    assert_eq!(story.call.placed.unwrap().reason, Some(Reason::Declined));
}

#[test]
fn whoever_has_rejected_has_no_part_in_the_ringing_any_more() {
    let story = Story::household().then(&phone_of("mum", 0), reject(), ms(1));
    assert_eq!(story.call.state(), Some(CallState::Ringing), "dad's phones ring");
    let late = too_late(CallState::Rejected, "mum_phone_0");
    assert_eq!(story.decide(&phone_of("mum", 1), accept(), ms(2)), Err(late));
    assert!(story.decide(&phone_of("dad", 1), accept(), ms(2)).is_ok());
}

#[test]
fn a_phone_that_came_after_the_call_was_placed_neither_keeps_it_ringing_nor_ends_it() {
    let story = Story::household().then(&phone_of("mum", 7), decline(), ms(1));
    assert_eq!(story.call.state(), Some(CallState::Ringing));
    let rest = [("mum", 0), ("mum", 1), ("dad", 0), ("dad", 1)];
    let story = rest.iter().fold(story, |story, (who, n)| story.then(&phone_of(who, *n), decline(), ms(2)));
    assert_eq!(story.call.state(), Some(CallState::Rejected));
}

#[test]
fn whoever_does_not_want_to_be_rung_in_another_call_is_out_at_once() {
    let busy = |id: &str, busy| Callee { busy: Some(busy), ..callee(id, 2) };
    let one = Story::nothing().then(&device(), place_to(vec![busy("mum", Busy::Refused)], 30), ms(0));
    assert_eq!(one.call.state(), Some(CallState::Rejected));
    let placed = one.call.placed.clone().unwrap();
    // Her setting did it: neither the caller, whose commit it is, nor she herself.
    assert_eq!(
        (placed.reason, placed.winner, &placed.rejected[&callee("mum", 2).id]),
        (Some(Reason::Busy), None, &None)
    );
    let by_nobody = Refusal::TooLate { state: CallState::Rejected, winner: None };
    assert_eq!(by_nobody.to_string(), "the call is rejected already");
    for (who, asks) in [(device(), cancel()), (phone_of("mum", 0), accept())] {
        assert_eq!(one.decide(&who, asks, ms(1)), Err(by_nobody.clone()));
    }
    let household = vec![busy("mum", Busy::Refused), busy("dad", Busy::Waiting)];
    let story = Story::nothing().then(&device(), place_to(household, 30), ms(0));
    assert_eq!(story.call.state(), Some(CallState::Ringing));
    assert_eq!(story.decide(&phone_of("mum", 0), accept(), ms(1)), Err(by_nobody));
    assert!(story.decide(&phone_of("dad", 0), accept(), ms(1)).is_ok());
    let story = story.then(&phone_of("dad", 0), reject(), ms(1));
    assert_eq!(story.decide(&device(), cancel(), ms(2)), Err(too_late(CallState::Rejected, "dad_phone_0")));
}

#[test]
fn a_call_rings_those_who_are_in_it_on_the_phones_that_have_not_declined() {
    let rings = |story: &Story, who: &str| {
        let (person, phones) = (callee(who, 2).id, callee(who, 2).clients);
        let placed = story.call.placed.as_ref().unwrap();
        let on: Vec<bool> = phones.iter().map(|phone| placed.rings_on(&person, phone)).collect();
        (placed.rings(&person), on)
    };
    let story = Story::household().then(&phone_of("mum", 0), decline(), ms(1));
    assert_eq!(rings(&story, "mum"), (true, vec![false, true]));
    let story = story.then(&phone_of("mum", 1), reject(), ms(2));
    assert_eq!(rings(&story, "mum"), (false, vec![false, false]));
    assert_eq!(rings(&story, "dad"), (true, vec![true, true]));
    assert_eq!(rings(&story, "stranger"), (false, vec![false, false]));
    let story = story.then(&device(), cancel(), ms(3));
    assert_eq!(rings(&story, "dad"), (false, vec![false, false]));
    for busy in [Busy::Refused, Busy::Blocked] {
        let household = vec![Callee { busy: Some(busy), ..callee("mum", 1) }, callee("dad", 1)];
        let story = Story::nothing().then(&device(), place_to(household, 30), ms(0));
        assert_eq!((rings(&story, "mum").0, rings(&story, "dad").0), (false, true), "{busy:?}");
    }
}
