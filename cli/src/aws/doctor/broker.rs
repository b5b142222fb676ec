//! Checks IoT Core: the endpoint, the domain configurations, the authorizer, the rule for presence, the doors' policy.

use aws_config::SdkConfig;
use aws_sdk_iot::Client;
use aws_sdk_iot::operation::describe_domain_configuration::DescribeDomainConfigurationOutput;
use aws_sdk_iot::types::{AuthorizerDescription, AuthorizerStatus, DomainConfigurationStatus, ServerCertificateStatus};

use crate::aws::account::AwsError;
use crate::aws::doctor::check_result::CheckResult;
use crate::aws::stack::{Resource, Stack};

const ABOUT: &str = "broker";

pub async fn check(sdk: &SdkConfig, stack: &Stack) -> Vec<CheckResult> {
    let client = Client::new(sdk);
    let mut results = vec![endpoint(&client).await];
    let authorizers: Vec<&Resource> = stack.of_kind("AWS::IoT::Authorizer").collect();
    if authorizers.is_empty() {
        let remedy =
            "without it no client can connect with a password: deploy the stack again from this project's template";
        results.push(CheckResult::failed(ABOUT, "the stack has no authorizer", remedy));
    }
    for authorizer in &authorizers {
        let name = &authorizer.physical;
        results.push(match client.describe_authorizer().authorizer_name(name).send().await {
            Ok(response) => judge_authorizer(name, response.authorizer_description(), stack),
            Err(error) => CheckResult::refused(ABOUT, &format!("the authorizer {name}"), &AwsError::from_sdk(&error)),
        });
    }
    for domain in stack.of_kind("AWS::IoT::DomainConfiguration") {
        let name = &domain.physical;
        results.push(match client.describe_domain_configuration().domain_configuration_name(name).send().await {
            Ok(found) => judge_domain(name, &found, &authorizers),
            Err(error) => {
                CheckResult::refused(ABOUT, &format!("the domain configuration {name}"), &AwsError::from_sdk(&error))
            }
        });
    }
    for rule in stack.of_kind("AWS::IoT::TopicRule") {
        results.push(presence_rule(&client, &rule.physical).await);
    }
    if let Some(policy) = stack.outputs.get("DoorPolicyName") {
        results.push(match client.get_policy().policy_name(policy).send().await {
            Ok(_) => CheckResult::ok(ABOUT, format!("the doors' policy {policy} exists")),
            Err(error) => {
                CheckResult::refused(ABOUT, &format!("the doors' policy {policy}"), &AwsError::from_sdk(&error))
            }
        });
    }
    results
}

async fn endpoint(client: &Client) -> CheckResult {
    match client.describe_endpoint().endpoint_type("iot:Data-ATS").send().await {
        Ok(response) => match response.endpoint_address() {
            Some(host) if !host.is_empty() => CheckResult::ok(ABOUT, format!("the IoT data endpoint is {host}")),
            _ => CheckResult::failed(ABOUT, "the account has no IoT data endpoint", "is IoT Core on in this region?"),
        },
        Err(error) => CheckResult::refused(ABOUT, "the IoT data endpoint", &AwsError::from_sdk(&error)),
    }
}

async fn presence_rule(client: &Client, name: &str) -> CheckResult {
    match client.get_topic_rule().rule_name(name).send().await {
        Ok(response) if response.rule().and_then(aws_sdk_iot::types::TopicRule::rule_disabled) == Some(true) => {
            let remedy = "enable it: without it clients that lose their connection stay online in the directory";
            CheckResult::failed(ABOUT, format!("the rule {name} is disabled"), remedy)
        }
        Ok(_) => CheckResult::ok(ABOUT, format!("the rule {name} is enabled")),
        Err(error) => CheckResult::refused(ABOUT, &format!("the rule {name}"), &AwsError::from_sdk(&error)),
    }
}

fn judge_authorizer(name: &str, found: Option<&AuthorizerDescription>, stack: &Stack) -> CheckResult {
    let what = format!("the authorizer {name}");
    let Some(found) = found else {
        return CheckResult::deleted_by_hand(ABOUT, format!("{what} does not exist"));
    };
    if found.status() != Some(&AuthorizerStatus::Active) {
        let remedy = format!("aws iot update-authorizer --authorizer-name {name} --status ACTIVE");
        return CheckResult::failed(
            ABOUT,
            format!("{what} is not active: no client can connect with a password"),
            remedy,
        );
    }
    let arn = found.authorizer_function_arn().unwrap_or_default();
    // arn:…:function:<name>, and perhaps :<alias>.
    let function = arn.split(':').nth(6).unwrap_or_default();
    if stack.of_kind("AWS::Lambda::Function").any(|of_stack| of_stack.physical == function) {
        return CheckResult::ok(ABOUT, format!("{what} is active and invokes {function}"));
    }
    CheckResult::changed_by_hand(ABOUT, format!("{what} invokes {arn}, which is not a function of this stack"))
}

