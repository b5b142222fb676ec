//! What is in the archive of a day is deleted, and the mark of each call stays.

use ilock_events::{Alert, Archived, PartyId, Receipt};
use ilock_proof::StoredCall;
use ilock_tests::commands::{call_of, ms, tenant};
use serde_json::json;

use super::engine;

#[tokio::test(flavor = "multi_thread")]
async fn what_is_in_the_archive_is_deleted_and_nothing_else_ever() {
    let engine = engine().await;
    let log = engine.log().await.log;
    let history = call_of(&log, 4).await;
    let id = &history.call.id;
    let receipt: Receipt =
        serde_json::from_value(json!({ "n": 1, "path": "fast", "at": ms(60).0, "notices": {} })).unwrap();
    log.keep_receipt(id, &receipt, 0).await.unwrap();
    let alert = Alert {
        callee: PartyId::new("user456").unwrap(),
        client_id: None,
        client_is: None,
        preview: false,
        at: ms(70),
    };
    log.keep_alert(id, &alert).await.unwrap();
    let archive = log.stored(id).await.unwrap();
    let mark = Archived {
        tenant: tenant(),
        at: history.commits[0].at,
        commits: 4,
        digest: "ab".repeat(32),
        archived_at: ms(Archived::AFTER_MS + 1),
    };
    assert_eq!(log.archived(id).await.unwrap(), None);
    assert_eq!(log.mark_archived(id, &mark).await.unwrap(), mark);
    let other = Archived { digest: "cd".repeat(32), ..mark.clone() };
    assert_eq!(log.mark_archived(id, &other).await.unwrap(), mark, "what stands there is never changed");

    // Both the first commit and the mark stand in the day's index, and the call is one.
    let day = async || log.placed_on(&tenant(), &mark.day(), None, 1_000).await.unwrap();
    let count = async || day().await.iter().filter(|(at, call)| (at, call) == (&mark.at, id)).count();
    assert_eq!(count().await, 1);

    // Something that came later is not lost: nothing is deleted.
    log.keep_receipt(id, &receipt, 1).await.unwrap();
    let later = Receipt { at: ms(61), ..receipt.clone() };
    log.keep_receipt(id, &later, 2).await.unwrap();
    let refused = log.delete_archived(id, &archive).await.unwrap().unwrap_err();
    assert!(refused.to_string().contains("receipt#000001#0002"), "{refused}");
    let less = StoredCall { commits: archive.commits[..3].to_vec(), ..archive.clone() };
    assert!(log.delete_archived(id, &less).await.unwrap().is_err());
    assert_eq!(log.load(id).await.unwrap().commits, history.commits);

    // What the log has less than the archive is no harm: an earlier run was interrupted.
    let whole = log.stored(id).await.unwrap();
    assert_eq!(log.delete_archived(id, &whole).await.unwrap(), Ok(4 + 3 + 1));
    assert_eq!(log.delete_archived(id, &whole).await.unwrap(), Ok(0));
    let left = log.stored(id).await.unwrap();
    assert!(left.is_archived(), "{left:?}");
    assert_eq!(log.archived(id).await.unwrap(), Some(mark.clone()));
    assert_eq!(count().await, 1, "the day lists it still");
    let gone = log.load(id).await.unwrap();
    assert!(gone.commits.is_empty() && gone.call.placed.is_none(), "to apps it is a call like any unknown one");
    engine.end().await;
}
