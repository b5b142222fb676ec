//! Checks the event source mappings: those of the log's stream and of the queues.

use std::collections::BTreeSet;

use aws_config::SdkConfig;
use aws_sdk_lambda::Client;
use aws_sdk_lambda::operation::get_event_source_mapping::GetEventSourceMappingOutput;
use aws_sdk_lambda::types::FunctionResponseType;

use crate::aws::account::AwsError;
use crate::aws::doctor::check_result::{CHANGES_BY_HAND, CheckResult, Outcome};
use crate::aws::doctor::mapping_settings::{differences, failure_queue};
use crate::aws::stack::Stack;

const ABOUT: &str = "feeds";
/// Logical ids in the template of the functions that read the log's stream.
const READERS: [&str; 2] = ["ProjectorFunction", "LedgerFunction"];

/// A mapping of the log's stream as it is now, whoever made it: those of a restored table are not in the stack.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Reader {
    id: String,
    /// The function's name.
    function: String,
    is_disabled: bool,
}

/// The ARNs of the event sources, and what was found of them. `stream` is the ARN of the log's stream.
pub async fn check(sdk: &SdkConfig, stack: &Stack, stream: Option<&str>) -> (BTreeSet<String>, Vec<CheckResult>) {
    let client = Client::new(sdk);
    let mut sources = BTreeSet::new();
    let mut results = vec![];
    let (readers, of_readers) = match stream {
        None => (None, vec![]),
        Some(stream) => match readers(&client, stream).await {
            Ok(readers) => {
                let found = judge_readers(stack, &readers);
                (Some(readers), found)
            }
            Err(error) => (None, vec![CheckResult::refused(ABOUT, "the readers of the log's stream", &error)]),
        },
    };
    let mut mappings = vec![];
    for id in ids(stack, readers.as_deref().unwrap_or_default()) {
        let asked = client.get_event_source_mapping().uuid(id).send().await;
        match asked.map_err(|error| AwsError::from_sdk(&error)) {
            Ok(found) => {
                sources.extend(found.event_source_arn().map(str::to_owned));
                mappings.push(found);
            }
            Err(error) if error.is_not_found() => results.push(gone(stack, id)),
            Err(error) => results.push(CheckResult::refused(ABOUT, &format!("the event source mapping {id}"), &error)),
        }
    }
    for mapping in &mappings {
        match (stream, &readers) {
            (Some(stream), Some(readers)) if is_replaced(mapping, stream, readers) => {
                results.push(judge_replaced(mapping, stream, &mappings));
            }
            (_, None) if may_be_replaced(mapping, stream) => results.extend(judge_unless_replaced(stack, mapping)),
            _ => results.extend(judge(stack, mapping)),
        }
    }
    results.extend(of_readers);
    (sources, results)
}

/// The stack's mappings, and those by which its own functions read a restored log.
fn ids<'a>(stack: &'a Stack, readers: &'a [Reader]) -> BTreeSet<&'a str> {
    let of_stack = stack.of_kind("AWS::Lambda::EventSourceMapping").map(|mapping| mapping.physical.as_str());
    let is_own = |reader: &&Reader| own_readers(stack).any(|function| function == reader.function);
    let of_log = readers.iter().filter(is_own).map(|reader| reader.id.as_str());
    of_stack.chain(of_log).collect()
}

/// The names of the stack's functions that read the log's stream.
fn own_readers(stack: &Stack) -> impl Iterator<Item = &str> {
    let read = stack.resources.iter().filter(|resource| READERS.contains(&resource.logical.as_str()));
    read.map(|function| function.physical.as_str())
}

async fn readers(client: &Client, stream: &str) -> Result<Vec<Reader>, AwsError> {
    let mut readers = vec![];
    let mut pages = client.list_event_source_mappings().event_source_arn(stream).into_paginator().send();
    while let Some(page) = pages.next().await {
        for mapping in page.map_err(|error| AwsError::from_sdk(&error))?.event_source_mappings() {
            if let (Some(id), Some(function)) = (mapping.uuid(), function_of(mapping.function_arn())) {
                let is_disabled = mapping.state() == Some("Disabled");
                readers.push(Reader { id: id.to_owned(), function: function.to_owned(), is_disabled });
            }
        }
    }
    Ok(readers)
}

