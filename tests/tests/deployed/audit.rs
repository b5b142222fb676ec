//! The stream's second reader enters a call into the ledger; an auditor finds the call, and the access is recorded.

use std::sync::Arc;

use ilock_env::Clock;
use ilock_events::CommitNo;
use ilock_lambda::aws::Bucket;
use ilock_log::ledger::LedgerReader;
use ilock_proof::{Day, Entry, EntryKind, VerifyKey};
use ilock_tests::ledger::whole;
use serde_json::{Value, json};
use tokio::process::Command;

use crate::deployment::{Deployment, aws, eventually};

#[tokio::test]
async fn a_call_is_entered_into_the_ledger_and_found_by_an_auditor_who_is_written_down() {
    let deployment = Deployment::here();
    let (door, olga, auditor) = (deployment.door("gate"), deployment.user("olga"), deployment.auditor("auditor"));
    let call = door.rings(&olga, 5).await;
    let events = auditor.asks("GET", &format!("/api/audit/calls/{call}/events"), None).await.ok();
    let day = Day::of(ilock_events::Millis(events["commits"][0]["at"].as_i64().unwrap()));
    let of_day = format!("/api/audit/calls?day={day}&caller={}", door.id);
    eventually("the call in its day", || async {
        let page = auditor.asks("GET", &of_day, None).await.ok();
        page["calls"].as_array().unwrap().iter().find(|found| found["call_id"] == call.as_str()).cloned()
    })
    .await;
    let today = Day::of(Clock::system().now());
    let accesses = auditor.asks("GET", &format!("/api/audit/accesses?day={today}&limit=100"), None).await.ok();
    assert!(accesses.to_string().contains(&call) || today != day, "{accesses}");
    for other in [&door, &olga] {
        other.asks("GET", &of_day, None).await.refused(403);
    }
    let hash = hex::decode(events["commits"][0]["hash"].as_str().unwrap()).unwrap().try_into().unwrap();
    let entry = Entry::of_call(EntryKind::Commit, &call.parse().unwrap(), CommitNo::FIRST, hash);
    the_call_is_proven(&deployment, &call, &entry, &day).await;
}

/// The ledger has the call's entry under a checkpoint that the key in KMS signed, and the auditors' commands verify that.
async fn the_call_is_proven(deployment: &Deployment, call: &str, entry: &Entry, day: &Day) {
    let bucket = deployment.output("LedgerBucketName");
    let reader = LedgerReader::new(Arc::new(Bucket::new(aws_sdk_s3::Client::new(&aws().await), bucket)));
    let key = eventually("the call's entry", || async {
        let done = deployment.invokes("sequencer", &json!({})).await;
        assert!(done["size"].is_u64(), "{done}");
        let key = VerifyKey::read(reader.published_keys().await.ok()?.trim()).unwrap();
        whole(&reader, &key).await.contains(entry).then_some(key)
    })
    .await;
    assert!(key.name().contains(bucket), "{key}");

    let (at, proof) = (format!("s3://{bucket}"), std::env::temp_dir().join(format!("{call}.proof.json")));
    let proof = proof.to_str().unwrap();
    let tables = ["--aws", "--table", deployment.output("EventsTableName"), "--ledger", &at];
    ilock(&[&["prove", call, "--output", proof][..], &tables].concat(), 0).await;
    let checked = ilock(&["verify", "--proof", proof], 0).await;
    assert!(checked.last().unwrap()["entries"].as_u64().is_some_and(|entries| entries >= 2), "{checked:?}");
    std::fs::remove_file(proof).unwrap();
    let day = day.to_string();
    let said = ilock_says(&[&["verify", "--day", &day][..], &tables].concat()).await.1;
    // Another test writes an invalid commit; there must be no finding about hours or about this call.
    for line in said.iter().filter(|line| line["finding"].is_object()) {
        let about = line["finding"]["call_id"].as_str();
        assert!(about.is_some_and(|about| about != call), "{line}");
    }
    assert!(said.last().unwrap()["counts"]["entries"].as_u64().is_some_and(|entries| entries >= 2), "{said:?}");
}

async fn ilock(arguments: &[&str], code: i32) -> Vec<Value> {
    let (found, said) = ilock_says(arguments).await;
    assert_eq!(found, Some(code), "{arguments:?}: {said:?}");
    said
}

async fn ilock_says(arguments: &[&str]) -> (Option<i32>, Vec<Value>) {
    let ilock = std::env::current_exe().unwrap().parent().unwrap().with_file_name("ilock");
    let said = Command::new(&ilock).arg("--json").args(arguments).output().await;
    let said = said.unwrap_or_else(|error| panic!("{}: {error}", ilock.display()));
    let parse = |line: &str| serde_json::from_str(line).unwrap_or_else(|_| panic!("no JSON: {line}"));
    let lines: Vec<Value> = String::from_utf8_lossy(&said.stdout).lines().map(parse).collect();
    assert!(!lines.is_empty(), "{arguments:?}: {}", String::from_utf8_lossy(&said.stderr));
    (said.status.code(), lines)
}
