//! Checks the tables of the log, the ledger and the directory: state, protection, stream, recovery, key and time to live.

use aws_config::SdkConfig;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{
    PointInTimeRecoveryStatus, StreamViewType, TableDescription, TableStatus, TimeToLiveStatus,
};
use aws_sdk_kms::Client as Kms;

use crate::aws::account::AwsError;
use crate::aws::doctor::check_result::CheckResult;
use crate::aws::doctor::encryption;
use crate::aws::stack::{Resource, Stack};

const ABOUT: &str = "tables";

/// Logical id in the template. Nothing in the ledger expires.
const LEDGER: &str = "LedgerTable";
/// Logical ids in the template, and what `tools/restore` calls these tables.
const TABLES: [(&str, &str); 3] = [("EventsTable", "events"), ("DirectoryTable", "directory"), (LEDGER, "ledger")];
/// The index by which the log is known.
const LOG_INDEX: &str = "by_day";

/// The ARN of the log's stream, and what was found of the tables.
pub async fn check(sdk: &SdkConfig, stack: &Stack) -> (Option<String>, Vec<CheckResult>) {
    let (client, kms) = (Client::new(sdk), Kms::new(sdk));
    let is_dev = stack.stage().is_some_and(|stage| stage == "dev");
    let (mut stream, mut results) = (None, vec![]);
    let (mut logs, mut are_all_described) = (0, true);
    for resource in stack.of_kind("AWS::DynamoDB::Table") {
        let name = &resource.physical;
        let table = match client.describe_table().table_name(name).send().await {
            Ok(response) => response.table.unwrap_or_else(|| TableDescription::builder().build()),
            Err(error) => {
                results.push(not_described(&stack.name, resource, &AwsError::from_sdk(&error)));
                are_all_described = false;
                continue;
            }
        };
        results.extend(described(name, &table, is_dev));
        if is_log(&table) {
            logs += 1;
            let (arn, result) = stream_of(&stack.name, name, &table);
            results.push(result);
            stream = arn;
        }
        if resource.logical != LEDGER {
            results.push(time_to_live(&client, name).await);
        }
        results.push(recovery(&client, name, is_dev).await);
        results.push(key(&kms, stack, name, &table).await);
    }
    if are_all_described {
        results.extend(judge_all(stack, logs));
    }
    (stream, results)
}

/// A table of the stack that AWS does not describe. One that is gone comes back with its items from a backup, and empty from a change
/// set.
fn not_described(stack: &str, table: &Resource, error: &AwsError) -> CheckResult {
    let thing = format!("the table {}", table.physical);
    match TABLES.into_iter().find(|(logical, _)| *logical == table.logical) {
        Some((_, name)) if error.is_not_found() => CheckResult::failed(
            ABOUT,
            format!("{thing} does not exist"),
            format!("tools/restore {stack} {name} restores its newest backup; runbook restore.md"),
        ),
        _ => CheckResult::refused(ABOUT, &thing, error),
    }
}

/// Whether the stack has each table, and one of them the log's index. `logs`: how many have it.
fn judge_all(stack: &Stack, logs: usize) -> Option<CheckResult> {
    let has = |table: &str| stack.of_kind("AWS::DynamoDB::Table").any(|resource| resource.logical == table);
    if !TABLES.into_iter().all(|(table, _)| has(table)) {
        let found = "the stack does not have one table each for the log, the directory and the ledger";
        return Some(CheckResult::failed(ABOUT, found, "deploy it again from this project's template"));
    }
    let found = format!("{logs} tables have the index {LOG_INDEX}, and the log alone is to have it");
    (logs != 1).then(|| CheckResult::changed_by_hand(ABOUT, found))
}