/// arn:…:function:<name>, and perhaps :<alias>.
fn function_of(arn: Option<&str>) -> Option<&str> {
    arn?.split(':').nth(6)
}

/// A mapping that the stack names and that somebody deleted. CloudFormation does not look whether it is there.
fn gone(stack: &Stack, id: &str) -> CheckResult {
    let of_stack = stack.resources.iter().find(|resource| resource.physical == id);
    let name = of_stack.map_or(id, |mapping| mapping.logical.as_str());
    let found = format!("the event source mapping {name} does not exist: nothing is read by it");
    CheckResult::deleted_by_hand(ABOUT, found)
}

/// Whether `mapping` reads an older stream of the log's table than `stream`.
fn reads_older(mapping: &GetEventSourceMappingOutput, stream: &str) -> bool {
    let table = |arn: &str| arn.split_once("/stream/").map(|(table, _)| table.to_owned());
    mapping
        .event_source_arn()
        .is_some_and(|source| source != stream && table(source).is_some() && table(source) == table(stream))
}

/// Whether `mapping` reads an older stream of the log's table while its function reads `stream`: the table was restored, and the
/// stack goes on naming the mapping that it made.
fn is_replaced(mapping: &GetEventSourceMappingOutput, stream: &str, readers: &[Reader]) -> bool {
    let reads_on =
        |reader: &Reader| !reader.is_disabled && function_of(mapping.function_arn()) == Some(reader.function.as_str());
    reads_older(mapping, stream) && readers.iter().any(reads_on)
}

/// Whether `mapping` may be replaced, where AWS does not tell what reads the log's stream, or does not even tell `stream`.
fn may_be_replaced(mapping: &GetEventSourceMappingOutput, stream: Option<&str>) -> bool {
    stream.map_or_else(|| is_stream(mapping.event_source_arn()), |stream| reads_older(mapping, stream))
}

/// What is wrong with a mapping that may be replaced is wrong only if it is not.
fn judge_unless_replaced(stack: &Stack, mapping: &GetEventSourceMappingOutput) -> Vec<CheckResult> {
    let results = judge(stack, mapping);
    if results.iter().all(|result| result.outcome == Outcome::Ok) {
        return results;
    }
    let found = format!(
        "{} does not work, or is replaced since its table was restored: what reads the log's stream could not be checked",
        title(mapping)
    );
    vec![CheckResult::unchecked(ABOUT, found)]
}

/// A replaced mapping reads nothing. But deployments change it alone, and what reads `stream` in its place has to follow it.
fn judge_replaced(
    replaced: &GetEventSourceMappingOutput,
    stream: &str,
    all: &[GetEventSourceMappingOutput],
) -> CheckResult {
    let function = function_of(replaced.function_arn());
    let in_its_place = all
        .iter()
        .find(|other| other.event_source_arn() == Some(stream) && function_of(other.function_arn()) == function);
    let differing = in_its_place.map(|other| differences(replaced, other)).unwrap_or_default();
    let found = format!("{} is replaced: its table was restored", title(replaced));
    if differing.is_empty() {
        return CheckResult::ok(ABOUT, found);
    }
    let found = format!("{found}; what reads in its place has another {}", differing.join(", "));
    CheckResult::failed(ABOUT, found, "tools/deploy gives it the settings of the stack's mapping: deploy again")
}

fn judge_readers(stack: &Stack, readers: &[Reader]) -> Vec<CheckResult> {
    let readers: Vec<&str> =
        readers.iter().filter(|reader| !reader.is_disabled).map(|reader| reader.function.as_str()).collect();
    let mut results = vec![];
    for name in own_readers(stack) {
        if !readers.contains(&name) {
            results.push(CheckResult::failed(
                ABOUT,
                format!("{name} does not read the log's stream: commits from now on never reach it"),
                format!(
                    "enable its event source mapping; one that was deleted: {CHANGES_BY_HAND}; \
                     a stream that was off, or a restored table's, has a new ARN: runbook restore.md"
                ),
            ));
        }
    }
    if readers.len() > READERS.len() {
        let found = format!(
            "{} functions read the log's stream ({}), and DynamoDB throttles a third reader",
            readers.len(),
            readers.join(", ")
        );
        results.push(CheckResult::failed(ABOUT, found, "remove the event source mapping that is not the deployment's"));
    }
    results
}

