//! Checks that somebody hears the alarms, that whoever reports can publish to their topics, and that the push services are switched on and report what fails.

use std::collections::HashMap;

use aws_config::SdkConfig;
use aws_sdk_sns::Client;

use crate::aws::account::AwsError;
use crate::aws::doctor::check_result::CheckResult;
use crate::aws::doctor::encryption;
use crate::aws::doctor::topic_access::{self, Reporter};
use crate::aws::stack::Stack;

const ALARMS: &str = "alarms";
const PUSH: &str = "push";
/// Parameters that name the topics of alarms.
const TOPICS: [&str; 2] = ["AlarmTopicArn", "TicketTopicArn"];
/// The parameter that names the entry with the service account for FCM.
const FCM_ACCOUNT: &str = "PushFcmAccountArn";
/// Parameters that name platform applications.
const APPS: [&str; 5] = ["PushGcm", "PushApns", "PushApnsSandbox", "PushApnsVoip", "PushApnsVoipSandbox"];

pub async fn check(sdk: &SdkConfig, stack: &Stack) -> Vec<CheckResult> {
    let client = Client::new(sdk);
    let mut results = vec![];
    for (parameter, arn) in given(stack, &TOPICS) {
        match client.get_topic_attributes().topic_arn(arn).send().await {
            Ok(found) => {
                let attributes = found.attributes();
                results.push(judge_topic(parameter, arn, attributes));
                let (policy, key) = (attribute(attributes, "Policy"), attribute(attributes, "KmsMasterKeyId"));
                results.extend(topic_access::judge(parameter, arn, reporters(parameter, stack), policy, key));
            }
            Err(error) => results.push(no_topic(parameter, arn, &AwsError::from_sdk(&error))),
        }
    }
    for topic in stack.of_kind("AWS::SNS::Topic").map(|topic| topic.physical.as_str()) {
        results.extend(match client.get_topic_attributes().topic_arn(topic).send().await {
            Ok(found) => encryption::judge_topic(PUSH, topic, attribute(found.attributes(), "KmsMasterKeyId")),
            Err(error) => Some(CheckResult::refused(PUSH, &format!("the topic {topic}"), &AwsError::from_sdk(&error))),
        });
    }
    let reports = stack.outputs.get("PushFailuresTopic").map(String::as_str);
    for (parameter, arn) in given(stack, &APPS) {
        let asked = client.get_platform_application_attributes().platform_application_arn(arn).send().await;
        match asked {
            Ok(found) => results.extend(judge_app(parameter, arn, found.attributes(), reports)),
            Err(error) => results.push(no_app(parameter, arn, &AwsError::from_sdk(&error))),
        }
    }
    results.extend(account_of_fcm(sdk, stack).await);
    results
}

/// Who publishes to the topic that `parameter` names. The budget is reported to the first one alone.
fn reporters(parameter: &str, stack: &Stack) -> &'static [Reporter] {
    let budgeted = stack.parameter("MonthlyBudgetDollars").is_some_and(|dollars| dollars != "0");
    if budgeted && parameter == TOPICS[0] {
        &[Reporter::CloudWatch, Reporter::Budgets]
    } else {
        &[Reporter::CloudWatch]
    }
}

/// The service account with which FCM is asked without SNS, where it is.
async fn account_of_fcm(sdk: &SdkConfig, stack: &Stack) -> Option<CheckResult> {
    let (_, arn) = given(stack, &[FCM_ACCOUNT]).pop()?;
    let asked = aws_sdk_secretsmanager::Client::new(sdk).describe_secret().secret_id(arn).send().await;
    Some(match asked.map_err(|error| AwsError::from_sdk(&error)) {
        Ok(found) => judge_account(arn, found.deleted_date().is_none(), found.kms_key_id()),
        Err(error) if error.is_not_found() => judge_account(arn, false, None),
        Err(error) => CheckResult::unchecked(PUSH, format!("{FCM_ACCOUNT} could not be checked: {}", error.message)),
    })
}

