//! Checks the tables of the log, the ledger and the directory: state, protection, stream, recovery and time to live.

use aws_config::SdkConfig;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{
    PointInTimeRecoveryStatus, StreamViewType, TableDescription, TableStatus, TimeToLiveStatus,
};

use crate::aws::account::AwsError;
use crate::aws::doctor::check_result::{CheckResult, Outcome};
use crate::aws::stack::Stack;

const ABOUT: &str = "tables";

/// Logical ids in the template. Nothing in the ledger expires.
const DIRECTORY: &str = "DirectoryTable";
const LEDGER: &str = "LedgerTable";

/// The ARN of the log's stream, and what was found of the tables.
pub async fn check(sdk: &SdkConfig, stack: &Stack) -> (Option<String>, Vec<CheckResult>) {
    let client = Client::new(sdk);
    let is_dev = stack.stage().is_some_and(|stage| stage == "dev");
    let (mut stream, mut results) = (None, vec![]);
    let mut logs = 0;
    for resource in stack.of_kind("AWS::DynamoDB::Table") {
        let name = &resource.physical;
        let table = match client.describe_table().table_name(name).send().await {
            Ok(response) => response.table.unwrap_or_else(|| TableDescription::builder().build()),
            Err(error) => {
                results.push(CheckResult::refused(ABOUT, &format!("the table {name}"), &AwsError::from_sdk(&error)));
                continue;
            }
        };
        results.extend(described(name, &table, is_dev));
        if is_log(&table) {
            logs += 1;
            let (arn, result) = stream_of(name, &table);
            results.push(result);
            stream = arn;
        }
        if resource.logical != LEDGER {
            results.push(time_to_live(&client, name).await);
        }
        results.push(recovery(&client, name, is_dev).await);
    }
    let incomplete = results.iter().any(|result| result.outcome == Outcome::Unchecked);
    let has = |table: &str| stack.of_kind("AWS::DynamoDB::Table").any(|resource| resource.logical == table);
    if !incomplete && (logs != 1 || !has(DIRECTORY) || !has(LEDGER)) {
        let found = "the stack does not have one table each for the log, the directory and the ledger";
        results.push(CheckResult::failed(ABOUT, found, "deploy it again from this project's template"));
    }
    (stream, results)
}

/// The log is the table with the day index.
fn is_log(table: &TableDescription) -> bool {
    table.global_secondary_indexes().iter().any(|index| index.index_name() == Some("by_day"))
}

fn described(name: &str, table: &TableDescription, is_dev: bool) -> Vec<CheckResult> {
    let state = match table.table_status() {
        Some(TableStatus::Active) => CheckResult::ok(ABOUT, format!("{name} is active")),
        Some(TableStatus::Updating) => {
            CheckResult::warning(ABOUT, format!("{name} is being updated"), "check again in a minute")
        }
        status => {
            let word = status.map_or("not described", TableStatus::as_str);
            CheckResult::failed(ABOUT, format!("{name} is {word}"), "see the table in the DynamoDB console")
        }
    };
    let mut results = vec![state];
    if table.deletion_protection_enabled() != Some(true) {
        let found = format!("{name} has no deletion protection");
        let remedy = format!("aws dynamodb update-table --table-name {name} --deletion-protection-enabled");
        results.push(missing_protection(is_dev, found, remedy));
    }
    results
}

/// Failed in production, a warning in the stage `dev`.
fn missing_protection(is_dev: bool, found: String, remedy: String) -> CheckResult {
    if is_dev { CheckResult::warning(ABOUT, found, remedy) } else { CheckResult::failed(ABOUT, found, remedy) }
}

fn stream_of(name: &str, table: &TableDescription) -> (Option<String>, CheckResult) {
    let on = table.stream_specification().filter(|stream| stream.stream_enabled());
    match on.map(|stream| stream.stream_view_type()) {
        Some(Some(StreamViewType::NewAndOldImages)) => {
            let arn = table.latest_stream_arn().map(str::to_owned);
            (arn, CheckResult::ok(ABOUT, format!("{name} streams its commits")))
        }
        Some(_) => (
            table.latest_stream_arn().map(str::to_owned),
            CheckResult::failed(
                ABOUT,
                format!("the stream of {name} is not NEW_AND_OLD_IMAGES"),
                "deploy the stack again",
            ),
        ),
        None => (
            None,
            CheckResult::failed(
                ABOUT,
                format!("{name} has no stream: messages that the fast path could not deliver are lost"),
                "deploy the stack again: a new stream has a new ARN, which the projector must read",
            ),
        ),
    }
}

