//! Checks that every alarm exists, can be evaluated and is not in ALARM, and that each notifies somebody.

use std::collections::BTreeMap;

use aws_config::SdkConfig;
use aws_sdk_cloudwatch::Client;
use aws_sdk_cloudwatch::types::{AlarmType, EvaluationState, StateValue};
use ilock_env::Clock;

use crate::aws::account::AwsError;
use crate::aws::doctor::check_result::{CHANGES_BY_HAND, CheckResult};
use crate::aws::stack::Stack;

const ABOUT: &str = "alarms";
/// The parameter without which no alarm of the template has an action.
const TOPIC: &str = "AlarmTopicArn";
/// The most alarm names in a request.
const BATCH_SIZE: usize = 100;
/// After this every alarm has been evaluated. A new one has no data at first.
const SECONDS_WITHOUT_DATA: i64 = 24 * 60 * 60;

#[derive(Debug, Clone, PartialEq, Eq)]
enum State {
    Quiet,
    Firing,
    /// It has had no data since it was made. The template has missing data counted as good or as bad, so none stays like this.
    WithoutData,
    /// CloudWatch cannot evaluate it, or sees a part of its data only; and its own word for it.
    NotEvaluated(String),
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Alarm {
    state: State,
    /// What the alarm means, and its runbook.
    description: String,
    /// Whether it has an action that is enabled.
    notifies: bool,
}

pub async fn check(sdk: &SdkConfig, stack: &Stack) -> Vec<CheckResult> {
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
        Ok(alarms) => {
            let is_new = is_new(stack, Clock::system().now().0 / 1000);
            judge(&names, &alarms, is_new, stack.parameter(TOPIC).is_some())
        }
        Err(error) => vec![CheckResult::refused(ABOUT, "the alarms", &error)],
    }
}

fn no_alarms(stack: &Stack) -> CheckResult {
    let found = "the stack has no alarms: nobody is notified when something breaks";
    if stack.stage() == Some("dev") {
        return CheckResult::warning(ABOUT, found, format!("deploy it with {TOPIC}, or in another stage than dev"));
    }
    CheckResult::failed(ABOUT, found, "deploy it again from this project's template")
}

/// Whether the stack is so young that an alarm without data says nothing. One that does not say when it was made is not. `now` is
/// in seconds since 1970.
fn is_new(stack: &Stack, now: i64) -> bool {
    stack.created.is_some_and(|created| now.saturating_sub(created) < SECONDS_WITHOUT_DATA)
}

fn state_of(state: Option<&StateValue>, evaluation: Option<&EvaluationState>) -> State {
    match (state, evaluation) {
        (Some(StateValue::Alarm), _) => State::Firing,
        (_, Some(evaluation)) => State::NotEvaluated(evaluation.as_str().to_owned()),
        (Some(StateValue::Ok), None) => State::Quiet,
        (_, None) => State::WithoutData,
    }
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
                    state_of(alarm.state_value(), alarm.evaluation_state()),
                    alarm.alarm_description(),
                    alarm.actions_enabled(),
                    alarm.alarm_actions(),
                )
            });
            let composite = page.composite_alarms().iter().map(|alarm| {
                (
                    alarm.alarm_name(),
                    state_of(alarm.state_value(), None),
                    alarm.alarm_description(),
                    alarm.actions_enabled(),
                    alarm.alarm_actions(),
                )
            });
            for (name, state, description, enabled, actions) in metric.chain(composite) {
                let alarm = Alarm {
                    state,
                    description: description.unwrap_or_default().to_owned(),
                    notifies: enabled != Some(false) && !actions.is_empty(),
                };
                alarms.insert(name.unwrap_or_default().to_owned(), alarm);
            }
        }
    }
    Ok(alarms)
}

/// `is_new`: the stack was made so lately that alarms have no data yet. `has_topic`: it was deployed with [`TOPIC`].
fn judge(names: &[String], alarms: &BTreeMap<String, Alarm>, is_new: bool, has_topic: bool) -> Vec<CheckResult> {
    let mut results = vec![];
    let mut silent = vec![];
    let mut quiet = 0;
    for name in names {
        let Some(alarm) = alarms.get(name) else {
            results.push(CheckResult::deleted_by_hand(ABOUT, format!("{name} does not exist")));
            continue;
        };
        match judge_state(name, alarm, is_new) {
            Some(result) => results.push(result),
            None => quiet += 1,
        }
        if !alarm.notifies {
            silent.push(name.as_str());
        }
    }
    if quiet > 0 {
        results.insert(0, CheckResult::ok(ABOUT, format!("{quiet} of {} are quiet", names.len())));
    }
    if !silent.is_empty() {
        let found = format!("these alarms notify nobody: {}", silent.join(", "));
        results.push(CheckResult::warning(ABOUT, found, how_to_notify(&silent, has_topic)));
    }
    results
}

/// Where the stack has a topic, each alarm had an action that was on.
fn how_to_notify(silent: &[&str], has_topic: bool) -> String {
    if has_topic {
        let names = silent.join(" ");
        format!(
            "aws cloudwatch enable-alarm-actions --alarm-names {names}; one whose actions were removed: {CHANGES_BY_HAND}"
        )
    } else {
        format!("deploy the stack with {TOPIC}: the ARN of an SNS topic that you subscribe to")
    }
}

