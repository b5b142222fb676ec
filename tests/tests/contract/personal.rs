//! Personal text is stored beside its commit, which is bound to it by a digest, so that it can be forgotten.

use ilock_events::{Act, CallerInfo, CommitNo, Party, PartyKind, PersonalText, Reason};
use ilock_log::{CommandOutcome, History};
use ilock_proof::{personal_digest, salt_personal};
use ilock_tests::commands::{assert_whole, call_of, door, fresh_call, ms, phone, place, run, under};
use ilock_tests::engine::Log;
use serde_json::json;

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
    let personal = salt_personal(words(), [7; 16]).unwrap().unwrap();
    log.keep_personal(&history.call.id, &personal, ms(0)).await.unwrap();
    let press = under("place", door(), place(Some(personal.digest.clone())));
    assert!(matches!(run(&log, &mut history, &press, ms(0)).await.unwrap(), CommandOutcome::Committed(_)));

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
async fn that_text_was_deleted_is_written_once_and_an_interrupted_hand_finds_the_rest() {
    let engine = engine().await;
    let Log { log, .. } = engine.log().await;
    let history = call_of(&log, 2).await;
    let call_id = &history.call.id;
    let [one, two] = [3, 4].map(|salt| salt_personal(words(), [salt; 16]).unwrap().unwrap());
    log.keep_personal(call_id, &one, ms(0)).await.unwrap();
    log.keep_personal(call_id, &two, ms(0)).await.unwrap();
    let person = Party { kind: PartyKind::User, id: "user456".parse().unwrap() };

    let kept = log.kept_texts(call_id).await.unwrap();
    assert_eq!(kept.len(), 2);
    log.forget(&kept[0], &person, ms(1_000)).await.unwrap();
    // An interruption between the record and the deletion leaves both.
    let gone = if log.load(call_id).await.unwrap().personal[0] == one { &two } else { &one };
    log.keep_personal(call_id, gone, ms(0)).await.unwrap();
    for kept in log.kept_texts(call_id).await.unwrap() {
        log.forget(&kept, &person, ms(2_000)).await.unwrap();
    }
    assert_eq!(log.kept_texts(call_id).await.unwrap(), []);
    let stored = log.stored(call_id).await.unwrap();
    assert_eq!((stored.personal.len(), stored.forgotten.len()), (0, 2));
    let mut when: Vec<i64> = stored.forgotten.iter().map(|record| record["at"].as_i64().unwrap()).collect();
    when.sort_unstable();
    assert_eq!(when, [ms(1_000).0, ms(2_000).0], "what was recorded stays as it was recorded");
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
    let (of_one, of_two) = (salt_personal(why("不要"), [1; 16]), salt_personal(why("later"), [2; 16]));
    let (of_one, of_two) = (of_one.unwrap().unwrap(), of_two.unwrap().unwrap());
    log.keep_personal(&won.call.id, &of_one, ms(0)).await.unwrap();
    log.keep_personal(&won.call.id, &of_two, ms(0)).await.unwrap();
    let reject =
        |n, digest| under("reject", phone(n), Act::Reject { reason: Reason::Declined, personal: Some(digest) });
    assert!(matches!(
        run(&log, &mut won, &reject(1, of_one.digest), ms(1)).await.unwrap(),
        CommandOutcome::Committed(_)
    ));
    assert!(matches!(
        run(&log, &mut lost, &reject(2, of_two.digest.clone()), ms(1)).await.unwrap(),
        CommandOutcome::Refused(_)
    ));
    log.drop_personal(&won.call.id, &of_two).await.unwrap();
    let loaded = log.load(&won.call.id).await.unwrap();
    assert_eq!(loaded.text_of(CommitNo(2)), Some(&why("不要")));
    assert_eq!(loaded.personal.len(), 1);
    engine.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn text_that_no_item_could_hold_is_kept_byte_by_byte() {
    let engine = engine().await;
    let Log { log, .. } = engine.log().await;
    let mut history = History::unplaced(fresh_call());
    let deep = (0..60).fold(json!({ "": [1e300, -1e-300, "9".repeat(200)] }), |inner, _| json!({ "": inner }));
    let text = PersonalText { invitation_data: deep.as_object().cloned(), ..PersonalText::default() };
    let personal = salt_personal(text, [7; 16]).unwrap().unwrap();
    log.keep_personal(&history.call.id, &personal, ms(0)).await.unwrap();
    let press = under("place", door(), place(Some(personal.digest.clone())));
    assert!(matches!(run(&log, &mut history, &press, ms(0)).await.unwrap(), CommandOutcome::Committed(_)));

    assert_eq!(log.load(&history.call.id).await.unwrap().personal, std::slice::from_ref(&personal));
    let stored = log.stored(&history.call.id).await.unwrap().personal.remove(0);
    let form = stored["text"].as_str().unwrap();
    assert_eq!(personal_digest(&personal.salt, form.as_bytes()), personal.digest);
    engine.end().await;
}
