//! An entry of a live call stands in the way of others, and not of the request that made it.

use ilock_directory::{Directory, Entered, LiveCall};
use ilock_events::{CallId, Millis, Party, PartyAddress, PartyId, PartyKind, TenantId};

use super::engine;

fn live_call(end: &str, at: i64) -> LiveCall {
    LiveCall {
        set: "ab12".into(),
        call_id: CallId::new(format!("call_door_anna_{at}_{end}")).unwrap(),
        request: None,
        by: PartyKind::Device,
        at: Millis(at),
        deadline: Millis(at + 30_000),
        told: Millis(at),
        until: Millis(at + 60_000),
    }
}

/// The SDK sends an update again whose answer is late, and finds what the first one has written.
#[tokio::test]
async fn an_entry_that_is_made_twice_is_ones_own_and_that_of_another_stands_in_the_way() {
    let engine = engine().await;
    let directory = Directory::new(engine.client.clone(), engine.table(ilock_directory::TABLE).await);
    let anna = Party { kind: PartyKind::User, id: PartyId::new("anna").unwrap() };
    let anna = PartyAddress::of(&TenantId::new("default").unwrap(), &anna);
    let (own, other) = (live_call("aaaaaaaaaaaaa", 1_000), live_call("bbbbbbbbbbbbb", 1_001));
    for _ in 0..2 {
        assert_eq!(directory.enter_live(&anna, &own, own.at).await.unwrap(), Entered::default());
    }
    let found = directory.enter_live(&anna, &other, other.at).await.unwrap();
    assert_eq!(found, Entered { standing: Some(own.clone()), others: vec![] });
    directory.leave_live(&anna, &[&own]).await.unwrap();
    assert_eq!(directory.enter_live(&anna, &other, other.at).await.unwrap(), Entered::default());
    engine.end().await;
}
