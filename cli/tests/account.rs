//! The operators' commands on the AWS emulator at `AWS_ENDPOINT_URL`, with a small deployment for each test.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "what goes wrong here is a broken test")]

mod deployment;
mod mistakes;
mod mock_aws;
mod server;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use aws_sdk_iot::types::CertificateStatus;
use deployment::Deployment;
use ilock_events::{Address, PartyId, PartyKind, TenantId};
use mistakes::MISTAKES;
use mock_aws::{MockAws, Request, Response};
use serde_json::json;
use server::lines;

fn said(output: &std::process::Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

#[tokio::test]
async fn a_door_gets_a_thing_and_a_certificate_once_and_loses_both() {
    let cloud = Deployment::start("door").await;
    let iot = aws_sdk_iot::Client::new(&cloud.sdk);
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().to_str().unwrap();
    let door = cloud.name("door");
    // In another tenant than `default` the thing, client id and topic have an address that is derived.
    let (acme, id) = (TenantId::new("acme").unwrap(), PartyId::new(&door).unwrap());
    let at = Address::of(&acme, PartyKind::Device, &id).to_string();
    let made = cloud.ilock(&["--json", "provision", "door", &door, "--out", out, "--tenant", "acme"]);
    assert_eq!(made.status.code(), Some(0), "{}", said(&made));
    let made = &lines(&made)[0];
    assert_eq!(made["client_id"], json!(at));
    assert_eq!(made["topic"], json!(format!("devices/{at}/calls/control")));

    let key = folder.path().join(format!("{at}.key.pem"));
    let certificate = folder.path().join(format!("{at}.cert.pem"));
    assert!(fs::read_to_string(&key).unwrap().contains("PRIVATE KEY"));
    assert!(fs::read_to_string(&certificate).unwrap().starts_with("-----BEGIN CERTIFICATE-----"));
    assert_eq!(fs::metadata(&key).unwrap().permissions().mode() & 0o777, 0o600);

    let id = made["certificate_id"].as_str().unwrap().to_owned();
    let found = iot.describe_certificate().certificate_id(&id).send().await.unwrap();
    let found = found.certificate_description().unwrap();
    assert_eq!(found.status(), Some(&CertificateStatus::Active));
    let policies = iot.list_attached_policies().target(found.certificate_arn().unwrap()).send().await.unwrap();
    assert_eq!(policies.policies()[0].policy_name(), Some(cloud.output("DoorPolicyName").as_str()));
    let thing = iot.describe_thing().thing_name(&at).send().await.unwrap();
    assert_eq!(thing.attributes().unwrap()["tenant"], "acme");

    let again = cloud.ilock(&["provision", "door", &door, "--tenant", "acme", "--out", out]);
    assert_eq!(again.status.code(), Some(1));
    assert!(said(&again).contains("is not overwritten"), "{}", said(&again));
    let elsewhere = tempfile::tempdir().unwrap();
    let elsewhere = elsewhere.path().to_str().unwrap();
    let second = cloud.ilock(&["provision", "door", &door, "--tenant", "acme", "--out", elsewhere]);
    assert!(said(&second).contains("already has a certificate"), "{}", said(&second));
    let another = cloud.ilock(&["provision", "door", &door, "--tenant", "acme", "--out", elsewhere, "--another"]);
    assert_eq!(another.status.code(), Some(0), "{}", said(&another));
    let first = cloud.ilock(&["provision", "door", &door, "--tenant", "acme", "--revoke", "--only", &id]);
    assert_eq!(first.status.code(), Some(0), "{}", said(&first));
    assert!(iot.describe_certificate().certificate_id(&id).send().await.is_err());
    assert!(iot.describe_thing().thing_name(&at).send().await.is_ok());

    for _ in 0..2 {
        let revoked = cloud.ilock(&["provision", "door", &door, "--tenant", "acme", "--revoke"]);
        assert_eq!(revoked.status.code(), Some(0), "{}", said(&revoked));
    }
    assert!(iot.describe_thing().thing_name(&at).send().await.is_err());
    assert_eq!(cloud.certificates_with_policy().await, 0);
}

#[tokio::test]
async fn a_key_that_cannot_be_written_leaves_nothing_in_the_account() {
    let cloud = Deployment::start("nokey").await;
    let folder = tempfile::tempdir().unwrap();
    let door = cloud.name("nokey");
    let before = cloud.certificates().await;
    // A file size limit of 0 for this command: every write fails.
    let full = format!(
        "trap '' XFSZ; ulimit -f 0; exec {} provision door {door} --out {}",
        env!("CARGO_BIN_EXE_ilock"),
        folder.path().display()
    );
    let failed = cloud.environment(Command::new("sh").args(["-c", &full])).output().unwrap();
    assert_eq!(failed.status.code(), Some(1), "{}", said(&failed));
    assert!(said(&failed).contains(".key.pem"), "{}", said(&failed));
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    assert_eq!(cloud.certificates().await, before);
    let iot = aws_sdk_iot::Client::new(&cloud.sdk);
    assert!(iot.describe_thing().thing_name(&door).send().await.is_err());
}

#[tokio::test]
async fn a_door_of_another_deployment_is_not_touched() {
    let cloud = Deployment::start("other").await;
    let iot = aws_sdk_iot::Client::new(&cloud.sdk);
    let door = cloud.name("other");
    iot.create_thing().thing_name(&door).send().await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    for arguments in [&["--out", folder.path().to_str().unwrap()][..], &["--revoke"]] {
        let refused = cloud.ilock(&[&["provision", "door", &door][..], arguments].concat());
        assert_eq!(refused.status.code(), Some(1));
        assert!(said(&refused).contains("belongs to no deployment"), "{}", said(&refused));
    }
    iot.delete_thing().thing_name(&door).send().await.unwrap();
}

#[tokio::test]
async fn a_doors_token_is_signed_with_the_deployments_secret() {
    let cloud = Deployment::start("token").await;
    let secret = "a secret of the operator's own, long enough";
    let token = cloud
        .environment(
            Command::new(env!("CARGO_BIN_EXE_ilock"))
                .args(["provision", "door", "door1", "--token", "--seconds", "600"])
                .env("AUTH_SECRET", secret),
        )
        .output()
        .unwrap();
    assert_eq!(token.status.code(), Some(0), "{}", said(&token));
    let token = String::from_utf8(token.stdout).unwrap();
    assert_eq!((token.lines().count(), token.trim().split('.').count()), (1, 3), "{token}");
    let without = cloud.ilock(&["provision", "door", "door1", "--token"]);
    assert!(said(&without).contains("AUTH_SECRET must be set"), "{}", said(&without));
}

#[tokio::test]
async fn the_doctor_sees_what_works() {
    let cloud = Deployment::start("doctor").await;
    let outcome = |checks: &[serde_json::Value], what: &str| -> String {
        let check = checks.iter().find(|check| check["found"].as_str().unwrap().contains(what));
        check.map_or_else(
            || format!("none says {what}: {checks:#?}"),
            |check| check["outcome"].as_str().unwrap().to_owned(),
        )
    };
    let checks = |cloud: &Deployment| -> Vec<serde_json::Value> {
        let output = cloud.ilock(&["--json", "doctor"]);
        lines(&output).into_iter().map(|line| line["check"].clone()).filter(serde_json::Value::is_object).collect()
    };
    let well = checks(&cloud);
    for works in [
        "clock is AWS's",
        "_COMPLETE",
        "refuses a request without a token",
        "can be invoked",
        "the IoT data endpoint is",
        "the doors' policy",
        "is active",
        "streams its commits",
        "deletes expired items",
        "has point-in-time recovery",
        "is enabled",
        "LedgerKey is enabled",
        "4 are there, and the functions may read them",
        "the bucket",
        "is empty: there are no dead letters",
        "are quiet",
    ] {
        assert_eq!(outcome(&well, works), "ok", "{works}");
    }
    assert_eq!(outcome(&well, "the stack has no authorizer"), "failed");
    let lacking = well.iter().find(|check| check["found"].as_str().unwrap().contains("one table each"));
    assert!(lacking.is_none(), "{lacking:?}");
}

/// What Service Quotas answers, which the emulator does not know: what a new account has that was given more connections. As AWS may, it
/// lists no quota as applied that only has its default.
fn quotas(request: &Request) -> Response {
    let quota = |name: &str, value: u32| json!({ "ServiceCode": "iotcore", "QuotaName": name, "Value": value });
    let all = if request.target.ends_with(".ListAWSDefaultServiceQuotas") {
        vec![
            quota("Maximum concurrent client connections per account", 500_000),
            quota("Connect requests per second per account", 500),
            quota("Subscriptions per account", 500_000),
            quota("Subscriptions per second per account", 500),
            quota("Something else", 1),
        ]
    } else {
        assert!(request.target.ends_with(".ListServiceQuotas"), "{request:?}");
        vec![
            quota("Maximum concurrent client connections per account", 600_000),
            quota("Connect requests per second per account", 500),
            quota("Subscriptions per account", 500_000),
            quota("Something else", 1),
        ]
    };
    (200, json!({ "Quotas": all }).to_string())
}

/// The doctor's findings other than `ok`, each with what to do.
fn findings(cloud: &Deployment, quotas: &MockAws, arguments: &[&str]) -> Vec<(String, String)> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ilock"));
    let command = cloud.environment(command.args(["--json", "doctor"]).args(arguments));
    let output = command.env("AWS_ENDPOINT_URL_SERVICE_QUOTAS", &quotas.url).output().unwrap();
    let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
    let checks = lines(&output).into_iter().map(|line| line["check"].clone());
    checks
        .filter(|check| check["outcome"] == "warning" || check["outcome"] == "failed")
        .map(|check| (text(&check["found"]), text(&check["do"])))
        .collect()
}

