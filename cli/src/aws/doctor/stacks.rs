//! Checks that the stack exists, is deployed completely, and has the outputs that the commands read.

use aws_config::SdkConfig;
use aws_sdk_cloudformation::Client;
use aws_sdk_cloudformation::config::Builder;

use crate::aws::doctor::check_result::CheckResult;
use crate::aws::doctor::clock::ClockSkew;
use crate::aws::stack::{Stack, deployments};

const ABOUT: &str = "stack";
const REQUIRED_OUTPUTS: [&str; 2] = ["ApiUrl", "DoorPolicyName"];
/// In these states nothing is deployed, or is about to be.
const NOTHING_THERE: [&str; 3] = ["REVIEW_IN_PROGRESS", "ROLLBACK_IN_PROGRESS", "DELETE_IN_PROGRESS"];

/// The codes of AWS's answer to whoever may not read a stack.
const DENIED: [&str; 2] = ["AccessDenied", "AccessDeniedException"];

/// The stack, when it can be read, and what was found of it and of this machine's clock.
pub async fn check(sdk: &SdkConfig, name: &str) -> (Option<Stack>, Vec<CheckResult>) {
    let skew = ClockSkew::default();
    let client = Client::from_conf(Builder::from(sdk).interceptor(skew.clone()).build());
    let read = Stack::read_with(&client, name).await;
    let mut results: Vec<CheckResult> = skew.result().into_iter().collect();
    match read {
        Ok(stack) => {
            results.push(state(&stack, sdk.region().map_or("", |region| region.as_ref())));
            results.extend(outputs(&stack));
            results.extend(protection(&stack));
            results.push(match deployments(&client).await {
                Ok(all) => neighbours(&stack, &all),
                Err(error) => CheckResult::refused(ABOUT, "the other stacks of the account", &error),
            });
            (Some(stack), results)
        }
        Err(error) if error.code.as_deref().is_some_and(|code| DENIED.contains(&code)) => {
            results.push(CheckResult::refused(ABOUT, &format!("the stack {name}"), &error));
            (None, results)
        }
        Err(error) => {
            let remedy = "is it deployed there? --stack names another stack, AWS_REGION another region, AWS_PROFILE another account";
            results.push(CheckResult::failed(
                ABOUT,
                format!("the stack {name} cannot be read: {}", error.message),
                remedy,
            ));
            (None, results)
        }
    }
}

fn state(stack: &Stack, region: &str) -> CheckResult {
    let found = format!("{} is {} (account {}, {region})", stack.name, stack.status, stack.account());
    let why = stack.reason.as_ref().map(|reason| format!(": {reason}")).unwrap_or_default();
    match stack.status.as_str() {
        "CREATE_COMPLETE" | "UPDATE_COMPLETE" | "IMPORT_COMPLETE" => CheckResult::ok(ABOUT, found),
        status @ ("UPDATE_ROLLBACK_COMPLETE" | "IMPORT_ROLLBACK_COMPLETE") => {
            CheckResult::warning(ABOUT, format!("{found}{why}"), way_out(&stack.name, status))
        }
        status if status.ends_with("_IN_PROGRESS") && !NOTHING_THERE.contains(&status) => {
            CheckResult::warning(ABOUT, found, way_out(&stack.name, status))
        }
        status => CheckResult::failed(ABOUT, format!("{found}{why}"), way_out(&stack.name, status)),
    }
}

/// What leads out of a state. `tools/deploy` refuses a stack that takes no deployment, and says more: infra/template/account.py.
fn way_out(name: &str, status: &str) -> String {
    let events = "the stack's events in CloudFormation say why";
    match status {
        "UPDATE_ROLLBACK_COMPLETE" | "IMPORT_ROLLBACK_COMPLETE" => {
            format!("the last deployment was rolled back; {events}")
        }
        "UPDATE_ROLLBACK_FAILED" => format!(
            "{events}: put that right, then aws cloudformation continue-update-rollback --stack-name {name}; \
             before, it takes no deployment"
        ),
        "UPDATE_FAILED" => {
            format!("{events}; aws cloudformation rollback-stack --stack-name {name}, then deploy again")
        }
        "IMPORT_ROLLBACK_FAILED" => {
            format!("{events}; CloudFormation has no command that goes on with it: ask AWS Support")
        }
        "CREATE_FAILED" | "ROLLBACK_COMPLETE" | "ROLLBACK_FAILED" => {
            format!("its first deployment failed; {events}. tools/deploy prints the commands that remove it")
        }
        "ROLLBACK_IN_PROGRESS" => {
            format!("its first deployment failed; {events}. Wait, then tools/deploy prints the commands that remove it")
        }
        "REVIEW_IN_PROGRESS" => "a change set was made and never executed, so nothing is deployed: deploy".to_owned(),
        "DELETE_IN_PROGRESS" | "DELETE_COMPLETE" => {
            "it is deleted; tables, buckets, keys and the broker's names stay, and another deployment makes new ones"
                .to_owned()
        }
        "DELETE_FAILED" => format!(
            "{events}; aws cloudformation delete-stack --deletion-mode FORCE_DELETE_STACK --stack-name {name} deletes the rest"
        ),
        _ if status.ends_with("_IN_PROGRESS") => {
            "a deployment is in progress: run the check again when it has finished".to_owned()
        }
        _ => events.to_owned(),
    }
}

fn outputs(stack: &Stack) -> Option<CheckResult> {
    let missing: Vec<&str> = REQUIRED_OUTPUTS.into_iter().filter(|name| !stack.outputs.contains_key(*name)).collect();
    let found = format!("{} has no output {}", stack.name, missing.join(", "));
    (!missing.is_empty()).then(|| CheckResult::failed(ABOUT, found, "deploy it again from this project's template"))
}

