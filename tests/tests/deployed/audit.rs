//! A call comes into the ledger by the stream's second reader; an auditor finds it, and is written down.

use ilock_functions::clock::Clock;
use ilock_log::{Day, Ledger, chains_of};

use crate::deployment::{Deployment, dynamodb, eventually};

#[tokio::test]
async fn a_call_is_entered_into_the_ledger_and_found_by_an_auditor_who_is_written_down() {
    let deployment = Deployment::here();
    let (door, olga, auditor) = (deployment.door("gate"), deployment.user("olga"), deployment.auditor("auditor"));
    let days = [Day::of(Clock::system().now()), Day::of(Clock::system().now().plus(60_000))];
    let call = door.rings(&olga, 5).await;
    let ledger = Ledger::new(dynamodb().await, deployment.output("LedgerTableName"));
    let entered = eventually("the call's entry", || async {
        for chain in days.iter().flat_map(chains_of) {
            let entries = ledger.entries(&chain, 0).await.unwrap();
            if let Some(entry) = entries.into_iter().find(|entry| entry.call_id.as_str() == call && entry.n.0 == 1) {
                return Some(entry);
            }
        }
        None
    })
    .await;

    let events = auditor.asks("GET", &format!("/api/audit/calls/{call}/events"), None).await.well();
    assert_eq!(events["commits"][0]["hash"], entered.commit.as_str());
    let day = Day::of(ilock_events::Millis(events["commits"][0]["at"].as_i64().unwrap()));
    let of_day = format!("/api/audit/calls?day={day}&caller={}", door.id);
    eventually("the call in its day", || async {
        let page = auditor.asks("GET", &of_day, None).await.well();
        page["calls"].as_array().unwrap().iter().find(|found| found["call_id"] == call.as_str()).cloned()
    })
    .await;
    let today = Day::of(Clock::system().now());
    let accesses = auditor.asks("GET", &format!("/api/audit/accesses?day={today}&limit=100"), None).await.well();
    assert!(accesses.to_string().contains(&call) || today != day, "{accesses}");
    for other in [&door, &olga] {
        other.asks("GET", &of_day, None).await.refused(403);
    }
}
