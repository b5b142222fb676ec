//! Checks that every alarm exists, that none is in ALARM, and that each notifies somebody.

use std::collections::BTreeMap;

use aws_config::SdkConfig;
use aws_sdk_cloudwatch::Client;
use aws_sdk_cloudwatch::types::AlarmType;

use crate::aws::account::AwsError;
use crate::aws::doctor::finding::Finding;
use crate::aws::stack::Stack;

const ABOUT: &str = "alarms";
/// The most alarm names in a request.
const BATCH_SIZE: usize = 100;

#[derive(Debug, Clone, PartialEq, Eq)]
struct Alarm {
    firing: bool,
    /// What the alarm means, and its runbook.
    description: String,
    /// Whether it has an action that is enabled.
    notifies: bool,
}

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
        return vec![no_alarms(stack)];
    }
    match described(&Client::new(sdk), &names).await {
        Ok(alarms) => judge(&names, &alarms),
        Err(error) => vec![Finding::refused(ABOUT, "the alarms", &error)],
    }
}

fn no_alarms(stack: &Stack) -> Finding {
    let found = "the stack has no alarms: nobody is notified when something breaks";
    if stack.stage() == Some("dev") {
        return Finding::warning(ABOUT, found, "deploy it with AlarmTopicArn, or in another stage than dev");
    }
    Finding::failed(ABOUT, found, "deploy it again from this project's template")
}

async fn described(client: &Client, names: &[String]) -> Result<BTreeMap<String, Alarm>, AwsError> {
    let mut alarms = BTreeMap::new();
    for names in names.chunks(BATCH_SIZE) {
        let mut pages = client
            .describe_alarms()
            .set_alarm_names(Some(names.to_vec()))
            .alarm_types(AlarmType::MetricAlarm)
            .alarm_types(AlarmType::CompositeAlarm)
            .into_paginator()
            .send();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| AwsError::from_sdk(&error))?;
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
            for (name, state, description, enabled, actions) in metric.chain(composite) {
                let alarm = Alarm {
                    firing: state.is_some_and(|state| state.as_str() == "ALARM"),
                    description: description.unwrap_or_default().to_owned(),
                    notifies: enabled != Some(false) && !actions.is_empty(),
                };
                alarms.insert(name.unwrap_or_default().to_owned(), alarm);
            }
        }
    }
    Ok(alarms)
}

fn judge(names: &[String], alarms: &BTreeMap<String, Alarm>) -> Vec<Finding> {
    let mut findings = vec![];
    let mut silent = vec![];
    let mut quiet = 0;
    for name in names {
        match alarms.get(name) {
            None => findings.push(Finding::failed(ABOUT, format!("{name} does not exist"), "deploy the stack again")),
            Some(alarm) => {
                if alarm.firing {
                    let remedy = "follow the runbook that it names; docs/operators.md lists the others";
                    findings.push(Finding::warning(
                        ABOUT,
                        format!("{name} is in ALARM: {}", alarm.description),
                        remedy,
                    ));
                } else {
                    quiet += 1;
                }
                if !alarm.notifies {
                    silent.push(name.as_str());
                }
            }
        }
    }
    if quiet > 0 {
        findings.insert(0, Finding::ok(ABOUT, format!("{quiet} of {} are quiet", names.len())));
    }
    if !silent.is_empty() {
        let found = format!("these alarms notify nobody: {}", silent.join(", "));
        findings.push(Finding::warning(
            ABOUT,
            found,
            "deploy the stack with AlarmTopicArn: the ARN of an SNS topic that you subscribe to",
        ));
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aws::doctor::finding::Outcome;

    #[test]
    fn an_alarm_that_is_in_alarm_absent_or_silent_is_named() {
        let alarm = |firing, notifies| Alarm { firing, description: "2 errors".into(), notifies };
        let alarms = BTreeMap::from([
            ("quiet".to_owned(), alarm(false, true)),
            ("ringing".to_owned(), alarm(true, true)),
            ("silent".to_owned(), alarm(false, false)),
        ]);
        let names: Vec<String> = ["quiet", "ringing", "silent", "absent"].map(str::to_owned).to_vec();
        let found = judge(&names, &alarms);
        let outcomes: Vec<Outcome> = found.iter().map(|finding| finding.outcome).collect();
        assert_eq!(outcomes, [Outcome::Ok, Outcome::Warning, Outcome::Failed, Outcome::Warning]);
        assert_eq!(found[0].found, "2 of 4 are quiet");
        assert_eq!(found[1].found, "ringing is in ALARM: 2 errors");
        assert_eq!(found[2].found, "absent does not exist");
        assert!(found[3].found.ends_with(": silent"));
    }

    #[test]
    fn only_the_stage_dev_may_be_without_alarms() {
        let of = |stage: &str| Stack {
            parameters: BTreeMap::from([("Stage".to_owned(), stage.to_owned())]),
            ..Stack::default()
        };
        assert_eq!(no_alarms(&of("dev")).outcome, Outcome::Warning);
        assert_eq!(no_alarms(&of("prod")).outcome, Outcome::Failed);
        assert_eq!(no_alarms(&Stack::default()).outcome, Outcome::Failed);
    }
}