fn judge_account(arn: &str, is_there: bool, key: Option<&str>) -> CheckResult {
    if !is_there {
        return CheckResult::failed(
            PUSH,
            format!("{FCM_ACCOUNT} ({arn}) does not exist, or is to be deleted: Android phones are not woken"),
            format!("aws secretsmanager restore-secret --secret-id {arn}, or keep a new one and deploy with its ARN"),
        );
    }
    match key {
        // Secrets Manager names no key where it is its own.
        None => CheckResult::ok(PUSH, format!("{FCM_ACCOUNT} is there")),
        Some(key) if key.ends_with("alias/aws/secretsmanager") => {
            CheckResult::ok(PUSH, format!("{FCM_ACCOUNT} is there"))
        }
        Some(key) => CheckResult::failed(
            PUSH,
            format!(
                "{FCM_ACCOUNT} is encrypted with {key}, which the functions may not use: Android phones are not woken"
            ),
            format!("aws secretsmanager update-secret --secret-id {arn} --kms-key-id alias/aws/secretsmanager"),
        ),
    }
}

/// What an ARN of SNS ends with.
fn name_of(arn: &str) -> &str {
    arn.rsplit([':', '/']).next().unwrap_or(arn)
}

/// Something that the operator made, and that the stack only names: no deployment makes it again.
fn not_read(about: &'static str, what: &str, error: &AwsError, lost: &str, remedy: String) -> CheckResult {
    if error.is_not_found() {
        CheckResult::failed(about, format!("{what} does not exist: {lost}"), remedy)
    } else {
        CheckResult::refused(about, what, error)
    }
}

fn no_topic(parameter: &str, arn: &str, error: &AwsError) -> CheckResult {
    let lost = format!("nobody hears the alarms that go to {parameter}");
    let remedy = format!(
        "aws sns create-topic --name {} makes it again under this ARN: then subscribe to it; \
         or deploy with {parameter}: the ARN of another one",
        name_of(arn)
    );
    not_read(ALARMS, &format!("the topic {arn}"), error, &lost, remedy)
}

fn no_app(parameter: &str, arn: &str, error: &AwsError) -> CheckResult {
    let lost = format!("no phone is woken by {parameter}");
    let remedy = format!(
        "docs/operators.md, “Pushes”: make it again with the name {}, which gives it this ARN; \
         or deploy with {parameter}: the ARN of another one",
        name_of(arn)
    );
    not_read(PUSH, &format!("the platform application {arn}"), error, &lost, remedy)
}

/// Those parameters that are set.
fn given<'a>(stack: &'a Stack, names: &[&'static str]) -> Vec<(&'static str, &'a str)> {
    names.iter().filter_map(|name| Some((*name, stack.parameter(name)?))).collect()
}

fn attribute<'a>(attributes: Option<&'a HashMap<String, String>>, name: &str) -> Option<&'a str> {
    attributes.and_then(|attributes| attributes.get(name)).map(String::as_str)
}

fn judge_topic(parameter: &str, arn: &str, attributes: Option<&HashMap<String, String>>) -> CheckResult {
    match attribute(attributes, "SubscriptionsConfirmed") {
        Some("0") | None => CheckResult::failed(
            ALARMS,
            format!("nobody has subscribed to {parameter} ({arn}), or nobody has confirmed it: alarms are not heard"),
            format!(
                "aws sns subscribe --topic-arn {arn} --protocol email --notification-endpoint …, and confirm the mail"
            ),
        ),
        Some(number) => CheckResult::ok(ALARMS, format!("{parameter} has {number} confirmed subscriptions")),
    }
}

