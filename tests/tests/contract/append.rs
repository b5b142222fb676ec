//! Each place in a call's log takes one commit.

use ilock_call::Refusal;
use ilock_dynamo::StoreError;
use ilock_events::{Act, Command, CommitNo};
use ilock_log::{Append, CommandOutcome, History, LogError};
use ilock_tests::commands::{assert_whole, call_of, door, fresh_call, ms, phone, place, run, under};
use ilock_tests::engine::Log;

use super::engine;

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_stands_where_it_was_written_first() {
    let engine = engine().await;
    let Log { log, .. } = engine.log().await;
    let written = call_of(&log, 1).await;
    let mut other = written.commits[0].clone();
    other.at = ms(1);
    let Append::Taken(there) = log.append(&other).await.unwrap() else { panic!("the place is taken") };
    if let Some(there) = there {
        assert_eq!(*there, written.commits[0], "what stands is what was written");
    }
    assert_whole(&log, &written).await;
    engine.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whether_the_loser_is_handed_the_winner_is_known_of_the_engine() {
    let engine = engine().await;
    let Log { log, legacy, .. } = engine.log().await;
    let first = call_of(&log, 1).await.commits.remove(0);
    let Append::Taken(there) = log.append(&first).await.unwrap() else { panic!("the place is taken") };
    println!("a lost condition hands over what it met: {}", there.is_some());
    if let Some(known) = engine.returns_conflict {
        assert_eq!(there.is_some(), known);
    }
    assert!(matches!(legacy.append(&first).await.unwrap(), Append::Taken(None)), "not asked for, not handed over");
    engine.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn its_own_write_whose_answer_was_lost_is_a_success_and_nothing_is_written_twice() {
    let engine = engine().await;
    let Log { log, legacy, .. } = engine.log().await;
    for log in [log, legacy] {
        let written = call_of(&log, 1).await;
        let command = Command::read(&written.commits[0].cmd, door()).unwrap();
        // A retry a second later, by a process that does not know of the first try.
        let mut again = History::unplaced(written.call.id.clone());
        let CommandOutcome::Committed(same) = run(&log, &mut again, &command, ms(1000)).await.unwrap() else {
            panic!("its own write")
        };
        assert_eq!(*same, written.commits[0]);
        assert_whole(&log, &written).await;
        // And by one that does.
        assert!(matches!(run(&log, &mut again, &command, ms(1000)).await.unwrap(), CommandOutcome::DoneBefore));
        assert_whole(&log, &written).await;
    }
    engine.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_loser_is_refused_by_the_commit_that_took_its_place() {
    let engine = engine().await;
    let Log { log, legacy, .. } = engine.log().await;
    for log in [log, legacy] {
        let mut behind = call_of(&log, 1).await;
        let mut ahead = behind.clone();
        let accept = under("accept", phone(1), Act::Accept {});
        assert!(matches!(run(&log, &mut ahead, &accept, ms(10)).await.unwrap(), CommandOutcome::Committed(_)));
        let hang_up = under("hang-up", phone(1), Act::HangUp { personal: None });
        assert!(matches!(run(&log, &mut ahead, &hang_up, ms(20)).await.unwrap(), CommandOutcome::Committed(_)));

        let late = under("accept", phone(2), Act::Accept {});
        let CommandOutcome::Refused(Refusal::TooLate { state, winner }) =
            run(&log, &mut behind, &late, ms(30)).await.unwrap()
        else {
            panic!("it is too late")
        };
        assert_eq!(winner.as_deref(), Some("user456_phone_1"));
        // With the winning commit in the answer it reads no further; without, it loads the call and so knows the rest too.
        let knows = behind.commits.len();
        assert_eq!(behind.commits, ahead.commits[..knows]);
        assert!([(2, "active"), (3, "ended")].contains(&(knows, state.word())), "{knows} {state:?}");
        assert_whole(&log, &ahead).await;
    }
    engine.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hand_that_missed_a_commit_which_does_not_hinder_it_takes_the_next_place() {
    let engine = engine().await;
    let Log { log, legacy, .. } = engine.log().await;
    for log in [log, legacy] {
        let mut behind = call_of(&log, 1).await;
        let mut ahead = behind.clone();
        let alert = under("alert", phone(1), Act::Alert {});
        assert!(matches!(run(&log, &mut ahead, &alert, ms(10)).await.unwrap(), CommandOutcome::Committed(_)));
        let accept = under("accept", phone(2), Act::Accept {});
        let CommandOutcome::Committed(commit) = run(&log, &mut behind, &accept, ms(20)).await.unwrap() else {
            panic!("nothing hinders it")
        };
        assert_eq!(commit.n, CommitNo(3));
        assert_whole(&log, &behind).await;
    }
    engine.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_id_in_use_is_refused_to_another_press() {
    let engine = engine().await;
    let Log { log, legacy, .. } = engine.log().await;
    for log in [log, legacy] {
        let written = call_of(&log, 2).await;
        let mut unaware = History::unplaced(written.call.id.clone());
        let press = under("another-press", door(), place(None));
        let ran = run(&log, &mut unaware, &press, ms(5)).await.unwrap();
        assert!(matches!(ran, CommandOutcome::Refused(Refusal::AlreadyPlaced)), "{ran:?}");
        assert_whole(&log, &written).await;
    }
    engine.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_that_is_not_there_is_an_error_of_the_store() {
    let engine = engine().await;
    let log = ilock_log::EventLog::new(engine.client.clone(), "ilock-test-no-such-table");
    let mut history = History::unplaced(fresh_call());
    let lost = run(&log, &mut history, &under("place", door(), place(None)), ms(0)).await;
    assert!(matches!(lost, Err(LogError::Store(StoreError { operation: "PutItem", .. }))), "{lost:?}");
    assert!(matches!(log.load(&history.call.id).await, Err(LogError::Store(StoreError { operation: "Query", .. }))));
    engine.end().await;
}
