//! The alarms: all there, none ringing, and somebody who is told.

use std::collections::BTreeMap;

use aws_config::SdkConfig;
use aws_sdk_cloudwatch::Client;
use aws_sdk_cloudwatch::types::AlarmType;

use crate::aws::account::AwsError;
use crate::aws::doctor::finding::Finding;
use crate::aws::stack::Stack;

const ABOUT: &str = "alarms";
/// CloudWatch is asked for so many by name at once.
const AT_ONCE: usize = 100;

/// An alarm as CloudWatch has it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Alarm {
    ringing: bool,
    /// What it means, and which runbook helps.
    meaning: String,
    /// Whether anybody is told when it rings.
    heard: bool,
}

/// Every alarm of the stack.
pub async fn check(sdk: &SdkConfig, stack: &Stack) -> Vec<Finding> {
    let names: Vec<String> = stack
        .resources
        .iter()
        .filter(|resource| {
            ["AWS::CloudWatch::Alarm", "AWS::CloudWatch::CompositeAlarm"].contains(&resource.kind.as_str())
        })
        .map(|alarm| alarm.physical.clone())
        .collect();
    if names.is_empty() {
        return vec![none(stack)];
    }
    match described(&Client::new(sdk), &names).await {
        Ok(alarms) => judge(&names, &alarms),
        Err(refusal) => vec![Finding::refused(ABOUT, "the alarms", &refusal)],
    }
}

fn none(stack: &Stack) -> Finding {
    let found = "the stack has none: nobody is told when something breaks";
    if stack.stage() == Some("dev") {
        return Finding::warning(ABOUT, found, "deploy it with AlarmTopicArn set, or as another stage than dev");
    }
    Finding::failed(ABOUT, found, "deploy it from this project's template")
}

async fn described(client: &Client, names: &[String]) -> Result<BTreeMap<String, Alarm>, AwsError> {
    let mut alarms = BTreeMap::new();
    for names in names.chunks(AT_ONCE) {
        let mut pages = client
            .describe_alarms()
            .set_alarm_names(Some(names.to_vec()))
            .alarm_types(AlarmType::MetricAlarm)
            .alarm_types(AlarmType::CompositeAlarm)
            .into_paginator()
            .send();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| AwsError::of(&error))?;
            let metric = page.metric_alarms().iter().map(|alarm| {
                (
                    alarm.alarm_name(),
                    alarm.state_value(),
                    alarm.alarm_description(),
                    alarm.actions_enabled(),
                    alarm.alarm_actions(),
                )
            });
            let composite = page.composite_alarms().iter().map(|alarm| {
                (
                    alarm.alarm_name(),
                    alarm.state_value(),
                    alarm.alarm_description(),
                    alarm.actions_enabled(),
                    alarm.alarm_actions(),
                )
            });
            for (name, state, meaning, enabled, actions) in metric.chain(composite) {
                let alarm = Alarm {
                    ringing: state.is_some_and(|state| state.as_str() == "ALARM"),
                    meaning: meaning.unwrap_or_default().to_owned(),
                    heard: enabled != Some(false) && !actions.is_empty(),
                };
                alarms.insert(name.unwrap_or_default().to_owned(), alarm);
            }
        }
    }
    Ok(alarms)
}

fn judge(names: &[String], alarms: &BTreeMap<String, Alarm>) -> Vec<Finding> {
    let mut findings = vec![];
    let mut unheard = vec![];
    let mut well = 0;
    for name in names {
        match alarms.get(name) {
            None => findings.push(Finding::failed(ABOUT, format!("{name} does not exist"), "deploy the stack again")),
            Some(alarm) => {
                if alarm.ringing {
                    let remedy = "the runbook that it names; docs/operators.md has the others";
                    findings.push(Finding::warning(ABOUT, format!("{name} is in ALARM: {}", alarm.meaning), remedy));
                } else {
                    well += 1;
                }
                if !alarm.heard {
                    unheard.push(name.as_str());
                }
            }
        }
    }
    if well > 0 {
        findings.insert(0, Finding::ok(ABOUT, format!("{well} of {} are quiet", names.len())));
    }
    if !unheard.is_empty() {
        let found = format!("nobody is told when these ring: {}", unheard.join(", "));
        findings.push(Finding::warning(
            ABOUT,
            found,
            "deploy the stack with AlarmTopicArn, the ARN of an SNS topic that you subscribe to",
        ));
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aws::doctor::finding::Outcome;

    #[test]
    fn an_alarm_that_rings_is_absent_or_unheard_is_named() {
        let alarm = |ringing, heard| Alarm { ringing, meaning: "2 errors".into(), heard };
        let alarms = BTreeMap::from([
            ("quiet".to_owned(), alarm(false, true)),
            ("ringing".to_owned(), alarm(true, true)),
            ("unheard".to_owned(), alarm(false, false)),
        ]);
        let names: Vec<String> = ["quiet", "ringing", "unheard", "absent"].map(str::to_owned).to_vec();
        let found = judge(&names, &alarms);
        let outcomes: Vec<Outcome> = found.iter().map(|finding| finding.outcome).collect();
        assert_eq!(outcomes, [Outcome::Ok, Outcome::Warning, Outcome::Failed, Outcome::Warning]);
        assert_eq!(found[0].found, "2 of 4 are quiet");
        assert_eq!(found[1].found, "ringing is in ALARM: 2 errors");
        assert_eq!(found[2].found, "absent does not exist");
        assert!(found[3].found.ends_with(": unheard"));
    }

    #[test]
    fn only_a_stage_for_trying_things_out_may_be_without() {
        let of = |stage: &str| Stack {
            parameters: BTreeMap::from([("Stage".to_owned(), stage.to_owned())]),
            ..Stack::default()
        };
        assert_eq!(none(&of("dev")).outcome, Outcome::Warning);
        assert_eq!(none(&of("prod")).outcome, Outcome::Failed);
        assert_eq!(none(&Stack::default()).outcome, Outcome::Failed);
    }
}