/// Source and function.
fn title(mapping: &GetEventSourceMappingOutput) -> String {
    let source = mapping.event_source_arn().and_then(|arn| arn.split(':').nth(5)).unwrap_or("?");
    let source: Vec<&str> = source.split('/').take(2).collect();
    format!("{} → {}", source.join("/"), function_of(mapping.function_arn()).unwrap_or("?"))
}

fn judge(stack: &Stack, mapping: &GetEventSourceMappingOutput) -> Vec<CheckResult> {
    let what = title(mapping);
    let mut results = vec![];
    match mapping.state() {
        Some("Enabled") => results.push(CheckResult::ok(ABOUT, format!("{what} is enabled"))),
        Some("Disabled") => results.push(CheckResult::failed(
            ABOUT,
            format!("{what} is disabled"),
            format!("aws lambda update-event-source-mapping --enabled --uuid {}", mapping.uuid().unwrap_or_default()),
        )),
        state => results.push(CheckResult::warning(
            ABOUT,
            format!("{what} is {}", state.unwrap_or("in no known state")),
            "check again in a minute",
        )),
    }
    let result = mapping.last_processing_result().unwrap_or_default();
    if result.starts_with("PROBLEM") {
        results.push(CheckResult::failed(ABOUT, format!("{what}: {result}"), "the function's logs say why"));
    }
    if !mapping.function_response_types().contains(&FunctionResponseType::ReportBatchItemFailures) {
        let found = format!("{what} does not report partial failures: one bad record repeats its whole batch");
        results.push(lacks(stack, mapping, found, "--function-response-types ReportBatchItemFailures"));
    }
    if is_stream(mapping.event_source_arn()) && failure_queue(mapping).is_none() {
        let found = format!("{what} has no failure queue: records that it gives up on are lost");
        let option = r#"--destination-config '{"OnFailure": {"Destination": "QUEUE_ARN"}}'"#;
        results.push(lacks(stack, mapping, found, option));
    }
    results
}

/// A mapping lacks a setting, which `option` of AWS's command line gives it. CloudFormation does not know a mapping that is not the
/// stack's, such as one that reads the stream of a restored table.
fn lacks(stack: &Stack, mapping: &GetEventSourceMappingOutput, found: String, option: &str) -> CheckResult {
    let id = mapping.uuid().unwrap_or_default();
    if stack.resources.iter().any(|resource| resource.physical == id) {
        return CheckResult::changed_by_hand(ABOUT, found);
    }
    let remedy = format!("it is not the stack's: aws lambda update-event-source-mapping --uuid {id} {option}");
    CheckResult::failed(ABOUT, found, remedy)
}

fn is_stream(arn: Option<&str>) -> bool {
    arn.is_some_and(|arn| arn.contains(":dynamodb:"))
}

#[cfg(test)]
mod tests {
    use aws_sdk_lambda::types::{DestinationConfig, Filter, FilterCriteria, OnFailure};

    use super::*;

    const STREAM: &str = "arn:aws:dynamodb:eu-central-1:123456789012:table/events/stream/2024-01-01T00:00:00.000";
    const QUEUE: &str = "arn:aws:sqs:eu-central-1:123456789012:expire";

    fn mapping(source: &str, state: &str, result: &str) -> GetEventSourceMappingOutput {
        let failures = OnFailure::builder().destination("arn:aws:sqs:eu-central-1:123456789012:failures").build();
        GetEventSourceMappingOutput::builder()
            .event_source_arn(source)
            .function_arn("arn:aws:lambda:eu-central-1:123456789012:function:projector:live")
            .state(state)
            .last_processing_result(result)
            .function_response_types(FunctionResponseType::ReportBatchItemFailures)
            .destination_config(DestinationConfig::builder().on_failure(failures).build())
            .build()
    }

    /// A stack with this mapping.
    fn with_mapping(id: &str) -> Stack {
        let mapping = crate::aws::stack::Resource {
            logical: "ProjectorFunctionLog".into(),
            physical: id.into(),
            kind: "AWS::Lambda::EventSourceMapping".into(),
        };
        Stack { resources: vec![mapping], ..Stack::default() }
    }

