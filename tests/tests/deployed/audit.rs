//! The stream's second reader enters a call into the ledger; an auditor finds the call, and the access is recorded.

use ilock_env::Clock;
use ilock_lambda::aws::Bucket;
use ilock_log::ledger::Ledger;
use ilock_log::ledger::{KEY, Vault, checkpoint_name};
use ilock_proof::{Checkpoint, Hour, VerifyKey};
use ilock_proof::{Day, chains_of};
use serde_json::{Value, json};
use tokio::process::Command;

use crate::deployment::{Deployment, aws, dynamodb, eventually};

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

    let events = auditor.asks("GET", &format!("/api/audit/calls/{call}/events"), None).await.ok();
    assert_eq!(events["commits"][0]["hash"], entered.commit.as_str());
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
    hours_are_signed(&deployment, &call).await;
}

/// The entries are signed with the key in KMS, and the auditors' command verifies that.
async fn hours_are_signed(deployment: &Deployment, call: &str) {
    // The last full hour, before and after: one may end meanwhile.
    let before = Hour::of(Clock::system().now()).before();
    let signed = deployment.invokes("seal-log", &json!({})).await;
    assert!(signed.is_array(), "{signed}");
    let bucket = deployment.output("SealsBucketName");
    let vault = Bucket::new(aws_sdk_s3::Client::new(&aws().await), bucket);
    let text = async |name: String| String::from_utf8(vault.read(name).await.unwrap().unwrap()).unwrap();
    let key = VerifyKey::read(&text(KEY.into()).await).unwrap();
    let account = format!("ilock.aws/{}/{}/", deployment.account, deployment.region);
    assert!(key.name().starts_with(&account), "{key}");
    let checkpoint = Checkpoint::open(&text(checkpoint_name(before)).await, &key).unwrap();
    assert_eq!(checkpoint.hour, before);
    assert_eq!(deployment.invokes("seal-log", &json!({})).await, json!([]), "signed once");

    let ilock = std::env::current_exe().unwrap().parent().unwrap().with_file_name("ilock");
    let (at, day) = (format!("s3://{bucket}"), before.day().to_string());
    let arguments = ["--json", "verify", "--day", &day, "--aws", "--checkpoints", &at];
    let tables =
        ["--table", deployment.output("EventsTableName"), "--ledger-table", deployment.output("LedgerTableName")];
    let said = Command::new(&ilock).args(arguments).args(tables).output().await;
    let said = said.unwrap_or_else(|error| panic!("{}: {error}", ilock.display()));
    let lines: Vec<Value> = String::from_utf8_lossy(&said.stdout)
        .lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("no JSON: {line}")))
        .collect();
    // Another test writes an invalid commit; there must be no finding about hours or about this call.
    for line in lines.iter().filter(|line| line["finding"].is_object()) {
        let about = line["finding"]["call_id"].as_str();
        assert!(about.is_some_and(|about| about != call), "{line}");
    }
    let counts = &lines.last().unwrap_or_else(|| panic!("{}", String::from_utf8_lossy(&said.stderr)))["counts"];
    assert!(counts["checkpoints"].as_u64().is_some_and(|checkpoints| checkpoints >= 1), "{lines:?}");
}
