//! Concurrent commands, each decided on the history from before the others.

use std::collections::BTreeSet;

use futures::future::join_all;
use ilock_call::Refusal;
use ilock_events::{Act, Actor, Command, Reason};
use ilock_log::{CommandOutcome, EventLog, History};
use ilock_tests::commands::{assert_whole, call_of, door, fresh_call, ms, phone, place, run, under};
use ilock_tests::engine::Log;

use super::engine;

const COMMANDS: usize = 50;

/// Runs all `commands` concurrently, each on a copy of `history`. Returns each outcome and the history after it.
async fn at_once(log: &EventLog, history: &History, commands: Vec<Command>) -> Vec<(CommandOutcome, History)> {
    join_all(commands.into_iter().map(|command| {
        let (log, mut history) = (log.clone(), history.clone());
        async move {
            let ran = tokio::spawn(async move {
                // Only the timer acts once an answer does not count any more.
                let at = if command.actor == Actor::Timer { ms(32_000) } else { ms(1000) };
                let ran = run(&log, &mut history, &command, at).await.unwrap();
                (ran, history)
            });
            ran.await.unwrap()
        }
    }))
    .await
}

/// Asserts that exactly one command won, that every other was refused with the winner's name, and that all histories agree.
async fn assert_one_won(log: &EventLog, outcomes: &[(CommandOutcome, History)]) -> History {
    let won: Vec<&History> = outcomes
        .iter()
        .filter_map(|(ran, history)| matches!(ran, CommandOutcome::Committed(_)).then_some(history))
        .collect();
    let [won] = won[..] else { panic!("{} of {} won", won.len(), outcomes.len()) };
    let placed = won.call.placed.as_ref().unwrap();
    for (ran, history) in outcomes {
        match ran {
            CommandOutcome::Committed(_) => {}
            CommandOutcome::Refused(Refusal::TooLate { state, winner }) => {
                assert_eq!((*state, winner), (placed.state, &placed.won_by()));
                assert_eq!(history.commits, won.commits);
            }
            other => panic!("neither won nor lost: {other:?}"),
        }
    }
    assert_whole(log, won).await;
    won.clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn of_fifty_phones_that_answer_at_once_one_wins_and_every_other_is_told_which() {
    let engine = engine().await;
    let Log { log, legacy, .. } = engine.log().await;
    for log in [log, legacy] {
        let ringing = call_of(&log, 1).await;
        let accepts = (0..COMMANDS).map(|n| under("accept", phone(n), Act::Accept {})).collect();
        let won = assert_one_won(&log, &at_once(&log, &ringing, accepts).await).await;
        assert_eq!(won.commits.len(), 2);
    }
    engine.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_accepts_rejects_a_cancel_and_the_timer_exactly_one_ends_the_ringing() {
    let engine = engine().await;
    let Log { log, legacy, .. } = engine.log().await;
    let mut winners = BTreeSet::new();
    for round in 0..30 {
        let log = if round % 2 == 0 { &log } else { &legacy };
        let ringing = call_of(log, 1).await;
        let mut commands = vec![
            under("cancel", door(), Act::Cancel { personal: None }),
            under("expire", Actor::Timer, Act::Expire {}),
            under("reject", phone(8), Act::Reject { reason: Reason::Declined, personal: None }),
            under("accept", phone(1), Act::Accept {}),
            under("accept", phone(2), Act::Accept {}),
        ];
        // A different command starts first in each round.
        let first = round % commands.len();
        commands.rotate_left(first);
        let won = assert_one_won(log, &at_once(log, &ringing, commands).await).await;
        assert_eq!(won.commits.len(), 2);
        winners.insert(won.call.state().unwrap().word());
    }
    assert!(winners.len() > 1, "always {winners:?}: this is no race");
    engine.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_phones_that_confirm_ringing_at_once_the_first_makes_a_commit() {
    let engine = engine().await;
    let Log { log, legacy, .. } = engine.log().await;
    for log in [log, legacy] {
        let ringing = call_of(&log, 1).await;
        let alerts = (0..20).map(|n| under("alert", phone(n), Act::Alert {})).collect();
        let outcomes = at_once(&log, &ringing, alerts).await;
        let committed = outcomes.iter().filter(|(ran, _)| matches!(ran, CommandOutcome::Committed(_))).count();
        let done = outcomes.iter().filter(|(ran, _)| matches!(ran, CommandOutcome::DoneBefore)).count();
        assert_eq!((committed, done), (1, 19));
        let loaded = log.load(&ringing.call.id).await.unwrap();
        assert_eq!(loaded.commits.len(), 2);
        assert!(loaded.call.placed.unwrap().alerted.is_some());
    }
    engine.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_request_that_comes_twenty_times_at_once_is_one_commit_and_a_success_each_time() {
    let engine = engine().await;
    let Log { log, legacy, .. } = engine.log().await;
    for log in [log, legacy] {
        let ringing = call_of(&log, 1).await;
        let accepts = (0..20).map(|_| under("accept", phone(1), Act::Accept {})).collect();
        let mut committed = 0;
        for (ran, history) in at_once(&log, &ringing, accepts).await {
            assert!(matches!(ran, CommandOutcome::Committed(_) | CommandOutcome::DoneBefore), "{ran:?}");
            committed += u32::from(matches!(ran, CommandOutcome::Committed(_)));
            assert_eq!(history.commits.len(), 2);
        }
        // Whoever commits tells: a second one under the same key would tell everybody again.
        assert_eq!(committed, 1);
        assert_eq!(log.load(&ringing.call.id).await.unwrap().commits.len(), 2);
    }
    engine.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_presses_that_hit_the_same_call_id_one_places_it() {
    let engine = engine().await;
    let Log { log, legacy, .. } = engine.log().await;
    for log in [log, legacy] {
        let unplaced = History::unplaced(fresh_call());
        let presses = (0..COMMANDS).map(|n| under(&format!("press-{n}"), door(), place(None))).collect();
        let outcomes = at_once(&log, &unplaced, presses).await;
        let placed = outcomes.iter().filter(|(ran, _)| matches!(ran, CommandOutcome::Committed(_))).count();
        let refused =
            outcomes.iter().filter(|(ran, _)| matches!(ran, CommandOutcome::Refused(Refusal::AlreadyPlaced))).count();
        assert_eq!((placed, refused), (1, COMMANDS - 1));
        assert_eq!(log.load(&unplaced.call.id).await.unwrap().commits.len(), 1);
    }
    engine.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_beside_each_other_do_not_get_into_each_others_way() {
    let engine = engine().await;
    let Log { log, .. } = engine.log().await;
    let calls = join_all((0..20).map(|_| call_of(&log, 4))).await;
    for call in &calls {
        assert_whole(&log, call).await;
    }
    engine.end().await;
}