    fn reader(function: &str) -> Reader {
        Reader { id: format!("id of {function}"), function: function.into(), is_disabled: false }
    }

    fn outcomes(mapping: &GetEventSourceMappingOutput) -> Vec<Outcome> {
        judge(&Stack::default(), mapping).iter().map(|result| result.outcome).collect()
    }

    #[test]
    fn an_enabled_mapping_is_named_by_source_and_function() {
        let found = judge(&Stack::default(), &mapping(STREAM, "Enabled", "OK"));
        assert_eq!(found, [CheckResult::ok(ABOUT, "table/events → projector is enabled")]);
    }

    #[test]
    fn a_mapping_that_is_disabled_or_fails_is_reported() {
        assert_eq!(outcomes(&mapping(STREAM, "Disabled", "")), [Outcome::Failed]);
        assert_eq!(outcomes(&mapping(STREAM, "Updating", "")), [Outcome::Warning]);
        assert_eq!(
            outcomes(&mapping(STREAM, "Enabled", "PROBLEM: Function call failed")),
            [Outcome::Ok, Outcome::Failed]
        );
    }

    #[test]
    fn the_log_has_two_readers_the_projector_and_the_ledger() {
        let resource = |logical: &str, physical: &str| crate::aws::stack::Resource {
            logical: logical.into(),
            physical: physical.into(),
            kind: "AWS::Lambda::Function".into(),
        };
        let resources = vec![resource("ProjectorFunction", "i-projector"), resource("LedgerFunction", "i-ledger")];
        let stack = Stack { resources, ..Stack::default() };
        let found = |names: &[&str]| judge_readers(&stack, &names.iter().map(|name| reader(name)).collect::<Vec<_>>());
        assert_eq!(found(&["i-ledger", "i-projector"]), []);
        let disabled = Reader { is_disabled: true, ..reader("i-ledger") };
        assert!(
            judge_readers(&stack, &[disabled, reader("i-projector")])[0].found.starts_with("i-ledger does not read")
        );
        let unread = found(&["i-projector"]).remove(0);
        assert!(unread.found.starts_with("i-ledger does not read"), "{}", unread.found);
        assert!(unread.remedy.unwrap().contains(CHANGES_BY_HAND));
        assert_eq!(found(&[]).len(), 2);
        assert!(found(&["i-ledger", "i-projector", "analytics"])[0].found.contains("throttles a third reader"));
    }

    #[test]
    fn the_mapping_of_a_table_that_was_restored_is_replaced_once_its_function_reads_the_new_stream() {
        let older = mapping(STREAM, "Enabled", "PROBLEM: the stream is not there");
        let newer = STREAM.replace("2024-01-01", "2026-01-31");
        assert!(is_replaced(&older, &newer, &[reader("ledger"), reader("projector")]));
        // Nothing reads in its place; or it is the one that reads; or it is of another table, or of a queue.
        assert!(!is_replaced(&older, &newer, &[reader("ledger")]));
        assert!(!is_replaced(&older, &newer, &[Reader { is_disabled: true, ..reader("projector") }]));
        assert!(!is_replaced(&older, STREAM, &[reader("projector")]));
        assert!(!is_replaced(&older, &newer.replace("table/events", "table/others"), &[reader("projector")]));
        assert!(!is_replaced(&mapping(QUEUE, "Enabled", ""), &newer, &[reader("projector")]));
    }

    #[test]
    fn where_the_readers_are_not_told_a_mapping_that_does_not_work_may_be_replaced() {
        let newer = STREAM.replace("2024-01-01", "2026-01-31");
        let older = mapping(STREAM, "Enabled", "PROBLEM: the stream is not there");
        assert!(may_be_replaced(&older, Some(&newer)) && may_be_replaced(&older, None));
        let stack = Stack::default();
        let found = judge_unless_replaced(&stack, &older);
        assert_eq!((found.len(), found[0].outcome), (1, Outcome::Unchecked));
        assert!(found[0].found.starts_with("table/events → projector does not work, or is replaced"));
        assert_eq!(judge_unless_replaced(&stack, &mapping(STREAM, "Enabled", "OK"))[0].outcome, Outcome::Ok);
        // It is the stream that is read now, or it is a queue.
        assert!(!may_be_replaced(&older, Some(STREAM)));
        assert!(!may_be_replaced(&mapping(QUEUE, "Enabled", ""), None));
    }