/// None for an alarm that is quiet.
fn judge_state(name: &str, alarm: &Alarm, is_new: bool) -> Option<CheckResult> {
    match &alarm.state {
        State::Firing => Some(CheckResult::warning(
            ABOUT,
            format!("{name} is in ALARM: {}", alarm.description),
            "follow the runbook that it names; docs/operators.md lists the others",
        )),
        State::NotEvaluated(why) => Some(CheckResult::warning(
            ABOUT,
            format!("{name} is not evaluated properly ({why}): it would not warn"),
            format!("the alarm's history says why: aws cloudwatch describe-alarm-history --alarm-name {name}"),
        )),
        State::WithoutData if !is_new => Some(CheckResult::warning(
            ABOUT,
            format!("{name} has no data (INSUFFICIENT_DATA): it would not warn"),
            format!("look whether its metrics exist in CloudWatch; where the alarm was changed: {CHANGES_BY_HAND}"),
        )),
        State::Quiet | State::WithoutData => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aws::doctor::check_result::Outcome;

    #[test]
    fn an_alarm_that_is_in_alarm_absent_or_silent_is_named() {
        let alarm = |state, notifies| Alarm { state, description: "2 errors".into(), notifies };
        let alarms = BTreeMap::from([
            ("quiet".to_owned(), alarm(State::Quiet, true)),
            ("ringing".to_owned(), alarm(State::Firing, true)),
            ("silent".to_owned(), alarm(State::Quiet, false)),
            ("empty".to_owned(), alarm(State::WithoutData, true)),
            ("broken".to_owned(), alarm(State::NotEvaluated("EVALUATION_ERROR".into()), true)),
        ]);
        let names = ["quiet", "ringing", "silent", "absent", "empty", "broken"].map(str::to_owned).to_vec();
        let found = judge(&names, &alarms, false, true);
        let outcomes: Vec<Outcome> = found.iter().map(|result| result.outcome).collect();
        let [ok, warning, failed] = [Outcome::Ok, Outcome::Warning, Outcome::Failed];
        assert_eq!(outcomes, [ok, warning, failed, warning, warning, warning]);
        assert_eq!(found[0].found, "2 of 6 are quiet");
        assert_eq!(found[1].found, "ringing is in ALARM: 2 errors");
        assert_eq!(found[2], CheckResult::deleted_by_hand(ABOUT, "absent does not exist"));
        assert!(found[3].found.starts_with("empty has no data"));
        assert!(found[4].found.starts_with("broken is not evaluated properly (EVALUATION_ERROR)"));
        assert!(found[5].found.ends_with(": silent"));
        // A stack of today has alarms that were not evaluated yet.
        assert_eq!(judge(&names, &alarms, true, true)[0].found, "3 of 6 are quiet");
    }

    #[test]
    fn only_a_stack_without_a_topic_is_deployed_again_for_an_alarm_that_notifies_nobody() {
        let silent = Alarm { state: State::Quiet, description: String::new(), notifies: false };
        let names = ["failing", "slow"].map(str::to_owned).to_vec();
        let alarms: BTreeMap<_, _> = names.iter().map(|name| (name.clone(), silent.clone())).collect();
        let remedy = |has_topic| judge(&names, &alarms, false, has_topic).pop().unwrap().remedy.unwrap();
        assert!(remedy(false).starts_with("deploy the stack with AlarmTopicArn"), "{}", remedy(false));
        let by_hand = remedy(true);
        assert!(by_hand.starts_with("aws cloudwatch enable-alarm-actions --alarm-names failing slow;"), "{by_hand}");
        assert!(by_hand.ends_with(CHANGES_BY_HAND), "{by_hand}");
        // The template says nothing of whether actions are on, and so no change set switches them on again.
        let template = include_str!("../../../../template.yaml");
        assert!(!template.contains("ActionsEnabled"));
        let actions = template.lines().filter_map(|line| line.strip_prefix("      AlarmActions: "));
        let actions: Vec<&str> = actions.collect();
        assert!(actions.len() > 30 && actions.iter().all(|given| given.starts_with("!If [Paged, ")), "{actions:?}");
        assert!(template.contains(&format!("\n  Paged: !Not [!Equals [!Ref {TOPIC}, \"\"]]\n")));
    }

    #[test]
    fn only_an_alarm_that_cloudwatch_evaluated_and_found_good_is_quiet() {
        assert_eq!(state_of(Some(&StateValue::Ok), None), State::Quiet);
        assert_eq!(state_of(Some(&StateValue::InsufficientData), None), State::WithoutData);
        for evaluation in [EvaluationState::EvaluationError, EvaluationState::PartialData] {
            let expected = State::NotEvaluated(evaluation.as_str().to_owned());
            assert_eq!(state_of(Some(&StateValue::Ok), Some(&evaluation)), expected);
            assert_eq!(state_of(Some(&StateValue::Alarm), Some(&evaluation)), State::Firing);
        }
    }

    #[test]
    fn a_stack_is_new_for_a_day() {
        let stack = |created| Stack { created, ..Stack::default() };
        let now = 1_800_000_000;
        assert!(is_new(&stack(Some(now - SECONDS_WITHOUT_DATA + 1)), now));
        assert!(!is_new(&stack(Some(now - SECONDS_WITHOUT_DATA)), now));
        assert!(!is_new(&stack(None), now));
    }

    #[test]
    fn the_template_says_of_each_alarm_how_missing_data_counts() {
        let template = include_str!("../../../../template.yaml");
        let alarms: Vec<&str> = template.split("    Type: AWS::CloudWatch::Alarm\n").skip(1).collect();
        assert!(alarms.len() > 30);
        for alarm in alarms {
            assert!(alarm.contains("\n      TreatMissingData: "), "{}", alarm.lines().take(5).collect::<String>());
        }
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