fn is_log(table: &TableDescription) -> bool {
    table.global_secondary_indexes().iter().any(|index| index.index_name() == Some(LOG_INDEX))
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

/// The stream of the log `name`. It cannot be changed, only switched off, and a new one switched on, which has a new ARN.
fn stream_of(stack: &str, name: &str, table: &TableDescription) -> (Option<String>, CheckResult) {
    let restore = format!(
        "tools/restore {stack} events switches a stream on and has it read; what is written until then: runbook alarms.md, LogNotRead"
    );
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
                format!(
                    "aws dynamodb update-table --table-name {name} --stream-specification StreamEnabled=false; then {restore}"
                ),
            ),
        ),
        None => (
            None,
            CheckResult::failed(
                ABOUT,
                format!("{name} has no stream: messages that the fast path could not deliver are lost"),
                restore,
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

/// Whether the table is encrypted under the key that the template says.
async fn key(kms: &Kms, stack: &Stack, name: &str, table: &TableDescription) -> CheckResult {
    let is_dev = stack.stage().is_some_and(|stage| stage == "dev");
    let (own, key) = (stack.parameter(encryption::OF_TABLES), encryption::key_of(table.sse_description()));
    let is_aws_s = match key.filter(|_| own.is_none()) {
        Some(key) => encryption::is_aws_s(kms, key).await,
        None => Ok(false),
    };
    match is_aws_s.map(|is_aws_s| encryption::judge_table(name, own, key, is_aws_s)) {
        Ok(None) => CheckResult::ok(ABOUT, format!("{name} is encrypted under the template's key")),
        Ok(Some((found, remedy))) => missing_protection(is_dev, found, remedy),
        Err(error) => CheckResult::refused(ABOUT, &format!("the key of {name}"), &error),
    }
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
    use crate::aws::doctor::check_result::Outcome;

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
        let found = |table: &TableDescription| stream_of("calls", "calls-events", table);
        let (arn, result) = found(&with(StreamViewType::NewAndOldImages));
        assert_eq!((arn.as_deref(), result.outcome), (Some("arn:stream"), Outcome::Ok));
        let (arn, other) = found(&with(StreamViewType::KeysOnly));
        assert_eq!((arn.as_deref(), other.outcome), (Some("arn:stream"), Outcome::Failed));
        let off =
            "aws dynamodb update-table --table-name calls-events --stream-specification StreamEnabled=false; then ";
        let remedy = other.remedy.unwrap();
        assert!(remedy.starts_with(&format!("{off}tools/restore calls events ")), "{remedy}");
        let (arn, result) = found(&TableDescription::builder().build());
        assert_eq!((arn, result.outcome), (None, Outcome::Failed));
        let remedy = result.remedy.unwrap();
        assert!(remedy.starts_with("tools/restore calls events "), "{remedy}");
        let (_, runbook) = remedy.rsplit_once("; what is written until then: runbook ").unwrap();
        assert_eq!(runbook, "alarms.md, LogNotRead");
        let row = include_str!("../../../../infra/runbooks/alarms.md")
            .lines()
            .find(|line| line.starts_with("| `LogNotRead` |"));
        assert!(row.unwrap().contains("`ilock rebuild --apply --aws "), "{row:?}");
    }

    #[test]
    fn a_table_that_is_gone_is_restored() {
        let error = |code: &str| AwsError { code: Some(code.into()), message: format!("{code}: no") };
        let gone = error("ResourceNotFoundException");
        let table = |logical: &str| Resource {
            logical: logical.into(),
            physical: "calls-table".into(),
            kind: "AWS::DynamoDB::Table".into(),
        };
        for (logical, name) in TABLES {
            let found = not_described("calls", &table(logical), &gone);
            assert_eq!(
                (found.outcome, found.found.as_str()),
                (Outcome::Failed, "the table calls-table does not exist")
            );
            assert!(found.remedy.unwrap().starts_with(&format!("tools/restore calls {name} ")));
            let unseen = not_described("calls", &table(logical), &error("AccessDeniedException"));
            assert_eq!(unseen.outcome, Outcome::Unchecked);
        }
        let restore = include_str!("../../../../infra/template/restore.py");
        let known = TABLES.map(|(logical, name)| format!("\"{name}\": \"{logical}\"")).join(", ");
        assert!(restore.contains(&format!("\nTABLES = {{{known}}}\n")), "{known}");
    }

    #[test]
    fn only_a_stack_that_lacks_a_table_is_not_from_this_template() {
        let stack = |tables: &[(&str, &str)]| {
            let resource = |(logical, _): &(&str, &str)| Resource {
                logical: (*logical).into(),
                physical: (*logical).into(),
                kind: "AWS::DynamoDB::Table".into(),
            };
            Stack { resources: tables.iter().map(resource).collect(), ..Stack::default() }
        };
        assert_eq!(judge_all(&stack(&TABLES), 1), None);
        let lacking = judge_all(&stack(&TABLES[1..]), 0).unwrap();
        assert!(lacking.remedy.unwrap().contains("from this project's template"));
        // Somebody deleted the index.
        let found = "0 tables have the index by_day, and the log alone is to have it";
        assert_eq!(judge_all(&stack(&TABLES), 0), Some(CheckResult::changed_by_hand(ABOUT, found)));
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