async fn recovery(client: &Client, name: &str, is_dev: bool) -> CheckResult {
    let response = match client.describe_continuous_backups().table_name(name).send().await {
        Ok(response) => response,
        Err(error) => {
            return CheckResult::refused(ABOUT, &format!("the backups of {name}"), &AwsError::from_sdk(&error));
        }
    };
    let on = response
        .continuous_backups_description()
        .and_then(|backups| backups.point_in_time_recovery_description())
        .and_then(|recovery| recovery.point_in_time_recovery_status());
    if on == Some(&PointInTimeRecoveryStatus::Enabled) {
        return CheckResult::ok(ABOUT, format!("{name} has point-in-time recovery"));
    }
    let remedy = format!(
        "aws dynamodb update-continuous-backups --table-name {name} \
         --point-in-time-recovery-specification PointInTimeRecoveryEnabled=true"
    );
    missing_protection(is_dev, format!("{name} has no point-in-time recovery"), remedy)
}

async fn time_to_live(client: &Client, name: &str) -> CheckResult {
    let response = match client.describe_time_to_live().table_name(name).send().await {
        Ok(response) => response,
        Err(error) => {
            return CheckResult::refused(ABOUT, &format!("the time to live of {name}"), &AwsError::from_sdk(&error));
        }
    };
    let on = response.time_to_live_description().filter(|ttl| {
        matches!(ttl.time_to_live_status(), Some(TimeToLiveStatus::Enabled | TimeToLiveStatus::Enabling))
            && ttl.attribute_name() == Some("ttl")
    });
    if on.is_some() {
        return CheckResult::ok(ABOUT, format!("{name} deletes expired items"));
    }
    let remedy = format!(
        "aws dynamodb update-time-to-live --table-name {name} --time-to-live-specification Enabled=true,AttributeName=ttl"
    );
    CheckResult::warning(ABOUT, format!("{name} keeps expired items: it has no time to live on `ttl`"), remedy)
}

#[cfg(test)]
mod tests {
    use aws_sdk_dynamodb::types::{GlobalSecondaryIndexDescription, StreamSpecification};

    use super::*;

    #[test]
    fn a_table_without_protection_fails_except_in_dev() {
        let bare = TableDescription::builder().table_status(TableStatus::Active).build();
        let outcomes = |table: &TableDescription, is_dev| -> Vec<Outcome> {
            described("events", table, is_dev).iter().map(|result| result.outcome).collect()
        };
        assert_eq!(outcomes(&bare, false), [Outcome::Ok, Outcome::Failed]);
        assert_eq!(outcomes(&bare, true), [Outcome::Ok, Outcome::Warning]);
        let whole =
            TableDescription::builder().table_status(TableStatus::Active).deletion_protection_enabled(true).build();
        assert_eq!(outcomes(&whole, false), [Outcome::Ok]);
        let gone = TableDescription::builder().deletion_protection_enabled(true).build();
        assert_eq!(outcomes(&gone, true), [Outcome::Failed]);
    }

    #[test]
    fn the_stream_must_have_new_and_old_images() {
        let with = |view: StreamViewType| {
            let stream = StreamSpecification::builder().stream_enabled(true).stream_view_type(view).build().unwrap();
            TableDescription::builder().stream_specification(stream).latest_stream_arn("arn:stream").build()
        };
        let (arn, result) = stream_of("events", &with(StreamViewType::NewAndOldImages));
        assert_eq!((arn.as_deref(), result.outcome), (Some("arn:stream"), Outcome::Ok));
        assert_eq!(stream_of("events", &with(StreamViewType::KeysOnly)).1.outcome, Outcome::Failed);
        let (arn, result) = stream_of("events", &TableDescription::builder().build());
        assert_eq!((arn, result.outcome), (None, Outcome::Failed));
    }

    #[test]
    fn the_log_is_known_by_its_index() {
        let index = |name: &str| {
            let index = GlobalSecondaryIndexDescription::builder().index_name(name).build();
            TableDescription::builder().global_secondary_indexes(index).build()
        };
        assert!(is_log(&index("by_day")));
        assert!(!is_log(&index("by_night")));
        let table: serde_json::Value = serde_json::from_str(include_str!("../../../../shared/log/table.json")).unwrap();
        assert_eq!(table["GlobalSecondaryIndexes"][0]["IndexName"], "by_day");
    }
}
