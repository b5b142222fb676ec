//! What a person may ask to have forgotten lies beside the commit, which is bound to it by a digest.

use ilock_events::{Act, CallerInfo, CommitNo, PersonalText};
use ilock_log::{History, Ran, salted};
use ilock_tests::commands::{assert_whole, call_of, door, fresh_call, ms, phone, place, run, under};
use ilock_tests::engine::Log;

use super::engine;

fn words() -> PersonalText {
    let info = CallerInfo {
        name: Some("前门设备".into()), location: Some("小区大门".into()), ..CallerInfo::default()
    };
    PersonalText { caller_info: Some(info), ..PersonalText::default() }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_caller_says_of_itself_can_be_forgotten_and_the_chain_still_holds() {
    let engine = engine().await;
    let Log { log, .. } = engine.log().await;
    let mut history = History::unplaced(fresh_call());
    let personal = salted(words(), [7; 16]).unwrap().unwrap();
    log.keep_personal(&history.call.id, &personal).await.unwrap();
    let press = under("place", door(), place(Some(personal.digest.clone())));
    assert!(matches!(run(&log, &mut history, &press, ms(0)).await.unwrap(), Ran::Committed(_)));

    let loaded = log.load(&history.call.id).await.unwrap();
    assert_eq!(loaded.text_of(CommitNo::FIRST), Some(&words()));
    assert!(!serde_json::to_string(&loaded.commits).unwrap().contains("前门设备"));

    log.drop_personal(&history.call.id, &personal).await.unwrap();
    let forgotten = log.load(&history.call.id).await.unwrap();
    assert_eq!(forgotten.text_of(CommitNo::FIRST), None);
    assert_whole(&log, &history).await;
    engine.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_hands_that_race_for_a_number_keep_their_words_apart() {
    let engine = engine().await;
    let Log { log, .. } = engine.log().await;
    let mut won = call_of(&log, 1).await;
    let mut lost = won.clone();
    let why = |reason: &str| PersonalText { reason: Some(reason.into()), ..PersonalText::default() };
    let (of_one, of_two) = (salted(why("不要"), [1; 16]), salted(why("later"), [2; 16]));
    let (of_one, of_two) = (of_one.unwrap().unwrap(), of_two.unwrap().unwrap());
    log.keep_personal(&won.call.id, &of_one).await.unwrap();
    log.keep_personal(&won.call.id, &of_two).await.unwrap();
    let reject = |n, digest| under("reject", phone(n), Act::Reject { personal: Some(digest) });
    assert!(matches!(run(&log, &mut won, &reject(1, of_one.digest), ms(1)).await.unwrap(), Ran::Committed(_)));
    assert!(matches!(run(&log, &mut lost, &reject(2, of_two.digest.clone()), ms(1)).await.unwrap(), Ran::Refused(_)));
    log.drop_personal(&won.call.id, &of_two).await.unwrap();
    let loaded = log.load(&won.call.id).await.unwrap();
    assert_eq!(loaded.text_of(CommitNo(2)), Some(&why("不要")));
    assert_eq!(loaded.personal.len(), 1);
    engine.end().await;
}