#[tokio::test]
async fn the_doctor_finds_each_planted_mistake_and_says_what_to_do() {
    let (cloud, quotas) = (Deployment::start("mistakes").await, MockAws::start(quotas));
    assert!(MISTAKES.len() >= 20);
    for (mistake, make, says) in MISTAKES {
        let before = findings(&cloud, &quotas, &[]);
        assert!(!before.iter().any(|(found, _)| found.contains(says)), "before {mistake}: {before:#?}");
        make(&cloud).await;
        let after = findings(&cloud, &quotas, &[]);
        let found = after.iter().find(|(found, _)| found.contains(says));
        let (found, remedy) = found.unwrap_or_else(|| panic!("{mistake}, and none says {says}: {after:#?}"));
        assert!(!remedy.is_empty(), "{mistake}: {found}");
        println!("{mistake}: {found} → {remedy}");
    }
    let crowded = findings(&cloud, &quotas, &["--clients", "4000000"]);
    let of_iot: Vec<_> = crowded.iter().filter(|(found, _)| found.starts_with("IoT Core: ")).collect();
    assert_eq!(of_iot.len(), 4, "connections, subscriptions, connects and subscriptions a second: {crowded:#?}");
    assert!(of_iot.iter().any(|(found, _)| found.contains(" per account: 600000, ")), "what was given: {of_iot:#?}");
    assert!(of_iot.iter().all(|(_, remedy)| remedy.contains("Service Quotas")), "{of_iot:#?}");
}