fn judge_app(
    parameter: &str,
    arn: &str,
    attributes: Option<&HashMap<String, String>>,
    reports: Option<&str>,
) -> Vec<CheckResult> {
    let mut results = vec![];
    if attribute(attributes, "Enabled") == Some("false") {
        results.push(CheckResult::failed(
            PUSH,
            format!("{parameter} is disabled ({arn}): no phone is woken by it"),
            "its key or certificate was refused or has expired: set a new one on the platform application, and enable it",
        ));
    }
    if let Some(topic) = reports
        && attribute(attributes, "EventDeliveryFailure") != Some(topic)
    {
        results.push(CheckResult::warning(
            PUSH,
            format!("{parameter} does not report failed pushes to {topic}: dead tokens are not noticed"),
            format!(
                "aws sns set-platform-application-attributes --platform-application-arn {arn} --attributes EventDeliveryFailure={topic}"
            ),
        ));
    }
    if results.is_empty() {
        results.push(CheckResult::ok(PUSH, format!("{parameter} is enabled and reports what fails")));
    }
    results
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aws::doctor::check_result::Outcome;

    fn attributes(pairs: &[(&str, &str)]) -> HashMap<String, String> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn a_topic_that_nobody_hears_has_failed() {
        let outcome = |number| {
            judge_topic("AlarmTopicArn", "arn:t", Some(&attributes(&[("SubscriptionsConfirmed", number)]))).outcome
        };
        assert_eq!((outcome("0"), outcome("1")), (Outcome::Failed, Outcome::Ok));
        assert_eq!(judge_topic("AlarmTopicArn", "arn:t", None).outcome, Outcome::Failed);
    }

    #[test]
    fn what_the_operator_made_no_deployment_makes_again() {
        let error = |code: &str| AwsError { code: Some(code.into()), message: format!("{code}: no") };
        let topic = |code: &str| no_topic("AlarmTopicArn", "arn:aws:sns:eu-central-1:123456789012:pager", &error(code));
        let app = |code: &str| no_app("PushGcm", "arn:aws:sns:eu-central-1:123456789012:app/GCM/calls", &error(code));
        // SNS's code, and the name of its error.
        for code in ["NotFound", "NotFoundException"] {
            let (topic, app) = (topic(code), app(code));
            assert_eq!((topic.outcome, app.outcome), (Outcome::Failed, Outcome::Failed));
            let remedy = topic.remedy.unwrap();
            assert!(
                remedy.starts_with("aws sns create-topic --name pager ") && remedy.contains("with AlarmTopicArn"),
                "{remedy}"
            );
            let remedy = app.remedy.unwrap();
            assert!(
                remedy.starts_with("docs/operators.md, “Pushes”: ") && remedy.contains("the name calls,"),
                "{remedy}"
            );
        }
        assert_eq!(
            (topic("AuthorizationError").outcome, app("AuthorizationError").outcome),
            (Outcome::Unchecked, Outcome::Unchecked)
        );
        let (_, pushes) = include_str!("../../../../docs/operators.md").split_once("\n### Pushes\n").unwrap();
        assert!(pushes.split_once("\n### ").unwrap().0.contains("aws sns create-platform-application --name "));
    }

    #[test]
    fn a_platform_application_is_enabled_and_reports_to_the_stacks_topic() {
        let outcomes = |pairs: &[(&str, &str)]| -> Vec<Outcome> {
            let found = judge_app("PushGcm", "arn:app", Some(&attributes(pairs)), Some("arn:failures"));
            found.into_iter().map(|result| result.outcome).collect()
        };
        assert_eq!(outcomes(&[("Enabled", "true"), ("EventDeliveryFailure", "arn:failures")]), [Outcome::Ok]);
        assert_eq!(outcomes(&[("Enabled", "true")]), [Outcome::Warning]);
        assert_eq!(
            outcomes(&[("Enabled", "false"), ("EventDeliveryFailure", "arn:other")]),
            [Outcome::Failed, Outcome::Warning]
        );
    }

    #[test]
    fn the_service_account_is_there_and_the_functions_can_read_it() {
        let outcome = |is_there, key| judge_account("arn:account", is_there, key).outcome;
        assert_eq!(outcome(true, None), Outcome::Ok);
        assert_eq!(outcome(true, Some("arn:aws:kms:eu-central-1:1:alias/aws/secretsmanager")), Outcome::Ok);
        assert_eq!(outcome(true, Some("arn:aws:kms:eu-central-1:1:key/1")), Outcome::Failed);
        assert_eq!(outcome(false, None), Outcome::Failed);
    }

    #[test]
    fn a_budget_is_reported_to_the_alarms_topic_where_there_is_one() {
        let stack = |dollars: &str| {
            let parameters = [("MonthlyBudgetDollars".to_owned(), dollars.to_owned())].into();
            Stack { parameters, ..Stack::default() }
        };
        let both = [Reporter::CloudWatch, Reporter::Budgets];
        assert_eq!(reporters("AlarmTopicArn", &stack("500")), both);
        for (topic, dollars) in [("TicketTopicArn", "500"), ("AlarmTopicArn", "0"), ("AlarmTopicArn", "")] {
            assert_eq!(reporters(topic, &stack(dollars)), [Reporter::CloudWatch], "{topic}, {dollars}");
        }
    }

    #[test]
    fn only_what_is_set_is_looked_at() {
        let parameters = [("PushGcm", ""), ("PushApns", "arn:apns")];
        let parameters = parameters.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        let stack = Stack { parameters, ..Stack::default() };
        assert_eq!(given(&stack, &APPS), [("PushApns", "arn:apns")]);
        assert!(given(&stack, &TOPICS).is_empty());
    }
}
