//! Checks what the ledger is published with: its buckets are there, and its sequencer runs.

use aws_config::SdkConfig;
use aws_sdk_cloudwatch::Client as CloudWatch;
use aws_sdk_cloudwatch::primitives::DateTime;
use aws_sdk_cloudwatch::types::{Datapoint, Dimension, Statistic};
use aws_sdk_s3::Client as S3;
use aws_sdk_s3::types::{BucketVersioningStatus, ServerSideEncryptionByDefault, ServerSideEncryptionConfiguration};
use ilock_env::Clock;

use crate::aws::account::AwsError;
use crate::aws::doctor::check_result::{CHANGES_BY_HAND, CheckResult, Outcome};
use crate::aws::doctor::encryption;
use crate::aws::stack::{Resource, Stack};

const ABOUT: &str = "ledger";
/// Logical ids in the template.
const SEQUENCER: &str = "SequencerFunction";
const LEDGER_BUCKET: &str = "LedgerBucket";
/// The sequencer runs every minute, and CloudWatch knows of it some minutes later.
const WINDOW_SECONDS: i64 = 15 * 60;

pub async fn check(sdk: &SdkConfig, stack: &Stack) -> Vec<CheckResult> {
    let client = S3::new(sdk);
    let mut results = vec![];
    for bucket in stack.of_kind("AWS::S3::Bucket") {
        let asked = client.get_bucket_versioning().bucket(&bucket.physical).send().await;
        results.push(match asked.map_err(|error| AwsError::from_sdk(&error)) {
            Ok(found) => judge_bucket(bucket, found.status()),
            Err(error) if error.is_not_found() => no_bucket(bucket),
            Err(error) => CheckResult::refused(ABOUT, &format!("the bucket {}", bucket.physical), &error),
        });
        if results.last().is_some_and(|last| last.outcome == Outcome::Ok) {
            results.extend(encryption_of(&client, &bucket.physical).await);
        }
    }
    if let Some(sequencer) = stack.resources.iter().find(|resource| resource.logical == SEQUENCER) {
        results.push(runs_of(sdk, &sequencer.physical, stack).await);
    }
    results
}

async fn encryption_of(client: &S3, bucket: &str) -> Option<CheckResult> {
    let asked = client.get_bucket_encryption().bucket(bucket).send().await;
    match asked {
        Ok(found) => {
            let rules = found.server_side_encryption_configuration().map(ServerSideEncryptionConfiguration::rules);
            let first =
                rules.unwrap_or_default().iter().find_map(|rule| rule.apply_server_side_encryption_by_default());
            encryption::judge_bucket(ABOUT, bucket, first.map(ServerSideEncryptionByDefault::sse_algorithm))
        }
        Err(error) => {
            let thing = format!("the encryption of {bucket}");
            Some(CheckResult::refused(ABOUT, &thing, &AwsError::from_sdk(&error)))
        }
    }
}

fn judge_bucket(bucket: &Resource, versioning: Option<&BucketVersioningStatus>) -> CheckResult {
    let name = &bucket.physical;
    if bucket.logical == LEDGER_BUCKET && versioning != Some(&BucketVersioningStatus::Enabled) {
        let found = format!("the bucket {name} keeps no versions: what was published can be written over");
        return CheckResult::failed(
            ABOUT,
            found,
            "runbook ledger.md: such a bucket is not the template's; begin a new ledger",
        );
    }
    CheckResult::ok(ABOUT, format!("the bucket {name} is there"))
}

fn no_bucket(bucket: &Resource) -> CheckResult {
    let name = &bucket.physical;
    if bucket.logical == LEDGER_BUCKET {
        return CheckResult::failed(
            ABOUT,
            format!("the bucket {name} does not exist: nothing is published, and what was published is gone"),
            "runbook ledger.md: begin a new ledger; auditors have copies of what they verified",
        );
    }
    CheckResult::deleted_by_hand(ABOUT, format!("the bucket {name} ({}) does not exist", bucket.logical))
}