fn judge_domain(name: &str, found: &DescribeDomainConfigurationOutput, authorizers: &[&Resource]) -> CheckResult {
    let domain = found.domain_name().unwrap_or(name);
    let what = format!("the domain {domain} ({name})");
    if found.domain_configuration_status() != Some(&DomainConfigurationStatus::Enabled) {
        let remedy = format!(
            "aws iot update-domain-configuration --domain-configuration-name {name} --domain-configuration-status ENABLED"
        );
        return CheckResult::failed(ABOUT, format!("{what} is not enabled"), remedy);
    }
    let invalid = found
        .server_certificates()
        .iter()
        .find(|certificate| certificate.server_certificate_status() == Some(&ServerCertificateStatus::Invalid));
    if let Some(certificate) = invalid {
        let why = certificate.server_certificate_status_detail().unwrap_or("no reason given");
        return CheckResult::failed(ABOUT, format!("{what} has a bad certificate: {why}"), "renew it in ACM");
    }
    let authorizer = found.authorizer_config().and_then(|config| config.default_authorizer_name()).unwrap_or_default();
    if authorizers.iter().any(|of_stack| of_stack.physical == authorizer) {
        return CheckResult::ok(ABOUT, format!("{what} is enabled and uses {authorizer}"));
    }
    let authorizer = if authorizer.is_empty() { "no authorizer" } else { authorizer };
    CheckResult::changed_by_hand(ABOUT, format!("{what} uses {authorizer}, not the authorizer of this stack"))
}

#[cfg(test)]
mod tests {
    use aws_sdk_iot::types::{AuthorizerConfig, ServerCertificateSummary};

    use super::*;
    use crate::aws::doctor::check_result::Outcome;

    fn resource(kind: &str, physical: &str) -> Resource {
        Resource { logical: physical.into(), physical: physical.into(), kind: kind.into() }
    }

    #[test]
    fn an_authorizer_is_active_and_invokes_the_stacks_own_function() {
        let stack =
            Stack { resources: vec![resource("AWS::Lambda::Function", "ilock-dev-authorizer")], ..Stack::default() };
        let found = |status, function: &str| {
            let arn = format!("arn:aws:lambda:eu-central-1:123456789012:function:{function}");
            AuthorizerDescription::builder().status(status).authorizer_function_arn(arn).build()
        };
        let outcome = |found: &AuthorizerDescription| judge_authorizer("a", Some(found), &stack).outcome;
        assert_eq!(outcome(&found(AuthorizerStatus::Active, "ilock-dev-authorizer")), Outcome::Ok);
        assert_eq!(outcome(&found(AuthorizerStatus::Active, "ilock-dev-authorizer:live")), Outcome::Ok);
        assert_eq!(outcome(&found(AuthorizerStatus::Inactive, "ilock-dev-authorizer")), Outcome::Failed);
        assert_eq!(outcome(&found(AuthorizerStatus::Active, "ilock-prod-authorizer")), Outcome::Failed);
        let gone = judge_authorizer("a", None, &stack);
        assert_eq!(gone, CheckResult::deleted_by_hand(ABOUT, "the authorizer a does not exist"));
        let changed = judge_authorizer("a", Some(&found(AuthorizerStatus::Active, "other")), &stack);
        let invokes = "arn:aws:lambda:eu-central-1:123456789012:function:other, which is not a function of this stack";
        assert_eq!(changed, CheckResult::changed_by_hand(ABOUT, format!("the authorizer a invokes {invokes}")));
    }

    #[test]
    fn a_domain_is_enabled_with_a_good_certificate_and_our_authorizer() {
        use DomainConfigurationStatus::{Disabled, Enabled};
        use ServerCertificateStatus::{Invalid, Valid};
        let authorizer = resource("AWS::IoT::Authorizer", "ilock-dev");
        let found = |status, certificate, asked: &str| {
            DescribeDomainConfigurationOutput::builder()
                .domain_configuration_status(status)
                .server_certificates(ServerCertificateSummary::builder().server_certificate_status(certificate).build())
                .authorizer_config(AuthorizerConfig::builder().default_authorizer_name(asked).build())
                .build()
        };
        let outcome = |found| judge_domain("mqtt", &found, &[&authorizer]).outcome;
        assert_eq!(outcome(found(Enabled, Valid, "ilock-dev")), Outcome::Ok);
        assert_eq!(outcome(found(Disabled, Valid, "ilock-dev")), Outcome::Failed);
        assert_eq!(outcome(found(Enabled, Invalid, "ilock-dev")), Outcome::Failed);
        let changed = "the domain mqtt (mqtt) uses another, not the authorizer of this stack";
        assert_eq!(
            judge_domain("mqtt", &found(Enabled, Valid, "another"), &[&authorizer]),
            CheckResult::changed_by_hand(ABOUT, changed)
        );
        assert_eq!(outcome(DescribeDomainConfigurationOutput::builder().build()), Outcome::Failed);
    }
}
