//! Checks the event source mappings: those of the log's stream and of the queues.

use std::collections::BTreeSet;

use aws_config::SdkConfig;
use aws_sdk_lambda::Client;
use aws_sdk_lambda::operation::get_event_source_mapping::GetEventSourceMappingOutput;
use aws_sdk_lambda::types::FunctionResponseType;

use crate::aws::account::AwsError;
use crate::aws::doctor::finding::Finding;
use crate::aws::stack::Stack;

const ABOUT: &str = "feeds";
/// Logical ids in the template of the functions that read the log's stream.
const READERS: [&str; 2] = ["ProjectorFunction", "LedgerFunction"];

/// The ARNs of the event sources, and findings. `stream` is the ARN of the log's stream.
pub async fn check(sdk: &SdkConfig, stack: &Stack, stream: Option<&str>) -> (BTreeSet<String>, Vec<Finding>) {
    let client = Client::new(sdk);
    let mut sources = BTreeSet::new();
    let mut findings = vec![];
    for id in stack.of_kind("AWS::Lambda::EventSourceMapping").map(|mapping| &mapping.physical) {
        match client.get_event_source_mapping().uuid(id).send().await {
            Ok(found) => {
                sources.extend(found.event_source_arn().map(str::to_owned));
                findings.extend(judge(&found));
            }
            Err(error) => {
                findings.push(Finding::refused(
                    ABOUT,
                    &format!("the event source mapping {id}"),
                    &AwsError::from_sdk(&error),
                ));
            }
        }
    }
    if let Some(stream) = stream {
        findings.extend(match readers(&client, stream).await {
            Ok(readers) => judge_readers(stack, &readers),
            Err(error) => vec![Finding::refused(ABOUT, "the readers of the log's stream", &error)],
        });
    }
    (sources, findings)
}

/// The names of the functions that read `stream`, whoever made their mappings: a restored table's are not in the stack.
async fn readers(client: &Client, stream: &str) -> Result<Vec<String>, AwsError> {
    let mut names = vec![];
    let mut pages = client.list_event_source_mappings().event_source_arn(stream).into_paginator().send();
    while let Some(page) = pages.next().await {
        for mapping in page.map_err(|error| AwsError::from_sdk(&error))?.event_source_mappings() {
            let function = mapping.function_arn().and_then(|arn| arn.split(':').nth(6));
            names.extend(function.filter(|_| mapping.state() != Some("Disabled")).map(str::to_owned));
        }
    }
    Ok(names)
}

fn judge_readers(stack: &Stack, readers: &[String]) -> Vec<Finding> {
    let mut findings = vec![];
    for function in stack.resources.iter().filter(|resource| READERS.contains(&resource.logical.as_str())) {
        let name = &function.physical;
        if !readers.contains(name) {
            findings.push(Finding::failed(
                ABOUT,
                format!("{name} does not read the log's stream: commits from now on never reach it"),
                "runbook restore.md: create its event source mapping; a stream that was off, or a restored table's, has a new ARN",
            ));
        }
    }
    if readers.len() > READERS.len() {
        let found = format!(
            "{} functions read the log's stream ({}), and DynamoDB throttles a third reader",
            readers.len(),
            readers.join(", ")
        );
        findings.push(Finding::failed(ABOUT, found, "remove the event source mapping that is not the deployment's"));
    }
    findings
}

fn failure_queue(mapping: &GetEventSourceMappingOutput) -> Option<&str> {
    mapping.destination_config()?.on_failure()?.destination()
}

fn judge(mapping: &GetEventSourceMappingOutput) -> Vec<Finding> {
    let last = |arn: Option<&str>, n: usize| arn.and_then(|arn| arn.split(':').nth(n)).unwrap_or("?").to_owned();
    let source = last(mapping.event_source_arn(), 5);
    let what =
        format!("{} → {}", source.split('/').take(2).collect::<Vec<_>>().join("/"), last(mapping.function_arn(), 6));
    let mut findings = vec![];
    match mapping.state() {
        Some("Enabled") => findings.push(Finding::ok(ABOUT, format!("{what} is enabled"))),
        Some("Disabled") => findings.push(Finding::failed(
            ABOUT,
            format!("{what} is disabled"),
            format!("aws lambda update-event-source-mapping --enabled --uuid {}", mapping.uuid().unwrap_or_default()),
        )),
        state => findings.push(Finding::warning(
            ABOUT,
            format!("{what} is {}", state.unwrap_or("in no known state")),
            "check again in a minute",
        )),
    }
    let result = mapping.last_processing_result().unwrap_or_default();
    if result.starts_with("PROBLEM") {
        findings.push(Finding::failed(ABOUT, format!("{what}: {result}"), "the function's logs say why"));
    }
    if !mapping.function_response_types().contains(&FunctionResponseType::ReportBatchItemFailures) {
        let found = format!("{what} does not report partial failures: one bad record repeats its whole batch");
        findings.push(Finding::failed(ABOUT, found, "deploy the stack again"));
    }
    if is_stream(mapping.event_source_arn()) && failure_queue(mapping).is_none() {
        let found = format!("{what} has no failure queue: records that it gives up on are lost");
        findings.push(Finding::failed(ABOUT, found, "deploy the stack again"));
    }
    findings
}

fn is_stream(arn: Option<&str>) -> bool {
    arn.is_some_and(|arn| arn.contains(":dynamodb:"))
}

#[cfg(test)]
mod tests {
    use aws_sdk_lambda::types::{DestinationConfig, OnFailure};

    use super::*;
    use crate::aws::doctor::finding::Outcome;

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

    fn outcomes(mapping: &GetEventSourceMappingOutput) -> Vec<Outcome> {
        judge(mapping).iter().map(|finding| finding.outcome).collect()
    }

    #[test]
    fn an_enabled_mapping_is_named_by_source_and_function() {
        let found = judge(&mapping(STREAM, "Enabled", "OK"));
        assert_eq!(found, [Finding::ok(ABOUT, "table/events → projector is enabled")]);
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
        let found =
            |readers: &[&str]| judge_readers(&stack, &readers.iter().map(|&name| name.to_owned()).collect::<Vec<_>>());
        assert_eq!(found(&["i-ledger", "i-projector"]), []);
        assert!(found(&["i-projector"])[0].found.starts_with("i-ledger does not read"));
        assert_eq!(found(&[]).len(), 2);
        assert!(found(&["i-ledger", "i-projector", "analytics"])[0].found.contains("throttles a third reader"));
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