async fn runs_of(sdk: &SdkConfig, function: &str, stack: &Stack) -> CheckResult {
    let now = Clock::system().now().0 / 1000;
    let asked = CloudWatch::new(sdk)
        .get_metric_statistics()
        .namespace("AWS/Lambda")
        .metric_name("Invocations")
        .dimensions(Dimension::builder().name("FunctionName").value(function).build())
        .start_time(DateTime::from_secs(now - WINDOW_SECONDS))
        .end_time(DateTime::from_secs(now))
        .period(300)
        .statistics(Statistic::Sum)
        .send()
        .await;
    match asked {
        Ok(found) => {
            let runs: f64 = found.datapoints().iter().filter_map(Datapoint::sum).sum();
            let is_new = stack.created.is_some_and(|created| now - created < WINDOW_SECONDS);
            let rule = stack.of_kind("AWS::Events::Rule").next().map(|rule| rule.physical.as_str());
            judge_runs(function, runs, is_new, rule)
        }
        Err(error) => CheckResult::refused(ABOUT, &format!("how often {function} ran"), &AwsError::from_sdk(&error)),
    }
}

/// `rule` is the schedule.
fn judge_runs(function: &str, runs: f64, is_new: bool, rule: Option<&str>) -> CheckResult {
    if runs > 0.0 {
        return CheckResult::ok(ABOUT, format!("{function} ran {runs:.0} times within a quarter of an hour"));
    }
    if is_new {
        let found = format!("{function} has not run yet; the stack is new");
        return CheckResult::warning(ABOUT, found, "check again in a quarter of an hour");
    }
    let rule = rule.unwrap_or("RULE");
    CheckResult::failed(
        ABOUT,
        format!("{function} has not run for a quarter of an hour: nothing is published"),
        format!(
            "its schedule is disabled: aws events enable-rule --name {rule}; or gone: {CHANGES_BY_HAND}; runbook ledger.md"
        ),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bucket(logical: &str) -> Resource {
        Resource { logical: logical.into(), physical: "calls-ledger".into(), kind: "AWS::S3::Bucket".into() }
    }

    #[test]
    fn a_bucket_is_there_and_that_of_the_ledger_keeps_versions() {
        let outcome = |logical: &str, versioning: Option<BucketVersioningStatus>| {
            judge_bucket(&bucket(logical), versioning.as_ref()).outcome
        };
        assert_eq!(outcome(LEDGER_BUCKET, Some(BucketVersioningStatus::Enabled)), Outcome::Ok);
        assert_eq!(outcome(LEDGER_BUCKET, Some(BucketVersioningStatus::Suspended)), Outcome::Failed);
        assert_eq!(outcome(LEDGER_BUCKET, None), Outcome::Failed);
        assert_eq!(outcome("LedgerAccessLogs", None), Outcome::Ok);
        for logical in [LEDGER_BUCKET, "LedgerAccessLogs"] {
            let found = no_bucket(&bucket(logical));
            assert!(found.found.starts_with("the bucket calls-ledger"), "{}", found.found);
            assert_eq!(found.outcome, Outcome::Failed);
        }
    }

    #[test]
    fn a_sequencer_that_does_not_run_has_lost_its_schedule() {
        let found = |runs, is_new| judge_runs("calls-sequencer", runs, is_new, Some("calls-EveryMinute"));
        assert_eq!(found(15.0, false).found, "calls-sequencer ran 15 times within a quarter of an hour");
        assert_eq!(found(1.0, true).outcome, Outcome::Ok);
        assert_eq!(found(0.0, true).outcome, Outcome::Warning);
        let stopped = found(0.0, false);
        assert_eq!(stopped.outcome, Outcome::Failed);
        let remedy = stopped.remedy.unwrap();
        assert!(remedy.contains("aws events enable-rule --name calls-EveryMinute"), "{remedy}");
        assert!(remedy.contains(CHANGES_BY_HAND), "{remedy}");
    }

    #[test]
    fn the_template_has_what_is_looked_at() {
        let template = include_str!("../../../../template.yaml");
        for logical in [SEQUENCER, LEDGER_BUCKET] {
            assert!(template.contains(&format!("\n  {logical}:\n")), "{logical}");
        }
        assert!(template.contains("Schedule: rate(1 minute)"));
    }
}