/// Only the stage `dev` may be deleted by one command.
fn protection(stack: &Stack) -> Option<CheckResult> {
    let name = &stack.name;
    (!stack.is_protected && stack.stage().is_some_and(|stage| stage != "dev")).then(|| {
        CheckResult::warning(
            ABOUT,
            format!("{name} is not protected from being deleted"),
            format!(
                "aws cloudformation update-termination-protection --enable-termination-protection --stack-name {name}"
            ),
        )
    })
}

/// IoT Core has one space of topics and client ids for all stacks of an account and region.
fn neighbours(stack: &Stack, all: &[(String, String)]) -> CheckResult {
    let own = stack.parameter("TopicPrefix").unwrap_or_default();
    let mixed: Vec<&str> = all
        .iter()
        .filter(|(name, prefix)| *name != stack.name && prefix == own)
        .map(|(name, _)| name.as_str())
        .collect();
    let prefix =
        if own.is_empty() { "without a topic prefix".to_owned() } else { format!("with the topic prefix {own}") };
    if mixed.is_empty() {
        return CheckResult::ok(ABOUT, format!("{} is alone {prefix} in this account and region", stack.name));
    }
    CheckResult::failed(
        ABOUT,
        format!("{} and {} are both {prefix}: a call in one rings phones of the other", stack.name, mixed.join(", ")),
        "deploy one of them anew with a TopicPrefix of its own, or in another account or region",
    )
}

#[cfg(test)]
mod tests {
    use aws_sdk_cloudformation::types::StackStatus;

    use super::*;
    use crate::aws::doctor::check_result::Outcome;

    #[test]
    fn a_stack_is_complete_or_changing_or_broken() {
        for (status, outcome) in [
            ("CREATE_COMPLETE", Outcome::Ok),
            ("UPDATE_COMPLETE", Outcome::Ok),
            ("UPDATE_ROLLBACK_COMPLETE", Outcome::Warning),
            ("UPDATE_IN_PROGRESS", Outcome::Warning),
            ("UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", Outcome::Warning),
            ("REVIEW_IN_PROGRESS", Outcome::Failed),
            ("ROLLBACK_COMPLETE", Outcome::Failed),
            ("UPDATE_ROLLBACK_FAILED", Outcome::Failed),
            ("DELETE_COMPLETE", Outcome::Failed),
        ] {
            assert_eq!(
                state(&Stack { status: status.into(), ..Stack::default() }, "eu-central-1").outcome,
                outcome,
                "{status}"
            );
        }
    }

    #[test]
    fn no_state_is_answered_with_a_command_that_cloudformation_refuses() {
        for status in StackStatus::values().iter().copied() {
            let stack = Stack { name: "calls".into(), status: status.into(), ..Stack::default() };
            let found = state(&stack, "eu-central-1");
            let remedy = found.remedy.unwrap_or_default();
            assert_eq!(found.outcome == Outcome::Ok, remedy.is_empty(), "{status}: {remedy}");
            assert!(!remedy.contains("deploy it again"), "{status}: {remedy}");
            if status.ends_with("_FAILED") {
                assert_eq!(found.outcome, Outcome::Failed, "{status}");
            }
        }
        for (status, says) in [
            ("UPDATE_ROLLBACK_FAILED", "aws cloudformation continue-update-rollback --stack-name calls"),
            ("UPDATE_FAILED", "aws cloudformation rollback-stack --stack-name calls"),
            ("DELETE_FAILED", "aws cloudformation delete-stack --deletion-mode FORCE_DELETE_STACK --stack-name calls"),
            ("REVIEW_IN_PROGRESS", "nothing is deployed"),
            ("UPDATE_IN_PROGRESS", "when it has finished"),
        ] {
            assert!(way_out("calls", status).contains(says), "{status}: {}", way_out("calls", status));
        }
    }

    #[test]
    fn stacks_of_one_account_and_region_need_different_prefixes() {
        let named = |name: &str, prefix: &str| (name.to_owned(), prefix.to_owned());
        let own = |prefix: &str| Stack {
            name: "ilock-prod".into(),
            parameters: [("TopicPrefix".to_owned(), prefix.to_owned())].into(),
            ..Stack::default()
        };
        let all = [named("ilock-prod", ""), named("ilock-dev", "blue")];
        assert_eq!(neighbours(&own(""), &all).outcome, Outcome::Ok);
        let mixed = neighbours(&own("blue"), &all);
        assert_eq!(mixed.outcome, Outcome::Failed);
        assert!(mixed.found.contains("ilock-prod and ilock-dev"), "{}", mixed.found);
    }

    #[test]
    fn only_dev_may_be_deleted_by_one_command() {
        let of = |stage: &str, is_protected| Stack {
            parameters: [("Stage".to_owned(), stage.to_owned())].into(),
            is_protected,
            ..Stack::default()
        };
        assert_eq!(protection(&of("dev", false)), None);
        assert_eq!(protection(&of("prod", true)), None);
        assert_eq!(protection(&of("prod", false)).unwrap().outcome, Outcome::Warning);
    }

    #[test]
    fn a_stack_without_the_required_outputs_has_failed() {
        let mut stack = Stack::default();
        assert!(outputs(&stack).unwrap().found.ends_with("no output ApiUrl, DoorPolicyName"));
        for name in REQUIRED_OUTPUTS {
            stack.outputs.insert(name.into(), "x".into());
        }
        assert_eq!(outputs(&stack), None);
    }
}
