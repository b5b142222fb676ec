//! The event log, its ledger and the directory: are they there, is the stream on, can a mistake be taken back?

use aws_config::SdkConfig;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{
    PointInTimeRecoveryStatus, StreamViewType, TableDescription, TableStatus, TimeToLiveStatus,
};

use crate::aws::account::AwsError;
use crate::aws::doctor::finding::Finding;
use crate::aws::stack::Stack;

const ABOUT: &str = "tables";

/// As the template calls them. Of the directory some things run out; of log and ledger nothing does.
const DIRECTORY: &str = "DirectoryTable";
const LEDGER: &str = "LedgerTable";

/// What is to be said of the tables, and the ARN of the log's stream.
pub async fn check(sdk: &SdkConfig, stack: &Stack) -> (Option<String>, Vec<Finding>) {
    let client = Client::new(sdk);
    let forgiving = stack.stage().is_some_and(|stage| stage == "dev");
    let (mut stream, mut findings) = (None, vec![]);
    let mut logs = 0;
    for resource in stack.of_kind("AWS::DynamoDB::Table") {
        let name = &resource.physical;
        let table = match client.describe_table().table_name(name).send().await {
            Ok(answer) => answer.table.unwrap_or_else(|| TableDescription::builder().build()),
            Err(error) => {
                findings.push(Finding::refused(ABOUT, &format!("the table {name}"), &AwsError::of(&error)));
                continue;
            }
        };
        findings.extend(described(name, &table, forgiving));
        if is_log(&table) {
            logs += 1;
            let (arn, finding) = stream_of(name, &table);
            findings.push(finding);
            stream = arn;
        } else if resource.logical == DIRECTORY {
            findings.push(forgetting(&client, name).await);
        }
        findings.push(recovery(&client, name, forgiving).await);
    }
    let seen = findings.iter().any(|finding| finding.outcome == crate::aws::doctor::finding::Outcome::Unchecked);
    let has = |table: &str| stack.of_kind("AWS::DynamoDB::Table").any(|resource| resource.logical == table);
    if !seen && (logs != 1 || !has(DIRECTORY) || !has(LEDGER)) {
        let found = "the stack has not one table each for the log, the directory and the ledger";
        findings.push(Finding::failed(ABOUT, found, "deploy it from this project's template"));
    }
    (stream, findings)
}

/// The log is the table that can be asked for a day's calls.
fn is_log(table: &TableDescription) -> bool {
    table.global_secondary_indexes().iter().any(|index| index.index_name() == Some("by_day"))
}

fn described(name: &str, table: &TableDescription, forgiving: bool) -> Vec<Finding> {
    let state = match table.table_status() {
        Some(TableStatus::Active) => Finding::ok(ABOUT, format!("{name} is active")),
        Some(TableStatus::Updating) => {
            Finding::warning(ABOUT, format!("{name} is being updated"), "look again in a minute")
        }
        status => {
            let word = status.map_or("not described", TableStatus::as_str);
            Finding::failed(ABOUT, format!("{name} is {word}"), "the DynamoDB console says more")
        }
    };
    let mut findings = vec![state];
    if table.deletion_protection_enabled() != Some(true) {
        let found = format!("{name} can be deleted: it has no deletion protection");
        let remedy = format!("aws dynamodb update-table --table-name {name} --deletion-protection-enabled");
        findings.push(lacking(forgiving, found, remedy));
    }
    findings
}

/// What a deployment for real must have, and one for trying things out should.
fn lacking(forgiving: bool, found: String, remedy: String) -> Finding {
    if forgiving { Finding::warning(ABOUT, found, remedy) } else { Finding::failed(ABOUT, found, remedy) }
}