    #[test]
    fn a_mapping_that_somebody_deleted_is_not_created_by_another_deployment() {
        let says = "the event source mapping ProjectorFunctionLog does not exist: nothing is read by it";
        assert_eq!(gone(&with_mapping("0a1b2c3d"), "0a1b2c3d"), CheckResult::deleted_by_hand(ABOUT, says));
    }

    #[test]
    fn what_a_mapping_lacks_only_the_stack_s_own_gets_from_its_template() {
        let bare = GetEventSourceMappingOutput::builder().uuid("0a1b2c3d").event_source_arn(STREAM).state("Enabled");
        let bare = bare.build();
        let of_stack = judge(&with_mapping("0a1b2c3d"), &bare);
        let partial = "table/events → ? does not report partial failures: one bad record repeats its whole batch";
        let unqueued = "table/events → ? has no failure queue: records that it gives up on are lost";
        assert_eq!(of_stack[1..], [partial, unqueued].map(|found| CheckResult::changed_by_hand(ABOUT, found)));
        // It reads the stream of a restored table, say.
        let of_another = judge(&with_mapping("another"), &bare);
        for (result, option) in of_another[1..].iter().zip(["--function-response-types ", "--destination-config "]) {
            let remedy = result.remedy.as_deref().unwrap();
            let command = format!("aws lambda update-event-source-mapping --uuid 0a1b2c3d {option}");
            assert!(remedy.contains(&command), "{remedy}");
        }
    }

    fn filtered(source: &str, pattern: &str) -> GetEventSourceMappingOutput {
        let filter = Filter::builder().pattern(pattern).build();
        GetEventSourceMappingOutput::builder()
            .event_source_arn(source)
            .function_arn("arn:aws:lambda:eu-central-1:123456789012:function:projector:live")
            .filter_criteria(FilterCriteria::builder().filters(filter).build())
            .build()
    }

    #[test]
    fn what_reads_in_place_of_a_replaced_mapping_must_have_its_settings() {
        let newer = STREAM.replace("2024-01-01", "2026-01-31");
        let replaced = filtered(STREAM, "commit#");
        let judged = |in_its_place| judge_replaced(&replaced, &newer, &[replaced.clone(), in_its_place]);
        assert_eq!(judged(filtered(&newer, "commit#")).outcome, Outcome::Ok);
        let differing = judged(filtered(&newer, "receipt#"));
        assert_eq!(differing.outcome, Outcome::Failed);
        assert!(differing.found.ends_with("has another FilterCriteria"), "{}", differing.found);
    }

    #[test]
    fn the_mappings_of_a_restored_log_are_judged_beside_those_of_the_stack() {
        let resource = |logical: &str, physical: &str, kind: &str| crate::aws::stack::Resource {
            logical: logical.into(),
            physical: physical.into(),
            kind: kind.into(),
        };
        let resources = vec![
            resource("ProjectorFunction", "projector", "AWS::Lambda::Function"),
            resource("ProjectorLog", "first", "AWS::Lambda::EventSourceMapping"),
        ];
        let stack = Stack { resources, ..Stack::default() };
        let found = [reader("projector"), reader("analytics")];
        assert_eq!(ids(&stack, &found).into_iter().collect::<Vec<_>>(), ["first", "id of projector"]);
    }

    #[test]
    fn a_stream_needs_a_failure_queue_and_a_queue_has_its_own() {
        let bare = |source: &str| {
            GetEventSourceMappingOutput::builder()
                .event_source_arn(source)
                .state("Enabled")
                .function_response_types(FunctionResponseType::ReportBatchItemFailures)
                .build()
        };
        assert_eq!(outcomes(&bare(STREAM)), [Outcome::Ok, Outcome::Failed]);
        assert_eq!(outcomes(&bare(QUEUE)), [Outcome::Ok]);
    }
}