#[tokio::test]
async fn what_the_projector_gave_up_on_is_sent_to_it_again() {
    let cloud = Deployment::start("redrive").await;
    let queue = cloud.output("ProjectorDeadLettersUrl");
    cloud.commit("call_a_b_1", "bad").await;
    // The emulator writes the letter: the function failed at this commit and has no retries left.
    cloud.until_first_letter().await;

    let early = cloud.ilock(&["redrive", &queue]);
    assert_eq!(early.status.code(), Some(1), "{}", said(&early));
    assert!(said(&early).contains("this commit is bad"), "{}", said(&early));
    cloud.mend().await;
    let done = cloud.ilock(&["--json", "redrive", &queue]);
    assert_eq!(done.status.code(), Some(0), "{}", said(&done));
    let counts = lines(&done).pop().unwrap();
    assert_eq!((&counts["redriven"], &counts["kept"]), (&json!(1), &json!(0)));
    let empty = cloud.ilock(&["--json", "redrive", &queue]);
    assert_eq!(lines(&empty).pop().unwrap()["redriven"], json!(0));
}

#[tokio::test]
async fn a_function_is_invoked_again_with_the_event_that_it_failed_at() {
    let cloud = Deployment::start("event").await;
    let letter = |payload: serde_json::Value| {
        let context = json!({ "functionArn": format!("{}projector:live", cloud.output("FunctionPrefix")) });
        json!({ "requestContext": context, "requestPayload": payload }).to_string()
    };
    cloud.add_letter(&letter(json!({ "Records": [] }))).await;
    cloud.add_letter(&letter(json!({ "no": "records" }))).await;
    let done = cloud.ilock(&["redrive", &cloud.output("ProjectorDeadLettersUrl")]);
    assert_eq!(done.status.code(), Some(1));
    assert!(said(&done).contains("1 redriven, 0 dropped, 1 kept"), "{}", said(&done));
}

#[tokio::test]
async fn a_letter_that_is_unreadable_or_expired_stays() {
    let cloud = Deployment::start("late").await;
    let queue = cloud.output("ProjectorDeadLettersUrl");
    cloud.add_letter("hello").await;
    cloud.add_letter(&cloud.letter_about("999999999999999999999999").await).await;
    let kept = cloud.ilock(&["redrive", &queue]);
    assert_eq!(kept.status.code(), Some(1));
    for why in ["not valid JSON of a letter", "24 hours", "2 kept"] {
        assert!(said(&kept).contains(why), "{}", said(&kept));
    }
    let dropped = cloud.ilock(&["redrive", &queue, "--drop-expired"]);
    assert_eq!(dropped.status.code(), Some(1));
    assert!(said(&dropped).contains("1 dropped, 1 kept"), "{}", said(&dropped));
}

#[tokio::test]
async fn a_call_is_projected_again_from_the_log() {
    let cloud = Deployment::start("call").await;
    cloud.commit("call_a_b_2", "good").await;
    let done = cloud.ilock(&["redrive", "--call", "call_a_b_2"]);
    assert_eq!(done.status.code(), Some(0), "{}", said(&done));
    assert!(
        said(&done).contains("redriven call_a_b_2: 1 records to projector, 1 records to ledger"),
        "{}",
        said(&done)
    );
    cloud.commit("call_a_b_3", "refused").await;
    let failed = cloud.ilock(&["redrive", "--call", "call_a_b_3"]);
    assert!(said(&failed).contains("1 of 1 records failed again"), "{}", said(&failed));
    let nobody = cloud.ilock(&["redrive", "--call", "call_a_b_4"]);
    assert!(said(&nobody).contains("there is no call call_a_b_4"), "{}", said(&nobody));
}