fn stream_of(name: &str, table: &TableDescription) -> (Option<String>, Finding) {
    let on = table.stream_specification().filter(|stream| stream.stream_enabled());
    match on.map(|stream| stream.stream_view_type()) {
        Some(Some(StreamViewType::NewAndOldImages)) => {
            let arn = table.latest_stream_arn().map(str::to_owned);
            (arn, Finding::ok(ABOUT, format!("{name} streams its commits")))
        }
        Some(_) => (
            table.latest_stream_arn().map(str::to_owned),
            Finding::failed(ABOUT, format!("the stream of {name} is not NEW_AND_OLD_IMAGES"), "deploy the stack again"),
        ),
        None => (
            None,
            Finding::failed(
                ABOUT,
                format!("{name} has no stream: what the fast path misses is never delivered"),
                "deploy the stack again: a stream that is switched on has a new ARN, and the projector must read that",
            ),
        ),
    }
}

async fn recovery(client: &Client, name: &str, forgiving: bool) -> Finding {
    let answer = match client.describe_continuous_backups().table_name(name).send().await {
        Ok(answer) => answer,
        Err(error) => return Finding::refused(ABOUT, &format!("the backups of {name}"), &AwsError::of(&error)),
    };
    let on = answer
        .continuous_backups_description()
        .and_then(|backups| backups.point_in_time_recovery_description())
        .and_then(|recovery| recovery.point_in_time_recovery_status());
    if on == Some(&PointInTimeRecoveryStatus::Enabled) {
        return Finding::ok(ABOUT, format!("{name} can be taken back to any moment of the last weeks"));
    }
    let remedy = format!(
        "aws dynamodb update-continuous-backups --table-name {name} \
         --point-in-time-recovery-specification PointInTimeRecoveryEnabled=true"
    );
    lacking(forgiving, format!("{name} has no point-in-time recovery"), remedy)
}

async fn forgetting(client: &Client, name: &str) -> Finding {
    let answer = match client.describe_time_to_live().table_name(name).send().await {
        Ok(answer) => answer,
        Err(error) => return Finding::refused(ABOUT, &format!("the time to live of {name}"), &AwsError::of(&error)),
    };
    let on = answer.time_to_live_description().filter(|ttl| {
        matches!(ttl.time_to_live_status(), Some(TimeToLiveStatus::Enabled | TimeToLiveStatus::Enabling))
            && ttl.attribute_name() == Some("ttl")
    });
    if on.is_some() {
        return Finding::ok(ABOUT, format!("{name} forgets what has run out"));
    }
    let remedy = format!(
        "aws dynamodb update-time-to-live --table-name {name} --time-to-live-specification Enabled=true,AttributeName=ttl"
    );
    Finding::warning(ABOUT, format!("{name} forgets nothing: it has no time to live on `ttl`"), remedy)
}

#[cfg(test)]
mod tests {
    use aws_sdk_dynamodb::types::{GlobalSecondaryIndexDescription, StreamSpecification};

    use super::*;
    use crate::aws::doctor::finding::Outcome;

    #[test]
    fn a_table_without_protection_fails_unless_it_is_for_trying_things_out() {
        let bare = TableDescription::builder().table_status(TableStatus::Active).build();
        let outcomes = |table: &TableDescription, forgiving| -> Vec<Outcome> {
            described("events", table, forgiving).iter().map(|finding| finding.outcome).collect()
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
    fn the_stream_must_tell_what_was_and_what_is() {
        let with = |view: StreamViewType| {
            let stream = StreamSpecification::builder().stream_enabled(true).stream_view_type(view).build().unwrap();
            TableDescription::builder().stream_specification(stream).latest_stream_arn("arn:stream").build()
        };
        let (arn, finding) = stream_of("events", &with(StreamViewType::NewAndOldImages));
        assert_eq!((arn.as_deref(), finding.outcome), (Some("arn:stream"), Outcome::Ok));
        assert_eq!(stream_of("events", &with(StreamViewType::KeysOnly)).1.outcome, Outcome::Failed);
        let (arn, finding) = stream_of("events", &TableDescription::builder().build());
        assert_eq!((arn, finding.outcome), (None, Outcome::Failed));
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
